# Runs one command in a guest over a channel, with this process's stdin, stdout and stderr. Trusts nothing from the
# guest.
use strict;
use warnings;

# A socket address relative to the working directory, because an absolute path may exceed the limit of 108 bytes
# (unix(7)).
sub address { return pack 'S a108', 1, $_[0] }

sub unblock { fcntl $_[0], 4, fcntl($_[0], 3, 0) | 2048 }

# Writes everything and waits if necessary. isobench reads both outputs, and the guest reads the channel, so this ends.
sub put {
    my ($handle, $bytes) = @_;
    while (Frames::flush($handle, \$bytes) && length $bytes) {
        my $write = '';
        vec($write, fileno $handle, 1) = 1;
        select undef, $write, undef, undef;
    }
}

# For a channel that is a serial line: the capacity of its buffer, and how many bytes may be sent now. Undefined without
# a limit.
our ($line, $line_may);

sub may_go { my ($pending) = @_; return length $$pending && !(defined $line_may && $line_may == 0) }

# The guest has read bytes from the serial line.
sub taken_off {
    my ($payload) = @_;
    return if !defined $line;
    $line_may += unpack 'N', $payload;
    $line_may = $line if $line_may > $line;
}

# Returns the exit code, or 128 plus the signal. `$$received` may contain data that was received before. `$watch` is
# called four times a second. Dies if the guest sends an invalid frame or closes the channel.
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
        # Send a started frame completely. Half a frame of unread input would corrupt the next frame on the channel.
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
