#!/usr/bin/perl
# Runs a command in the guest of the VM supervisor that works in FOLDER: vm-exec.pl FOLDER ARGV... Ends with the
# command's exit code. Without ARGV it waits until the guest is ready. It is Perl because Node.js takes longer to start
# than many commands to run.
use strict;
use warnings;
BEGIN { my ($here) = __FILE__ =~ m{(.*)/}; require "$here/$_.pl" for 'frames', 'exec-client' }

my ($folder, @argv) = @ARGV;
$SIG{PIPE} = 'IGNORE';
my $code = eval {
    chdir $folder or die "the guest is gone: $!\n";
    socket my $channel, 1, 1, 0 or die "no socket: $!\n";
    # The VM supervisor may not listen yet when isobench waits for the guest.
    for (my $tries = @argv ? 1 : 1000; !connect $channel, address('agent.sock'); $tries--) {
        die "the guest is gone: $!\n" if $tries <= 1;
        select undef, undef, undef, 0.005;
    }
    my $received = '';
    relay($channel, \$received, 1, sub { }, @argv);
};
if (!defined $code) {
    my $why = $@ =~ s/^(?=a frame|more output)/the guest broke the protocol: /r;
    # If the supervisor writes its output to a log, the last line contains the reason.
    if ($why =~ /^the guest is gone/ && open my $log, '<', 'boot.log') {
        my $said = (grep { s/^isobench: // } <$log>)[-1];
        $why = "the guest is gone: $said" if defined $said;
    }
    print STDERR "isobench: $why";
    exit 125;
}
exit $code;
