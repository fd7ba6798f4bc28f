#!/usr/bin/perl
# The VM supervisor: starts a VMM, owns the channel to the agent in the guest, and ends when the guest has ended.
#   supervisor.pl run FOLDER NONCE CALL HELPER VMM ARGV...   runs one command and ends with its exit code
#   supervisor.pl serve FOLDER NONCE CALL HELPER VMM         serves vm-exec.pl at agent.sock
#   supervisor.pl resume FOLDER NONCE CALL HELPER VMM        the same for a restored guest: its agent runs already
# CALL, HELPER and VMM are each a number of words, followed by the words. CALL is the socket in FOLDER that the VMM
# connects to when the guest calls. Without CALL, descriptor 3 of the VMM is the channel. HELPER and VMM are started in
# FOLDER. The optional helper gets a listening socket at descriptor 4, which the VMM knows as helper.sock.
use strict;
use warnings;
BEGIN { my ($here) = __FILE__ =~ m{(.*)/}; require "$here/$_.pl" for 'frames', 'exec-client' }

my ($mode, $folder, $nonce) = splice @ARGV, 0, 3;
chdir $folder or die "no folder $folder: $!\n";
my ($call) = splice @ARGV, 0, shift @ARGV;
my @helper = splice @ARGV, 0, shift @ARGV;
my @vmm    = splice @ARGV, 0, shift @ARGV;
$SIG{PIPE} = 'IGNORE';

# A file for the events of the boot. Only a bench that shows the phases of a boot sets it, because writing takes time.
my $events_at = delete $ENV{ISOBENCH_BOOT_EVENTS};
my %event;

sub write_events {
    return if !defined $events_at || grep { !defined $event{$_} } 'vmm', 'agent';
    open my $file, '>', $events_at or return;
    my $guest = defined $event{guest} ? "guest $event{guest}\n" : '';
    print {$file} "vmm $event{vmm}\nagent $event{agent}\n$guest";
}

sub listen_at {
    my ($path) = @_;
    socket my $listener, 1, 1, 0 or die "no socket: $!\n";
    bind $listener, address($path) or die "cannot listen at $path: $!\n";
    listen $listener, 64 or die "cannot listen at $path: $!\n";
    return $listener;
}

# Starts a process with its output in a file. Passes `$handle`, if defined, as descriptor `$number`.
sub start {
    my ($log, $handle, $number, @argv) = @_;
    my $pid = fork;
    defined $pid or die "cannot fork: $!\n";
    return $pid if $pid;
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', $log;
    open STDERR, '>&', \*STDOUT;
    # F_DUPFD first: dup2 of a descriptor onto itself would keep FD_CLOEXEC, so exec would close it. Loading POSIX takes
    # too long.
    syscall 33, fcntl($handle, 0, 10) + 0, $number if $handle;
    { exec { $argv[0] } @argv }
    syswrite STDERR, "cannot run $argv[0]: $!\n";
    syscall 231, 127;
}

