# Runs a VMM with a guest that has a single program and a single console. Prints the program's output: what follows the
# line that begins with MARKER. Ends when the VMM has ended. A second boot, or a line that matches the pattern CRASH, is
# a failure.
#   perl console-guest.pl MARKER CRASH VMM...
use strict;
use warnings;

my ($marker, $crash, @vmm) = @ARGV;
my $pid = open(my $console, '-|');
die "fork: $!\n" unless defined $pid;
if ($pid == 0) {
    open(STDIN, '<', '/dev/null');
    exec { $vmm[0] } @vmm or die "$vmm[0]: $!\n";
}
binmode $_ for $console, *STDOUT;
$| = 1;

my ($before, $line, $held, $failure) = ('', '', '', undef);
my $begun = 0;

# Prints the program's output as it arrives, and checks it line by line.
sub tell_of {
    my ($text) = @_;
    print $text;
    $line .= $text;
    while ($line =~ s/^(.*)\n//) {
        my $whole = $1;
        $failure //= $whole if $whole =~ /$crash/;
        $failure //= 'it booted again' if index($whole, $marker) == 0;
    }
}

while (sysread($console, my $bytes, 65536)) {
    # The console ends lines with CR LF. A read may end between the two.
    my $text = $held . $bytes;
    $held = $text =~ s/\r\z// ? "\r" : '';
    $text =~ s/\r\n/\n/g;
    if (!$begun) {
        $before = substr($before . $text, -65536);
        next unless $before =~ s/\A.*?^\Q$marker\E[^\n]*\n//ms;
        ($begun, $text) = (1, $before);
    }
    tell_of($text);
    if (defined $failure) {
        kill 'KILL', $pid;
        last;
    }
}
close $console;
my $status = $?;
tell_of($held) if $begun && $held ne '';
if (!$begun) {
    $before =~ s/[^\n\t\x20-\x7e]//g;
    print STDERR "$before\nthe guest did not start its program\n";
    exit 1;
}
if (!defined $failure && $line =~ /$crash/) { $failure = $line }
if (defined $failure) {
    print STDERR "the guest crashed: $failure\n";
    exit 1;
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
