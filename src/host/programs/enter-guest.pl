#!/usr/bin/perl -w
# Runs a command in the namespaces of the process PID with its confinement: enter-guest.pl PID FILTER CALLS COMMAND...
# nsenter gives a command the capabilities of the host and no seccomp filter. This gives it the capabilities and
# no_new_privs of PID and, if PID has a filter, the one in the file FILTER. CALLS are the numbers of setns, prctl,
# capset and seccomp on this machine. It is Perl because every Debian has it, and works with any root filesystem. The
# option -w replaces `use warnings`, which takes 1 ms of every command.
use strict;

my ($leader, $filter, $calls, @command) = @ARGV;
my ($setns, $prctl, $capset, $seccomp) = split /,/, $calls;

sub fail { print STDERR "isobench: entering the guest: $_[0]: $!\n"; exit 125 }
sub call { my $what = shift; syscall(shift, @_) >= 0 or fail($what) }
sub file { open my $file, '<:raw', $_[0] or fail($_[0]); local $/; my $text = <$file>; $text }

# All files are read and opened before the root changes.
-e "/proc/$leader" or do { print STDERR "isobench: the guest has ended: its first process is gone\n"; exit 125 };
my $status = file("/proc/$leader/status");
my %state = $status =~ /^(CapPrm|CapBnd|NoNewPrivs|Seccomp):\s*(\S+)$/mg;
my $confined = ($state{Seccomp} // 0) == 2 && $filter ne '-';
my $program = $confined ? file($filter) : '';
sub namespace { open my $handle, '<', "/proc/$leader/ns/$_[0]" or fail("its namespace $_[0]"); $handle }
my @namespaces = map { namespace($_) } qw(uts ipc pid mnt);
opendir my $root, "/proc/$leader/root" or fail('its root');
opendir my $cwd, "/proc/$leader/cwd" or fail('its directory');
call('setns', $setns, fileno $_, 0) for @namespaces;
chdir $root and chroot '.' and chdir $cwd or fail('its root');

# A pid namespace is that of children only.
my $child = fork // fail('fork');
if ($child) {
    waitpid $child, 0;
    if (my $signal = $? & 127) { $SIG{$_} = 'DEFAULT' for keys %SIG; kill $signal, $$; exit 128 + $signal }
    exit $? >> 8;
}

# As masks of 32 bits, because hex() warns about larger numbers.
sub masks { reverse map { hex } $_[0] =~ /^(.{8})(.{8})$/ }
my @bounding = masks($state{CapBnd});
for (my $capability = 0; $capability < 64; $capability++) {
    next if $bounding[$capability / 32] >> $capability % 32 & 1;
    syscall($prctl, 24, $capability, 0, 0, 0) >= 0 or last;    # PR_CAPBSET_DROP; an unknown one is after the last
}
syscall($prctl, 47, 4, 0, 0, 0);                               # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
call('no_new_privs', $prctl, 38, 1, 0, 0, 0) if $state{NoNewPrivs};
if ($confined) {
    my $length = length($program) / 8;
    # struct sock_fprog; without no_new_privs this needs CAP_SYS_ADMIN, so it is before the capabilities are dropped.
    my $filters = pack 'S x6 P', $length, $program;
    call('seccomp', $seccomp, 1, 0, $filters);                 # SECCOMP_SET_MODE_FILTER
}
my @permitted = masks($state{CapPrm});
my $header = pack 'L l', 0x20080522, 0;                        # _LINUX_CAPABILITY_VERSION_3
my $data = pack 'L6', $permitted[0], $permitted[0], 0, $permitted[1], $permitted[1], 0;
call('capset', $capset, $header, $data);
exec { $command[0] } @command or do { print STDERR "isobench: $command[0]: $!\n"; exit 127 };