sub said {
    my ($file) = @_;
    open my $handle, '<', $file or return '';
    # Cloud Hypervisor prints warnings at every normal boot.
    my @lines = grep { /\S/ && !/> WARN:/ } map { s/[^\x20-\x7e]//gr } <$handle>;
    return join ' | ', @lines > 4 ? @lines[-4 .. -1] : @lines;
}

my ($channel, $theirs, $called);
if (defined $call) {
    $called = listen_at($call);
    # A jailed VMM runs as the owner of its directory. Connecting to a socket requires permission to write to it.
    my ($in) = $call =~ m{(.*)/};
    chown +(stat($in // '.'))[4, 5], $call or die "cannot give away $call: $!\n";
}
else               { socketpair $channel, $theirs, 1, 1, 0 or die "no socket pair: $!\n" }
my $helper;
if (@helper) {
    my $listener = listen_at('helper.sock');
    $helper = start('helper.log', $listener, 4, @helper);
}
my $listener = $mode eq 'run' ? undef : listen_at('agent.sock');
$event{vmm} = Frames::clock(1) if defined $events_at;
my $vmm = start('vmm.log', $theirs, 3, @vmm);
close $theirs if $theirs;

# Two VMMs do not end with their guest. QEMU pauses if KVM fails, so that a debugger can attach, and prints the error as
# the first of many lines. Cloud Hypervisor reboots a guest that resets, which every guest does after a kernel panic, in
# an endless loop.
my %over = (
    'vmm.log'    => [qr/KVM internal error|kvm run failed/, 'KVM failed to run the guest'],
    'events.log' => [qr/"event": "rebooting"/,              'the guest reset itself'],
);
my %seen;

sub watch {
    while (my ($file, $is) = each %over) {
        my $size = -s $file || 0;
        my $from = $seen{$file} || 0;
        next if $size <= $from;
        open my $log, '<', $file or next;
        # 64 bytes earlier, in case the text was only half written at the last check.
        seek $log, $from > 64 ? $from - 64 : 0, 0;
        read($log, my $text, $size);
        $seen{$file} = $size;
        die "$is->[1]\n" if $text =~ $is->[0];
    }
}

# The guest's first connection is the channel. No other connection is accepted.
sub await_call {
    while (1) {
        my $read = '';
        vec($read, fileno $called, 1) = 1;
        my $ready = select $read, undef, undef, 0.25;
        watch();
        if ($ready > 0) {
            accept $channel, $called or die "cannot accept: $!\n";
            close $called;
            unlink $call;
            return;
        }
        # WNOHANG.
        next if waitpid($vmm, 1) != $vmm;
        undef $vmm;
        die "the guest ended before it was ready\n";
    }
}

# If the channel is a serial line, the guest also sends the capacity of its line buffer. Its clock is only reported.
sub is_ours {
    return 0 if $_[0] !~ /^\Q$nonce\E(?: (\d{1,5}))?(?: b(\d{1,15}) u(\d{1,15}))?\z/;
    our ($line, $line_may) = ($1, $1);
    $event{agent} = Frames::clock(1) if defined $events_at;
    $event{guest} = "$2 $3" if defined $2;
    return 1;
}

# Waits for the first frame of the agent. Only this guest's kernel knows the nonce.
sub await_guest {
    my ($received) = @_;
    await_call() if $called;
    while (1) {
        if (my ($type, $stream, $payload) = Frames::next_frame($received, \%Frames::FROM_GUEST)) {
            return if $type == $Frames::HELLO && is_ours($payload);
            die "another guest answered\n";
        }
        my $read = '';
        vec($read, fileno $channel, 1) = 1;
        my $ready = select $read, undef, undef, 0.25;
        watch();
        next if $ready <= 0;
        my $got = sysread $channel, $$received, 65536, length $$received;
        die "the guest ended before it was ready\n" if !$got;
    }
}

sub end_guest {
    my ($how) = @_;
    if ($how eq 'halt') { put($channel, Frames::frame($Frames::HALT, 0, '')) }
    elsif ($vmm)        { kill 'KILL', $vmm }
    waitpid $vmm, 0 if $vmm;
    if ($helper) {
        # virtiofsd also ends when its only client has ended.
        kill 'TERM', $helper;
        waitpid $helper, 0;
    }
}

# Clients see the end of the guest when this process ends, which is after it has printed the reason.
my %clients;

# Passes frames between the clients and the agent. Every client is a stream of the agent.
sub route {
    my ($received) = @_;
    my $pending = '';
    my $next = 1;
    my $drop = sub {
        my ($id) = @_;
        my $client = delete $clients{$id} or return;
        $pending .= Frames::frame($Frames::KILL, $id, '') if !$client->{over};
    };
    unblock($channel);
    while (1) {
        my ($read, $write) = ('', '');
        vec($read, fileno $_, 1) = 1 for $channel, $listener;
        vec($write, fileno $channel, 1) = 1 if may_go(\$pending);
        for my $client (values %clients) {
            vec($read, fileno $client->{handle}, 1) = 1 if length $pending < 262144;
            vec($write, fileno $client->{handle}, 1) = 1 if length $client->{pending};
        }
        my $ready = select $read, $write, undef, 0.25;
        watch();
        next if $ready <= 0;
        if (vec $read, fileno $listener, 1) {
            accept my $handle, $listener or die "cannot accept: $!\n";
            unblock($handle);
            $next = $next % 65535 + 1 while $clients{$next};
            $clients{$next} = { handle => $handle, received => '', pending => '' };
            $next = $next % 65535 + 1;
        }
        if (vec $read, fileno $channel, 1) {
            my $got = sysread $channel, $$received, 65536, length $$received;
            die "the guest ended\n" if defined $got && $got == 0;
            while (my ($type, $id, $payload) = Frames::next_frame($received, \%Frames::FROM_GUEST)) {
                taken_off($payload) if $type == $Frames::READ;
                # The client has ended, but its command in the guest may still run.
                my $client = $clients{$id} or next;
                $client->{pending} .= Frames::frame($type, 1, $payload);
                $client->{over} = 1 if $type == $Frames::EXIT;
                die "a frame flood of stream $id\n" if length $client->{pending} > 2 * $Frames::WINDOW;
            }
        }
        for my $id (keys %clients) {
            my $client = $clients{$id};
            if (vec $read, fileno $client->{handle}, 1) {
                my $got = sysread $client->{handle}, $client->{received}, 65536, length $client->{received};
                if (defined $got && $got == 0) { $drop->($id); next }
                while (my ($type, undef, $payload) = Frames::next_frame(\$client->{received}, \%Frames::FROM_HOST)) {
                    $pending .= Frames::frame($type, $id, $payload);
                }
            }
            $drop->($id) if !Frames::flush($client->{handle}, \$client->{pending});
        }
        Frames::flush($channel, \$pending, \our $line_may) or die "the guest ended\n";
    }
}

my $code = eval {
    my $received = '';
    # The agent of a restored guest has sent its first frame before the guest was saved.
    await_guest(\$received) if $mode ne 'resume';
    route(\$received) if $mode ne 'run';
    relay($channel, \$received, 1, \&watch, @ARGV);
};
if (defined $code) {
    write_events();
    end_guest('halt');
    exit $code;
}
my $why = $@;
end_guest('kill');
chomp $why;
my @said = map { my $text = said("$_.log"); $text ? "$_: $text" : () } 'vmm', 'helper', 'console';
print STDERR join('; ', "isobench: $why", @said), "\n";
exit 125;
