# Prints the seccomp filters of threads: `TID INDEX HEX`, the newest filter first, or `TID error REASON`.
# Usage: perl seccomp-filters.pl NUMBER-OF-PTRACE NUMBER-OF-WAIT4 TID...
# Stops each thread for less than a millisecond. See PTRACE_SECCOMP_GET_FILTER in ptrace(2).
use strict;
use warnings;

my ($ptrace, $wait4, @tids) = map { $_ + 0 } @ARGV;
my ($seize, $interrupt, $detach, $get_filter) = (0x4206, 0x4207, 17, 0x420c);
my ($wait_all, $event_stop) = (0x40000000, 128);
$| = 1;

for my $tid (@tids) {
    # A thread that does not stop, such as one that waits for vfork, must not block the others. The kernel detaches
    # what this process still traces when it ends, so every thread gets an own process.
    my $child = fork // die "fork: $!\n";
    if ($child == 0) { read_filters($tid); exit 0 }
    waitpid $child, 0;
    print "$tid error the thread did not stop within 1 s\n" if ($? & 127) == 14;
}

sub read_filters {
    my ($tid) = @_;
    alarm 1;
    return print "$tid error $!\n" if syscall($ptrace, $seize, $tid, 0, 0) < 0;
    return print "$tid error $!\n" if syscall($ptrace, $interrupt, $tid, 0, 0) < 0;
    # Perl's waitpid drops the upper half of the status, which has the event.
    my $status = pack('L', 0);
    return print "$tid error $!\n" if syscall($wait4, $tid, $status, $wait_all, 0) != $tid;
    $status = unpack('L', $status);
    return print "$tid error it has ended\n" if ($status & 0xff) != 0x7f;
    # The thread may have stopped to receive a signal. It must still get it.
    my $signal = ($status >> 16) == $event_stop ? 0 : ($status >> 8) & 0xff;
    my ($at, $text) = (0, '');
    while ((my $count = syscall($ptrace, $get_filter, $tid, $at, 0)) > 0) {
        my $program = "\0" x ($count * 8);
        last if syscall($ptrace, $get_filter, $tid, $at, $program) < 0;
        $text .= "$tid $at " . unpack('H*', $program) . "\n";
        $at++;
    }
    # ENOENT: there is no further filter.
    $text = "$tid error $!\n" if !$!{ENOENT};
    syscall($ptrace, $detach, $tid, 0, $signal);
    print $text;
}
