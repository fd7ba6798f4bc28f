# Runs a monitor whose guest has one program and one console, and gives the program's part of that: what comes after the line
# that begins with the marker. The guest is over when its monitor has ended; a second boot, or a line of a crash, is a failure.
#   perl console-guest.pl MARKER CRASH MONITOR…
use strict;
use warnings;

my ($marker, $crash, @monitor) = @ARGV;
my $pid = open(my $console, '-|');
die "fork: $!\n" unless defined $pid;
if ($pid == 0) {
    open(STDIN, '<', '/dev/null');
    exec { $monitor[0] } @monitor or die "$monitor[0]: $!\n";
}
binmode $_ for $console, *STDOUT;
$| = 1;

my ($before, $line, $held, $failure) = ('', '', '', undef);
my $begun = 0;

# What the program writes goes out as it comes, and is looked at by lines.
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
    # The console ends its lines with two characters, which may come apart.
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
    print STDERR "$before\nthe guest did not come to its program\n";
    exit 1;
}
if (!defined $failure && $line =~ /$crash/) { $failure = $line }
if (defined $failure) {
    print STDERR "the guest crashed: $failure\n";
    exit 1;
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
