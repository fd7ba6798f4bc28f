import { createHash } from 'node:crypto'
import { closeSync, constants, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ArtifactBuildOptions } from '../host/image.ts'
import { cacheFolder, lock } from '../host/lock.ts'
import { isDebian12, type Requirement, which } from '../host/packages.ts'
import { type HostArgv, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'

/** What making one needs on the host. */
export const dataDiskRequirements: readonly Requirement[] = [
  { binary: 'mke2fs', package: 'e2fsprogs' },
  { binary: 'debugfs', package: 'e2fsprogs' },
  { binary: 'fallocate', package: 'util-linux' },
]

/** MiB: twice what the largest file of isobench's own benches takes. */
const size = 4096

/** Where a guest's data disk is, made or not. */
export const dataDisk = ({ stateDir: directory }: Pick<GuestSandbox, 'stateDir'>): string =>
  join(directory, 'data.ext4')

/**
 * A file system of the guest's own for /data, where its monitor shares no folder. All of its blocks are allocated: reads of a
 * sparse file find nothing to read, and came at 31 GB/s.
 */
export async function makeDataDisk(place: Pick<GuestSandbox, 'stateDir'>, mebibytes = size): Promise<string> {
  const file = dataDisk(place)
  await runHostCommand(['fallocate', '--length', `${mebibytes}MiB`, file])
  // mke2fs would give the blocks back (nodiscard), and leave tables for the guest's kernel to write while it is measured.
  const extended = 'nodiscard,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0'
  await runHostCommand([
    'mke2fs',
    '-q',
    '-F',
    '-t',
    'ext4',
    '-b',
    '4096',
    '-m',
    '0',
    '-N',
    '65536',
    '-E',
    extended,
    file,
  ])
  // A guest finds /data empty.
  await runHostCommand(['debugfs', '-w', '-R', 'rmdir lost+found', file])
  return file
}

/** What making a disk needs on the host. */
export const diskRequirements: readonly Requirement[] = [{ binary: 'mke2fs', package: 'e2fsprogs' }]

/** Where the disk with an image is kept, made or not. An image is never changed, so it is known by its folder. */
export function diskPath(rootfs: string): string {
  const { ino, mtimeMs } = statSync(rootfs)
  const digest = createHash('sha256')
    .update(JSON.stringify([rootfs, ino, mtimeMs]))
    .digest('hex')
  return join(cacheFolder(), 'disks', `${digest.slice(0, 16)}.ext4`)
}

/**
 * Makes a disk with a root filesystem on it, without mounting anything. Guests mount it read-only and share it, so it has no
 * journal, and little room beside what is on it.
 */
export async function makeDisk(rootfs: string, file: string, signal?: AbortSignal): Promise<void> {
  const options = { timeout: 600, ...(signal && { signal }) }
  const measured = async (...how: string[]) =>
    Number.parseInt(await runHostCommand(['du', '--summarize', '--one-file-system', ...how, rootfs], options), 10)
  const [kibibytes, inodes] = [await measured('--block-size=1K'), await measured('--inodes')]
  const size = Math.ceil(kibibytes * 1.08 + inodes / 2) + 8192
  const shape = ['-t', 'ext4', '-b', '4096', '-O', '^has_journal', '-m', '0', '-N', String(inodes + 256)]
  await runHostCommand(['mke2fs', '-q', '-F', ...shape, '-d', rootfs, file, `${size}K`], options)
}

/** The disk with an image, made if it is not there: under a lock, into a temporary name, renamed when it is whole. */
export async function ensureDisk(rootfs: string, options: ArtifactBuildOptions): Promise<string> {
  const target = diskPath(rootfs)
  if (existsSync(target)) return target
  mkdirSync(dirname(target), { recursive: true })
  using _held = await lock(`${target}.lock`, {
    purpose: 'making the disk of the image',
    wait: true,
    ...(options.signal && { signal: options.signal }),
  })
  if (existsSync(target)) return target
  const temporary = `${target}.${process.pid}.tmp`
  await using _folder = await options.journal.create({ kind: 'directory', path: temporary }, () => mkdirSync(temporary))
  const file = join(temporary, 'disk')
  await makeDisk(rootfs, file, options.signal)
  renameSync(file, target)
  return target
}

/** The disk for a guest: its image's, or one of its own where nobody made that, such as for the root filesystem of a probe. */
export async function rootDiskFor({
  rootfs,
  stateDir: directory,
}: Pick<GuestSandbox, 'rootfs' | 'stateDir'>): Promise<string> {
  const made = diskPath(rootfs)
  if (existsSync(made)) return made
  const own = join(directory, 'root.ext4')
  await makeDisk(rootfs, own)
  return own
}

/** Whether a file can be read past the host's page cache, which tmpfs cannot before Linux 6.6. */
export function supportsDirectIo(file: string): boolean {
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_DIRECT))
    return true
  } catch {
    return false
  }
}

/** Debian 12 has the one in C, with QEMU; since then there is the one in Rust, in a package of its own. */
export const virtiofsdRequirement = (): Requirement => ({
  binary: 'virtiofsd',
  package: isDebian12() ? 'qemu-system-common' : 'virtiofsd',
})

/** Argv of a server of `folder` for one virtio-fs device, which listens at descriptor 4. */
export function virtiofsd(folder: string): HostArgv {
  const program = which('virtiofsd') ?? 'virtiofsd'
  // Hosts without CAP_SYS_RESOURCE refuse the million open files that both want: 0 leaves the limit as it is.
  const common = ['--fd=4', '--rlimit-nofile=0']
  return program === '/usr/lib/qemu/virtiofsd'
    ? [program, ...common, '-o', `source=${folder}`, '-o', 'sandbox=chroot', '-o', 'cache=auto']
    : [program, ...common, `--shared-dir=${folder}`, '--sandbox=chroot', '--cache=auto', '--allow-direct-io']
}
