# Runs one command in a guest over a channel, with this process's own input and outputs. Nothing from the guest is trusted.
use strict;
use warnings;

# A socket by its name in the working directory: a whole path may be longer than an address (unix(7)) can be.
sub address { return pack 'S a108', 1, $_[0] }

sub unblock { fcntl $_[0], 4, fcntl($_[0], 3, 0) | 2048 }

# Writes all, and waits where that takes time: whoever started this reads both outputs, and the guest its channel.
sub put {
    my ($handle, $bytes) = @_;
    while (Frames::flush($handle, \$bytes) && length $bytes) {
        my $write = '';
        vec($write, fileno $handle, 1) = 1;
        select undef, $write, undef, undef;
    }
}

# Of a channel that is a serial line: how many bytes may be on it, and how many more may go now. Others take any number.
our ($line, $line_may);

sub may_go { my ($pending) = @_; return length $$pending && !(defined $line_may && $line_may == 0) }

# The guest has taken bytes off the line.
sub taken_off {
    my ($payload) = @_;
    return if !defined $line;
    $line_may += unpack 'N', $payload;
    $line_may = $line if $line_may > $line;
}

# Resolves with the exit code, or 128 and the signal. `$$received` may hold what has come already; `$watch` is called four
# times a second. Dies of a frame that cannot be, and of the channel's end.
sub relay {
    my ($channel, $received, $stream, $watch, @argv) = @_;
    my $pending = Frames::frame($Frames::RUN, $stream, join '', map { "$_\0" } @argv);
    die "the command is longer than $Frames::LONGEST bytes\n" if length $pending > $Frames::LONGEST + 7;
    my ($reading, $may, $taken, $window, $ended) = (1, $Frames::WINDOW, 0, $Frames::WINDOW);
    unblock($channel);
    while (1) {
        while (my ($type, $of, $payload) = Frames::next_frame($received, \%Frames::FROM_GUEST)) {
            if ($type == $Frames::READ) { taken_off($payload); next }
            die "a frame of stream $of\n" if $of != $stream;
            if ($type == $Frames::EXIT) {
                my ($code, $signal) = unpack 'CC', $payload;
                ($reading, $ended) = (0, $signal ? 128 + ($signal & 127) : $code);
                next;
            }
            if ($type == $Frames::TAKEN) { $may += unpack 'N', $payload; next }
            die "a frame of type $type\n" if $type != $Frames::OUT && $type != $Frames::ERR;
            $window -= length $payload;
            die "more output than was asked for\n" if $window < 0;
            put($type == $Frames::OUT ? \*STDOUT : \*STDERR, $payload);
            $taken += length $payload;
        }
        if ($taken >= $Frames::WINDOW / 4) {
            $pending .= Frames::frame($Frames::GRANT, $stream, pack 'N', $taken);
            $window += $taken;
            $taken = 0;
        }
        Frames::flush($channel, \$pending, \$line_may) or die "the guest is gone\n";
        # Half a frame of input that the command did not want would hide whatever is sent next: the rest goes first.
        return $ended if defined $ended && $pending eq '';
        my ($read, $write) = ('', '');
        vec($read, fileno $channel, 1) = 1;
        vec($read, 0, 1) = 1 if $reading && $may > 0 && length $pending < 262144;
        vec($write, fileno $channel, 1) = 1 if may_go(\$pending);
        my $ready = select $read, $write, undef, 0.25;
        $watch->();
        next if $ready <= 0;
        if (vec $read, 0, 1) {
            my $limit = $may < 65536 ? $may : 65536;
            my $got = sysread STDIN, my ($bytes), $limit;
            $reading = 0 if !$got;
            $may -= $got // 0;
            $pending .= $got ? Frames::frame($Frames::DATA, $stream, $bytes) : Frames::frame($Frames::END, $stream, '');
        }
        if (vec $read, fileno $channel, 1) {
            my $got = sysread $channel, $$received, 65536, length $$received;
            die "the guest is gone\n" if defined $got && $got == 0;
        }
    }
}

1;
