/** Disks of VMs: one with the image, one for /data, and virtiofsd, which shares a directory instead of a disk. */

import { createHash } from 'node:crypto'
import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type ArtifactBuildOptions, buildOnce, runBuildCommand } from '../host/lock.ts'
import { type Requirement, which } from '../host/packages.ts'
import { cacheFolder } from '../host/paths.ts'
import { type HostArgv, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'

/** Host programs that creating a data disk needs. */
export const dataDiskRequirements: readonly Requirement[] = [
  { binary: 'mke2fs', package: 'e2fsprogs' },
  { binary: 'debugfs', package: 'e2fsprogs' },
  { binary: 'fallocate', package: 'util-linux' },
]

/** The size of a disk without a limit: that of the default limit. */
const dataDiskMiB = 4096

/** Returns where a guest's data disk is, whether it exists or not. */
export const dataDisk = ({ stateDir: directory }: Pick<GuestSandbox, 'stateDir'>): string =>
  join(directory, 'data.ext4')

/**
 * Creates an ext4 disk for /data, for VMMs that share no host directory. All blocks are allocated, because reads of a
 * sparse file do not reach the disk: they ran at 31 GB/s.
 */
export async function makeDataDisk({ stateDir, limits }: Pick<GuestSandbox, 'stateDir' | 'limits'>): Promise<string> {
  const { dataBytes = dataDiskMiB * 1024 ** 2 } = limits
  const mebibytes = Math.ceil(dataBytes / 1024 ** 2)
  const file = dataDisk({ stateDir })
  await runHostCommand(['fallocate', '--length', `${mebibytes}MiB`, file])
  // Without these options, mke2fs frees the blocks (discard) and the guest's kernel writes tables during the
  // measurement.
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
  // /data must be empty.
  await runHostCommand(['debugfs', '-w', '-R', 'rmdir lost+found', file])
  return file
}

/** Host programs that creating a disk of the image needs. */
export const diskRequirements: readonly Requirement[] = [{ binary: 'mke2fs', package: 'e2fsprogs' }]

/**
 * Returns where the image's disk is, whether it exists or not. Images never change, so their directory identifies them.
 */
export function diskPath(rootfs: string): string {
  const { ino, mtimeMs } = statSync(rootfs)
  const digest = createHash('sha256')
    .update(JSON.stringify([rootfs, ino, mtimeMs]))
    .digest('hex')
  return join(cacheFolder(), 'disks', `${digest.slice(0, 16)}.ext4`)
}

/**
 * Creates a disk with a root filesystem, without mounting anything. Guests share it and mount it read-only, so it has
 * no journal and little free space.
 * @param build journals the process, if the disk is not in a sandbox
 */
export async function makeDisk(rootfs: string, file: string, build?: ArtifactBuildOptions): Promise<void> {
  const options = { timeout: 600, ...(build?.signal && { signal: build.signal }) }
  const measured = async (...flags: string[]) =>
    Number.parseInt(await runHostCommand(['du', '--summarize', '--one-file-system', ...flags, rootfs], options), 10)
  const [kibibytes, inodes] = [await measured('--block-size=1K'), await measured('--inodes')]
  const size = Math.ceil(kibibytes * 1.08 + inodes / 2) + 8192
  const shape = ['-t', 'ext4', '-b', '4096', '-O', '^has_journal', '-m', '0', '-N', String(inodes + 256)]
  const argv = ['mke2fs', '-q', '-F', ...shape, '-d', rootfs, file, `${size}K`]
  await (build ? runBuildCommand(argv, build, { timeout: 600 }) : runHostCommand(argv, options))
}

/** Returns the disk of an image. Creates it if it does not exist. */
export async function ensureDisk(rootfs: string, options: ArtifactBuildOptions): Promise<string> {
  const target = diskPath(rootfs)
  const build = (temporary: string) => makeDisk(rootfs, temporary, options)
  await buildOnce(target, build, { ...options, purpose: 'creating the image disk' })
  return target
}

/** Returns the root disk of a guest: the image's. If that does not exist, as for probes, creates one in the sandbox. */
export async function rootDiskFor({
  rootfs,
  stateDir: directory,
}: Pick<GuestSandbox, 'rootfs' | 'stateDir'>): Promise<string> {
  const imageDisk = diskPath(rootfs)
  if (existsSync(imageDisk)) return imageDisk
  const probeDisk = join(directory, 'root.ext4')
  await makeDisk(rootfs, probeDisk)
  return probeDisk
}

/** Returns whether O_DIRECT works on a file, bypassing the page cache. tmpfs supports it since Linux 6.6. */
export function supportsDirectIo(file: string): boolean {
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_DIRECT))
    return true
  } catch {
    return false
  }
}

/** The program that shares a host directory with a VM. */
export const virtiofsdRequirement = (): Requirement => ({ binary: 'virtiofsd', package: 'virtiofsd' })

/**
 * Returns argv of a virtiofsd that shares `folder` and listens at descriptor 4. QEMU before release 8 contains an
 * implementation in C with other options, in this folder only.
 */
export function virtiofsd(folder: string, program = which('virtiofsd') ?? 'virtiofsd'): HostArgv {
  // Hosts without CAP_SYS_RESOURCE refuse the limit of 1,000,000 open files that both request. 0 keeps the current
  // limit.
  const common = ['--fd=4', '--rlimit-nofile=0']
  return program === '/usr/lib/qemu/virtiofsd'
    ? [program, ...common, '-o', `source=${folder}`, '-o', 'sandbox=chroot', '-o', 'cache=auto']
    : [program, ...common, `--shared-dir=${folder}`, '--sandbox=chroot', '--cache=auto', '--allow-direct-io']
}
