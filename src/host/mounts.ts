import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guestsFolder } from './lock.ts'
import { which } from './packages.ts'
import { runHostCommand } from './process.ts'

/**
 * Writes back what is dirty on the file system that holds the guests' data, then drops the host's page cache, directory entries
 * and inodes, as far as they are clean: sysctl `vm.drop_caches` (Documentation/admin-guide/sysctl/vm.rst). Returns whether
 * the host let it.
 */
export async function dropCaches(): Promise<boolean> {
  await runHostCommand(['sync', '--file-system', guestsFolder()])
  try {
    await writeFile('/proc/sys/vm/drop_caches', '3')
    return true
  } catch {
    // Inside a container, and where the kernel is locked down.
    return false
  }
}

export interface Mount {
  readonly path: string
  readonly type: string
  /** Options of the file system itself: for cgroup v1, its controllers. */
  readonly superOptions: readonly string[]
}

const plain = (text: string) =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))

/** What is mounted, in the order it was mounted; the format is in proc(5). */
export function mounts(): Mount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n')
  return lines.map((line) => {
    const [before, after] = line.split(' - ') as [string, string]
    const [type, , options = ''] = after.split(' ')
    return { path: plain(before.split(' ')[4]!), type: type!, superOptions: options.split(',') }
  })
}

/** Mount points at `folder` and below it, the latest first: the order to unmount them in. */
export function mountsBelow(folder: string): string[] {
  return mounts()
    .map(({ path }) => path)
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .reverse()
}

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

/** A root filesystem of one static busybox: enough to see whether a platform boots, before there is an image. */
export function createBusyboxRootfs(folder: string): void {
  // systemd-nspawn takes nothing without a /usr for a root filesystem.
  for (const path of ['/bin', '/usr', ...requiredMountPoints]) mkdirSync(join(folder, path), { recursive: true })
  copyFileSync(which('busybox')!, join(folder, 'bin/busybox'))
  for (const name of ['true', 'sh', 'sleep']) symlinkSync('busybox', join(folder, 'bin', name))
}
