#!/usr/bin/perl
# Runs a command in the guest whose conductor works in a folder: vm-exec.pl FOLDER ARGV... It ends as the command does. Without
# ARGV it waits until the guest is ready. Node would take longer to start than the command to run.
use strict;
use warnings;
BEGIN { my ($here) = __FILE__ =~ m{(.*)/}; require "$here/$_.pl" for 'frames', 'exec-client' }

my ($folder, @argv) = @ARGV;
$SIG{PIPE} = 'IGNORE';
my $code = eval {
    chdir $folder or die "the guest is gone: $!\n";
    socket my $channel, 1, 1, 0 or die "no socket: $!\n";
    # The conductor may not be there yet when somebody waits for the guest.
    for (my $tries = @argv ? 1 : 1000; !connect $channel, address('agent.sock'); $tries--) {
        die "the guest is gone: $!\n" if $tries <= 1;
        select undef, undef, undef, 0.005;
    }
    my $received = '';
    relay($channel, \$received, 1, sub { }, @argv);
};
if (!defined $code) {
    my $why = $@ =~ s/^(?=a frame|more output)/the guest broke the protocol: /r;
    # Where the conductor was started with its output in a log, its last line there says why.
    if ($why =~ /^the guest is gone/ && open my $log, '<', 'boot.log') {
        my $said = (grep { s/^isobench: // } <$log>)[-1];
        $why = "the guest is gone: $said" if defined $said;
    }
    print STDERR "isobench: $why";
    exit 125;
}
exit $code;
