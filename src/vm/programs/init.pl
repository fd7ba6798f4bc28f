#!/usr/bin/perl
# The first process of every VM with isobench's agent: prepares the guest, then runs the commands that the host sends.
# It is Perl because every Debian has it, it starts in milliseconds, and it mounts without forking. No Perl modules are
# available here.
require "/isobench/$_.pl" for 'frames', 'agent', 'environment';
our $began = Frames::clock(7);
$SIG{__DIE__} = sub { fail($_[0]) };

# Settings from the kernel's command line: isobench.<name>=<value>.
our %given;

# Perl's syscall may write to its arguments, so it refuses constants.
sub call { my ($number, @given) = @_; return syscall $number, @given }

sub fail {
    my ($why) = @_;
    if (open my $console, '>', '/dev/console') { syswrite $console, "isobench: $why" }
    halt();
}

# System call numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
sub halt {
    call(162);                                         # sync
    call(169, 0xfee1dead, 0x28121969, halting(), 0);   # reboot
    sleep 60 while 1;
}

# QEMU ends at a reboot because of -no-reboot, with every machine type. microvm has no ACPI to power off with.
sub halting { return ($given{halt} // '') eq 'poweroff' ? 0x4321fedc : 0x1234567 }

sub mount {
    my ($source, $target, $type, $flags, $options) = @_;
    call(165, $source, $target, $type, $flags, $options // '') == 0
        or die "cannot mount $type ($source) at $target: $!\n";
}

# MS_RDONLY 1, MS_NOSUID 2, MS_NODEV 4, MS_NOEXEC 8, MS_NOATIME 1024, MS_MOVE 8192: linux/mount.h.
sub make_ready {
    mount('proc', '/proc', 'proc', 14);
    open my $line, '<', '/proc/cmdline' or die "no /proc/cmdline\n";
    %given = map { /^isobench\.(\w+)=(.*)$/ ? ($1 => $2) : () } split ' ', scalar <$line>;
    mount('sysfs', '/sys', 'sysfs', 14);
    mount('dev', '/dev', 'devtmpfs', 2, 'mode=0755');
    load_modules();
    mount_root();
    bring_up_network();
    # prlimit64 of RLIMIT_NOFILE, the same limit as on every platform.
    call(302, 0, 7, pack('QQ', 16384, 16384), 0);
    %ENV = our %environment;
}

sub load_modules {
    open my $order, '<', '/isobench/modules' or die "no list of modules\n";
    while (my $name = <$order>) {
        chomp $name;
        open my $module, '<', "/isobench/$name.ko" or die "no module $name\n";
        # finit_module. EEXIST: it is built into the kernel.
        call(313, fileno $module, '', 0) == 0 or $! == 17 or die "cannot load $name: $!\n";
    }
}

# `ext4:/dev/vda`, `virtiofs:tag`: file system type and source.
sub mount_named {
    my ($what, $target, $flags, $options) = @_;
    my ($type, $source) = $what =~ /^(\w+):(.*)$/ or die "what is $what\n";
    if ($source =~ m{^/dev/}) {
        # The driver may still be probing the device.
        for (my $tries = 0; !-e $source; $tries++) {
            die "there is no $source after 20 s\n" if $tries > 10000;
            select undef, undef, undef, 0.002;
        }
    }
    mount($source, $target, $type, $flags, $options);
}

sub mount_root {
    mount_named($given{root}, '/root', 1 | 1024, '');
    # Before /dev moves, because the disk's device node is in it.
    mount_named($given{data}, '/root/data', 1024, $given{dataoptions} // '') if exists $given{data};
    mount($_, "/root$_", 'none', 8192) for '/proc', '/sys', '/dev';
    mkdir "/root/dev/$_" for 'pts', 'shm';
    mount('devpts', '/root/dev/pts', 'devpts', 10, 'ptmxmode=0666,mode=0620,gid=5');
    mount('shm', '/root/dev/shm', 'tmpfs', 14, 'mode=1777');
    mount('tmp', '/root/tmp', 'tmpfs', 6, 'mode=1777');
    mount('run', '/root/run', 'tmpfs', 6, 'mode=755');
    my %links = (fd => '', stdin => '/0', stdout => '/1', stderr => '/2');
    symlink "/proc/self/fd$links{$_}", "/root/dev/$_" for keys %links;
    chdir '/root' or die "no root\n";
    mount('.', '/', 'none', 8192);
    chroot '.' or die "cannot change root: $!\n";
    chdir '/';
}

# ioctl numbers and layouts: linux/sockios.h, struct ifreq in netdevice(7).
sub bring_up_network {
    call(170, 'isobench', 8);                        # sethostname
    socket my $socket, 2, 2, 0 or die "no sockets: $!\n";
    my $flags = sub { ioctl $socket, 0x8914, pack('a16 s x22', $_[0], 1 | 64) or die "cannot bring $_[0] up: $!\n" };
    $flags->('lo');
    return if !exists $given{address};
    my ($address, $prefix) = $given{address} =~ m{^([\d.]+)/(\d+)$} or die "what address is $given{address}\n";
    # SIOCSIFNAME, which requires the link to be down.
    !exists $given{link} or ioctl $socket, 0x8923, pack('a16 a24', $given{link}, 'eth0')
        or die "no link $given{link}: $!\n";
    my $inet = sub { pack 'a16 S n a4 x16', 'eth0', 2, 0, $_[0] };
    my $packed = pack 'C4', split /\./, $address;
    ioctl $socket, 0x8916, $inet->($packed) or die "cannot give eth0 its address: $!\n";
    ioctl $socket, 0x891c, $inet->(pack 'N', 0xffffffff << (32 - $prefix) & 0xffffffff) or die "no netmask: $!\n";
    $flags->('eth0');
}

# Opens the channel to the host. Returns it with the capacity of its buffer in bytes, 0 if unlimited: `port:<name>` is a
# virtio serial port, `vsock:<port>` a vsock port of the host, `tty:<device>` a serial line.
sub open_channel {
    my ($kind, $where) = $given{channel} =~ /^(\w+):(.*)$/ or die "what channel is $given{channel}\n";
    return (call_host($where), 0) if $kind eq 'vsock';
    my %device = (port => \&port_named, tty => sub { $_[0] });
    my $device = ($device{$kind} or die "what channel is $given{channel}\n")->($where);
    sysopen my $channel, $device, 2 | 256 | 2048 or die "cannot open $device: $!\n";    # O_RDWR | O_NOCTTY | O_NONBLOCK
    return ($channel, 0) if $kind ne 'tty';
    make_raw($channel);
    # The line discipline buffers 4096 bytes and throttles from 3968 on (TTY_THRESHOLD_THROTTLE). UML never resumes a
    # line that was throttled once. HALT frames are not counted, so leave room for one.
    return ($channel, 3840);
}

# Passes every byte unchanged: no echo, signals or flow control. TCSETS with struct termios (asm-generic/termbits.h).
sub make_raw {
    my ($line) = @_;
    # CS8 0x30, CREAD 0x80, CLOCAL 0x800, B38400 0xf. VTIME 0 and VMIN 1 are bytes 5 and 6 of the 19 control characters.
    ioctl $line, 0x5402, pack 'L4 C C5 C2 C12', 0, 0, 0x8bf, 0, 0, (0) x 5, 0, 1, (0) x 12 or die "no raw line: $!\n";
}

# Connects to a vsock port of the host, which is CID 2. struct sockaddr_vm: linux/vm_sockets.h.
sub call_host {
    my ($port) = @_;
    # The driver may still be probing the device.
    for (my $tries = 0; $tries < 10000; $tries++) {
        socket my $channel, 40, 1, 0 or die "no vsock in this kernel: $!\n";
        if (connect $channel, pack 'SSLLL', 40, 0, $port, 2, 0) {
            unblock($channel);
            return $channel;
        }
        select undef, undef, undef, 0.002;
    }
    die "the host does not answer at vsock port $port: $!\n";
}

sub port_named {
    my ($name) = @_;
    for (my $tries = 0; $tries < 10000; $tries++) {
        # Not glob, because it loads a module.
        opendir my $folder, '/sys/class/virtio-ports' or die "no virtio serial ports in this kernel\n";
        for my $port (readdir $folder) {
            open my $file, '<', "/sys/class/virtio-ports/$port/name" or next;
            my $found = <$file> // '';
            chomp $found;
            return "/dev/$port" if $found eq $name;
        }
        select undef, undef, undef, 0.002;
    }
    die "there is no serial port $name after 20 s\n";
}

make_ready();
# A restored guest has lost its vsock connection, and calls again.
my $halted;
do {
    my ($channel, $line) = open_channel();
    $halted = serve($channel, $given{nonce}, $line);
} until $halted || $given{channel} !~ /^vsock:/;
halt();
