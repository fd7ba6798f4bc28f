import { createHash } from 'node:crypto'
import { closeSync, constants, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { GuestSandbox, Requirement } from '../../platforms/driver.ts'
import type { ArtifactBuildOptions } from '../build-options.ts'
import { runHostCommand } from '../host.ts'
import { lock } from '../lock.ts'
import { cacheFolder } from '../paths.ts'

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
  await using _folder = await options.ledger.create({ kind: 'directory', path: temporary }, () => mkdirSync(temporary))
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
