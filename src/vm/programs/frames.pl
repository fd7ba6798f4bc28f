# The frames between host and guest, the same on both sides: type, stream, length, payload. It is loaded in the guest too,
# where no module of Perl is, so it uses none.
package Frames;

# From the host. RUN's payload is the argv, each ended by a NUL; without one it only asks whether anybody is there.
our ($RUN, $DATA, $END, $KILL, $GRANT, $HALT) = (1 .. 6);
# From the guest. EXIT's payload is an exit code and a signal, a byte each.
# HELLO's payload is the nonce and, where the channel is a serial line, how many bytes may be on it; READ tells how many the
# guest has taken off it.
our ($HELLO, $OUT, $ERR, $EXIT, $TAKEN, $READ) = (16 .. 21);

# Bytes. A longer payload is not a mistake of ours.
our $LONGEST = 262144;
# Bytes that either side may send of a stream before the other one has GRANTed (or TAKEN) more.
our $WINDOW = 1048576;

# Bytes that each type of the guest's may have at least and at most; a type that is not here is none.
our %FROM_GUEST = ($HELLO => [0, 64], $OUT => [1, 65536], $ERR => [1, 65536], $EXIT => [2, 2], $TAKEN => [4, 4],
    $READ => [4, 4]);
our %FROM_HOST  = ($RUN => [0, $LONGEST], $DATA => [1, 65536], $END => [0, 0], $KILL => [0, 0], $GRANT => [4, 4],
    $HALT => [0, 0]);

sub frame { my ($type, $stream, $payload) = @_; return pack('CnN', $type, $stream, length $payload) . $payload }

# Takes the next whole frame off the front of $$buffer: (type, stream, payload), or () while it is not whole.
# Dies of a frame that $allowed does not have, before its payload has come.
sub next_frame {
    my ($buffer, $allowed) = @_;
    return () if length $$buffer < 7;
    my ($type, $stream, $length) = unpack 'CnN', $$buffer;
    my $bounds = $allowed->{$type} or die "a frame of type $type\n";
    die "a frame of type $type with $length bytes\n" if $length < $bounds->[0] || $length > $bounds->[1];
    return () if length $$buffer < 7 + $length;
    my $payload = substr $$buffer, 7, $length;
    substr($$buffer, 0, 7 + $length) = '';
    return ($type, $stream, $payload);
}

# Writes as much of $$buffer as goes without waiting, and no more than $$may bytes where that is a number. False when nobody
# will read it any more.
sub flush {
    my ($handle, $buffer, $may) = @_;
    while (length $$buffer) {
        my $most = $may && defined $$may && $$may < 65536 ? $$may : 65536;
        return 1 if $most == 0;
        my $written = syswrite $handle, $$buffer, $most;
        if (!defined $written) {
            # EAGAIN, EINTR: %! would be a module.
            return 1 if $! == 11 || $! == 4;
            return 0;
        }
        $$may -= $written if $may && defined $$may;
        substr($$buffer, 0, $written) = '';
    }
    return 1;
}

1;
