import { mkdirSync } from 'node:fs'
import { runHostCommand } from './host.ts'

/** Directories that an image must have, because every platform mounts something there. */
export const requiredMountPoints = ['/data', '/dev', '/proc', '/run', '/sys', '/tmp'] as const

/**
 * A constant text: image, view and data come as positional parameters. One shell for all of it, because isobench takes longer to
 * start a process than to mount.
 *
 * /dev is the guest's own, as a container has it: the nodes that the OCI runtime specification gives every container
 * (config-linux.md, "Default Devices"). Never the host's: that is one file system wherever it is mounted, and whoever removed a
 * forgotten view would remove the host's devices with it.
 *
 * Private, because systemd has all mounts of a host shared: what is mounted in a view would be mounted in the image as well.
 */
const making = `set -e
mount --bind --make-private "$1" "$2"
mount -o remount,bind,ro "$2"
mount -t proc proc "$2/proc"
mount -t sysfs -o ro sysfs "$2/sys"
mount -t tmpfs -o mode=0755 tmpfs "$2/dev"
cd "$2/dev"
cp --archive /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty .
mkdir pts shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts pts
mount -t tmpfs -o mode=1777 tmpfs shm
ln -s /proc/self/fd fd
ln -s /proc/self/fd/0 stdin
ln -s /proc/self/fd/1 stdout
ln -s /proc/self/fd/2 stderr
ln -s pts/ptmx ptmx
mount -t tmpfs -o mode=1777 tmpfs "$2/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$2/run"
mount --bind "$3" "$2/data"`

/**
 * The image as a tree to chroot into: read-only, with what every guest has: /proc, /dev, a /tmp and a /run of its own,
 * and the data directory. Undone with the directory that `at` is in.
 */
export async function mountChroot(rootfs: string, at: string, data: string): Promise<void> {
  mkdirSync(at, { recursive: true })
  await runHostCommand(['sh', '-c', making, 'sh', rootfs, at, data], { label: `mounting a view of ${rootfs}` })
}
