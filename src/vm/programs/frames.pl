# The protocol between host and guest: frames of type, stream, length and payload. Uses no Perl modules, because it is
# also loaded in the guest, which has none.
package Frames;

# From the host. RUN: the argv, each word terminated by NUL. Without argv it only checks whether the agent responds.
our ($RUN, $DATA, $END, $KILL, $GRANT, $HALT) = (1 .. 6);
# From the guest. EXIT: exit code and signal, one byte each. HELLO: the nonce; if the channel is a serial line, the
# capacity of its buffer in bytes; and the guest's clock in microseconds when init started (b) and now (u). READ: how
# many bytes the guest has read from the serial line.
our ($HELLO, $OUT, $ERR, $EXIT, $TAKEN, $READ) = (16 .. 21);

# Largest payload in bytes. Only a faulty or hostile sender exceeds it.
our $LONGEST = 262144;
# Bytes that a side may send on a stream before the other side has GRANTed (or TAKEN) more.
our $WINDOW = 1048576;

# Smallest and largest payload in bytes of each frame type of the guest. Other types are invalid.
our %FROM_GUEST = ($HELLO => [0, 96], $OUT => [1, 65536], $ERR => [1, 65536], $EXIT => [2, 2], $TAKEN => [4, 4],
    $READ => [4, 4]);
our %FROM_HOST  = ($RUN => [0, $LONGEST], $DATA => [1, 65536], $END => [0, 0], $KILL => [0, 0], $GRANT => [4, 4],
    $HALT => [0, 0]);

sub frame { my ($type, $stream, $payload) = @_; return pack('CnN', $type, $stream, length $payload) . $payload }

# A clock of the kernel in nanoseconds: 1 is CLOCK_MONOTONIC, 7 CLOCK_BOOTTIME, which starts with the kernel.
sub clock {
    my ($id) = @_;
    my $time = "\0" x 16;
    syscall(228, $id, $time) == 0 or return undef;
    my ($seconds, $nanoseconds) = unpack 'qq', $time;
    return $seconds * 1_000_000_000 + $nanoseconds;
}

# Removes the next complete frame from $$buffer and returns (type, stream, payload), or () if it is incomplete.
# Dies if $allowed does not contain the type or the length, before the payload has arrived.
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

# Writes as much of $$buffer as possible without waiting, at most $$may bytes if that is defined. Returns false if the
# other side has closed the channel.
sub flush {
    my ($handle, $buffer, $may) = @_;
    while (length $$buffer) {
        my $most = $may && defined $$may && $$may < 65536 ? $$may : 65536;
        return 1 if $most == 0;
        my $written = syswrite $handle, $$buffer, $most;
        if (!defined $written) {
            # EAGAIN or EINTR. %! would load a module.
            return 1 if $! == 11 || $! == 4;
            return 0;
        }
        $$may -= $written if $may && defined $$may;
        substr($$buffer, 0, $written) = '';
    }
    return 1;
}

1;
