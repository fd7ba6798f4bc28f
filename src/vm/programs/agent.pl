# Runs commands for the host. Each command is a stream of frames on one channel. Loaded in the guest, which has no Perl
# modules.
our %streams;
our ($channel, $received, $pending, $enough, $line) = (undef, '', '', 0, 0);

sub send_frame { $pending .= Frames::frame(@_) }

sub start_command {
    my ($id, $payload) = @_;
    return send_frame($Frames::EXIT, $id, pack 'CC', 0, 0) if $payload eq '';
    my @argv = split /\0/, $payload, -1;
    pop @argv;
    my @pipes = map { pipe my $read, my $write or die "no pipe: $!\n"; [$read, $write] } 0 .. 2;
    my $pid = fork;
    defined $pid or return send_frame($Frames::EXIT, $id, pack 'CC', 126, 0);
    become(\@pipes, @argv) if $pid == 0;
    # No command may inherit these pipe ends, its own or another command's. Otherwise it would never read an end of
    # file.
    my ($in, $out, $err) = ($pipes[0][1], $pipes[1][0], $pipes[2][0]);
    unblock($_) for $in, $out, $err;
    $streams{$id} = { pid => $pid, in => $in, input => '', out => $out, err => $err, may => $Frames::WINDOW };
    # pidfd_open (Linux 5.3): readable after the process has ended.
    my $ended = syscall 434, $pid, 0;
    open $streams{$id}{process}, '<&=', $ended or die "no handle: $!\n" if $ended >= 0;
}

# F_GETFL 3, F_SETFL 4, O_NONBLOCK 2048.
sub unblock { fcntl $_[0], 4, fcntl($_[0], 3, 0) | 2048 }

sub become {
    my ($pipes, @argv) = @_;
    local $SIG{__DIE__};
    $SIG{PIPE} = $SIG{CHLD} = 'DEFAULT';
    syscall 112;                                          # setsid, to kill the command together with its children
    syscall 33, fileno $pipes->[0][0], 0;                 # dup2
    syscall 33, fileno $pipes->[$_][1], $_ for 1, 2;
    # Perl opens the pipes and the channel with FD_CLOEXEC.
    exec { $argv[0] } @argv;
    my $why = $!;
    syswrite STDERR, "isobench: cannot run $argv[0]: $why\n";
    syscall 231, $why == 2 ? 127 : 126;                   # exit_group
}

sub from_host {
    my ($type, $id, $payload) = @_;
    if ($type == $Frames::HALT) { $enough = 1; return }
    return start_command($id, $payload) if $type == $Frames::RUN && !$streams{$id};
    my $stream = $streams{$id} or return;
    if ($type == $Frames::DATA) { $stream->{input} .= $payload }
    elsif ($type == $Frames::END) { $stream->{ended} = 1 }
    elsif ($type == $Frames::GRANT) { $stream->{may} += unpack 'N', $payload }
    elsif ($type == $Frames::KILL) { kill 'KILL', -$stream->{pid}, $stream->{pid} }
    write_input($id, $stream);
}

sub write_input {
    my ($id, $stream) = @_;
    return if !$stream->{in};
    my $before = length $stream->{input};
    # If the command has closed its input, discard the rest.
    $stream->{input} = '' if !Frames::flush($stream->{in}, \$stream->{input});
    my $taken = $before - length $stream->{input};
    send_frame($Frames::TAKEN, $id, pack 'N', $taken) if $taken > 0;
    delete $stream->{in} if $stream->{ended} && $stream->{input} eq '';
}

# Reads from stdout or stderr as much as the host allows. Returns true if there was data.
sub read_output {
    my ($id, $stream, $name) = @_;
    my $limit = $stream->{may} < 65536 ? $stream->{may} : 65536;
    return 0 if !$stream->{$name} || $limit == 0;
    my $read = sysread $stream->{$name}, my $bytes, $limit;
    if (!$read) {
        delete $stream->{$name} if defined $read;
        return 0;
    }
    $stream->{may} -= $read;
    send_frame($name eq 'out' ? $Frames::OUT : $Frames::ERR, $id, $bytes);
    return 1;
}

sub reap {
    while ((my $pid = waitpid -1, 1) > 0) {
        my $status = $?;
        my ($id) = grep { $streams{$_}{pid} == $pid } keys %streams;
        # Other pids are orphaned children of commands.
        $streams{$id}{status} = $status if defined $id;
    }
}

# Ends a stream after its process has ended and its output was sent. Does not wait for children that keep the pipes
# open.
sub finish {
    my ($id, $stream) = @_;
    return if !defined $stream->{status};
    return if grep { $stream->{$_} && $stream->{may} == 0 } 'out', 'err';
    return if grep { read_output($id, $stream, $_) } 'out', 'err';
    send_frame($Frames::EXIT, $id, pack 'CC', $stream->{status} >> 8, $stream->{status} & 127);
    delete $streams{$id};
}

# Serves the channel until the host sends HALT or closes it. Returns whether it was HALT. `$line`: capacity of the
# serial line's buffer in bytes, or 0.
sub serve {
    my $nonce;
    ($channel, $nonce, $line) = @_;
    ($received, $pending) = ('', '');
    delete @streams{keys %streams};
    $SIG{PIPE} = 'IGNORE';
    # An empty handler, so that the signal interrupts select. The loop reaps the process.
    $SIG{CHLD} = sub { };
    # Only init knows when it started. Microseconds, because the supervisor limits the length.
    our $began;
    my @clock = map { defined $_ ? int($_ / 1000) : () } $began, Frames::clock(7);
    my $clock = @clock == 2 ? " b$clock[0] u$clock[1]" : '';
    send_frame($Frames::HELLO, 0, ($line ? "$nonce $line" : $nonce) . $clock);
    while (1) {
        my ($read, $write) = ('', '');
        vec($read, fileno $channel, 1) = 1;
        vec($write, fileno $channel, 1) = 1 if $pending ne '';
        for my $stream (values %streams) {
            # Reading while the channel is full would buffer the output here instead of stopping the command.
            my @readable = $stream->{may} > 0 && length $pending < 262144 ? ('out', 'err') : ();
            for my $name (@readable) { vec($read, fileno $stream->{$name}, 1) = 1 if $stream->{$name} }
            vec($write, fileno $stream->{in}, 1) = 1 if $stream->{in} && $stream->{input} ne '';
            vec($read, fileno $stream->{process}, 1) = 1 if $stream->{process} && !defined $stream->{status};
        }
        # A signal just before select does not interrupt it, and a process closes its pipes before it ends. So the pidfd
        # reports the end. The timeout is for kernels without pidfd.
        my $ready = select $read, $write, undef, %streams ? 0.05 : undef;
        if ($ready > 0 && vec $read, fileno $channel, 1) {
            my $got = sysread $channel, $received, 65536, length $received;
            # ECONNRESET: a VMM has restored the guest without its vsock connections.
            return 0 if defined $got ? $got == 0 : $! == 104;
            send_frame($Frames::READ, 0, pack 'N', $got) if $line && $got;
            while (my @frame = Frames::next_frame(\$received, \%Frames::FROM_HOST)) { from_host(@frame) }
        }
        return 1 if $enough;
        reap();
        for my $id (keys %streams) {
            my $stream = $streams{$id};
            write_input($id, $stream) if $stream->{input} ne '';
            if (length $pending < 262144) { read_output($id, $stream, $_) for 'out', 'err' }
            finish($id, $stream);
        }
        Frames::flush($channel, \$pending);
    }
}

1;
