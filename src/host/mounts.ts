/** Mount points of the host, and the root filesystems that isobench mounts for guests. */

import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { which } from './packages.ts'
import { guestsFolder } from './paths.ts'
import { runHostCommand } from './process.ts'

/**
 * Writes back the dirty pages of the file system with the guests' data, then drops the host's page cache, dentries and
 * inodes: `vm.drop_caches` (Documentation/admin-guide/sysctl/vm.rst).
 * @returns whether the host allows it
 */
export async function dropCaches(): Promise<boolean> {
  await runHostCommand(['sync', '--file-system', guestsFolder()])
  try {
    await writeFile('/proc/sys/vm/drop_caches', '3')
    return true
  } catch {
    // Not allowed inside a container, or by kernel lockdown.
    return false
  }
}

/** A line of /proc/self/mountinfo. */
export interface Mount {
  readonly id: number
  /** Major and minor number of the file system's device, such as `8:1`. */
  readonly device: string
  /** The directory of the file system that is mounted. */
  readonly root: string
  readonly path: string
  readonly type: string
  /** Options of this mount, such as `ro`. */
  readonly options: readonly string[]
  /** Options of the file system. For cgroup v1 these are its controllers. */
  readonly superOptions: readonly string[]
}

const unescapeOctal = (text: string) =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))

/** Parses /proc/self/mountinfo: the mounts in the order in which they were mounted. The format is in proc(5). */
export function parseMounts(text: string): Mount[] {
  const lines = text.split('\n').filter((line) => line.includes(' - '))
  return lines.map((line) => {
    const [before, after] = line.split(' - ') as [string, string]
    const [id = '', , device = '', root = '', path = '', options = ''] = before.split(' ')
    const [type = '', , superOptions = ''] = after.split(' ')
    return {
      id: Number(id),
      device,
      root: unescapeOctal(root),
      path: unescapeOctal(path),
      type,
      options: options.split(','),
      superOptions: superOptions.split(','),
    }
  })
}

/** Lists the mounts of this host. */
export const mounts = (): Mount[] => parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))

/** Lists the mount points at `folder` and below it, latest first, which is the order to unmount them in. */
export function mountsBelow(folder: string): string[] {
  return mounts()
    .map(({ path }) => path)
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .reverse()
}

/** Directories that an image must have, because platforms mount something on them. */
export const requiredMountPoints = ['/data', '/dev', '/proc', '/run', '/sys', '/tmp'] as const

/**
 * The nodes that the OCI runtime specification requires (config-linux.md, "Default Devices"), with their numbers
 * (Documentation/admin-guide/devices.txt).
 */
const devices = { null: [1, 3], zero: [1, 5], full: [1, 7], random: [1, 8], urandom: [1, 9], tty: [5, 0] } as const

/** Names of the device nodes that isobench makes for guests. */
export const deviceNames = Object.keys(devices) as readonly (keyof typeof devices)[]

/** Makes the nodes in the current directory. The mode of mknod does not depend on the umask. */
const makeNodes = Object.entries(devices)
  .map(([name, [major, minor]]) => `mknod -m 666 ${name} c ${major} ${minor}`)
  .join('\n')

// The script is constant: the folder is a positional parameter.
const nodesScript = `set -e
mount -t tmpfs -o mode=0755,nosuid,noexec,size=64k isobench "$1"
cd "$1"
${makeNodes}`

/** Mounts a file system with device nodes at `folder`. Removing a directory that contains it unmounts it. */
export async function makeDeviceNodes(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  await runHostCommand(['sh', '-c', nodesScript, 'sh', folder], { label: `making device nodes in ${folder}` })
}

/**
 * The script is constant: image, target and data directory are positional parameters. One shell runs all of it, because
 * starting a process takes longer than mounting.
 *
 * The guest gets its own /dev. It must not be the host's: all mounts of devtmpfs are one file system, so removing a
 * forgotten chroot would delete the host's device nodes. They are made, because a copy of a broken node of the host
 * would be broken too.
 *
 * --make-private: systemd makes all mounts shared. Without it, mounts in the chroot would also appear in the image.
 */
const mountScript = `set -e
mount --bind --make-private "$1" "$2"
mount -o remount,bind,ro "$2"
mount -t proc proc "$2/proc"
mount -t sysfs -o ro sysfs "$2/sys"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$2/dev"
cd "$2/dev"
${makeNodes}
mkdir pts shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,nosuid,noexec devpts pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs shm
ln -s /proc/self/fd fd
ln -s /proc/self/fd/0 stdin
ln -s /proc/self/fd/1 stdout
ln -s /proc/self/fd/2 stderr
ln -s pts/ptmx ptmx
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$2/tmp"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$2/run"
mount -o bind,nosuid,nodev "$3" "$2/data"`

/**
 * Mounts the image at `target` as a tree to chroot into: read-only, with /proc, /dev, private /tmp and /run, and the
 * data directory at /data. Removing the directory that contains `target` unmounts it.
 */
export async function mountChroot(rootfs: string, target: string, data: string): Promise<void> {
  mkdirSync(target, { recursive: true })
  await runHostCommand(['sh', '-c', mountScript, 'sh', rootfs, target, data], {
    label: `mounting a chroot of ${rootfs}`,
  })
}

/**
 * Creates a root filesystem with one static busybox: enough to probe whether a platform boots before an image exists.
 */
export function createBusyboxRootfs(folder: string): void {
  // systemd-nspawn requires a root filesystem to have /usr.
  for (const path of ['/bin', '/usr', ...requiredMountPoints]) mkdirSync(join(folder, path), { recursive: true })
  copyFileSync(which('busybox')!, join(folder, 'bin/busybox'))
  for (const name of ['true', 'sh', 'sleep']) symlinkSync('busybox', join(folder, 'bin', name))
}
