import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Artifact } from '../driver.ts'
import type { ArtifactBuildOptions } from '../host/image.ts'
import { recipe } from '../host/image-recipe.ts'
import { cacheFolder, lock } from '../host/lock.ts'
import { downloadPackage, type Requirement } from '../host/packages.ts'
import { runHostCommand } from '../host/process.ts'
import { programPath } from '../util/assets.ts'
import { HostError } from '../util/errors.ts'
import { diskPath, ensureDisk } from './disks.ts'
import { decompress, initramfs, modulesFor } from './initramfs.ts'

const elfMagic = '7f454c46'

export const isElf = (bytes: Buffer): boolean => bytes.subarray(0, 4).toString('hex') === elfMagic

/**
 * The uncompressed kernel, an ELF, in a bzImage. Where it is says the setup header, since version 2.08 of the boot protocol:
 * Documentation/arch/x86/boot.rst, `setup_sects` at 0x1f1, `HdrS` at 0x202, `payload_offset` at 0x248 and its length after it.
 * @throws MachineError when these bytes are no such kernel.
 */
export function vmlinuxOf(image: Buffer): Buffer {
  if (isElf(image)) return image
  if (image.length < 0x250 || image.toString('latin1', 0x202, 0x206) !== 'HdrS' || image.readUInt16LE(0x206) < 0x208) {
    throw new HostError('this is neither a vmlinux nor a bzImage of the boot protocol 2.08 or later')
  }
  // Nought stands for four.
  const sectors = image.readUInt8(0x1f1) || 4
  const start = (sectors + 1) * 512 + image.readUInt32LE(0x248)
  // The last four bytes are the length of what comes out, which gzip has too and the others do not expect.
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c))
  const kernel = decompress(payload.subarray(0, payload.subarray(0, 2).toString('hex') === '1f8b' ? undefined : -4))
  if (!isElf(kernel))
    throw new HostError('the kernel in this bzImage is compressed in a way that isobench does not know')
  return kernel
}

/** Where a guest's kernel comes from. */
export type KernelSource =
  /** Debian's of the image's suite: the one for clouds, or the one for all machines, which has 9p and starts later. */
  | { readonly debian: 'cloud' | 'generic' }
  /** A file: a bzImage, a vmlinux, or a user-mode Linux. */
  | {
      readonly kernel: string
      /** The folder with its modules, `…/lib/modules/<release>`; left out when it has built in what a guest needs. */
      readonly modules?: string | undefined
    }

/** A kernel that guests boot, on every monitor the same. */
export interface GuestKernel {
  /** Such as `6.12.117+deb13-cloud-amd64`. */
  readonly release: string
  /** Uncompressed, an ELF with a PVH entry: monitors start it without unpacking anything. */
  readonly vmlinux: string
  readonly initramfs: string
}

/** What making it needs on the host. */
export const kernelRequirements: readonly Requirement[] = [
  { binary: 'xz', package: 'xz-utils' },
  { binary: 'zstd', package: 'zstd' },
  { binary: 'dpkg-deb', package: 'dpkg' },
  { binary: 'perl', package: 'perl-base' },
]

/** Counts up when the way of making it changes what comes out. */
const version = 2

const packages = { cloud: 'linux-image-cloud-amd64', generic: 'linux-image-amd64' } as const

/** Where the kernel is, made or not: its name is a digest of all that it is made of. */
export function kernelPath(from: KernelSource): string {
  const identity = (path: string) => [path, ...(existsSync(path) ? [statSync(path).ino, statSync(path).mtimeMs] : [])]
  const source =
    'debian' in from
      ? [packages[from.debian], recipe().suite]
      : [identity(from.kernel), from.modules && identity(from.modules)]
  const programs = (['init.pl', 'agent.pl', 'frames.pl'] as const).map((name) =>
    readFileSync(programPath(name), 'utf8'),
  )
  const digest = createHash('sha256')
    .update(JSON.stringify([version, source, programs]))
    .digest('hex')
  return join(cacheFolder(), 'kernels', digest.slice(0, 16))
}

/** The kernel, if it is there. */
export function findKernel(from: KernelSource): GuestKernel | undefined {
  const folder = kernelPath(from)
  if (!existsSync(folder)) return undefined
  return {
    release: readFileSync(join(folder, 'release'), 'utf8'),
    vmlinux: join(folder, 'vmlinux'),
    initramfs: join(folder, 'initramfs'),
  }
}

/**
 * The kernel, made if it is not there: under a lock, into a temporary name, renamed when it is whole.
 * @throws MachineError when a kernel of the user's cannot be used.
 */
export async function ensureKernel(options: ArtifactBuildOptions, from: KernelSource): Promise<GuestKernel> {
  const found = findKernel(from)
  if (found) return found
  const target = kernelPath(from)
  mkdirSync(join(cacheFolder(), 'kernels'), { recursive: true })
  using _held = await lock(`${target}.lock`, {
    purpose: 'making the guest kernel',
    wait: true,
    ...(options.signal && { signal: options.signal }),
  })
  const meanwhile = findKernel(from)
  if (meanwhile) return meanwhile
  const temporary = `${target}.${process.pid}.tmp`
  await using _made = await options.journal.create({ kind: 'directory', path: temporary }, () => mkdirSync(temporary))
  const { image, modules, release } =
    'debian' in from ? await debianFiles(temporary, packages[from.debian], options) : ownFiles(from)
  // A user-mode Linux is started as a program is.
  writeFileSync(join(temporary, 'vmlinux'), vmlinuxOf(readFileSync(image)), { mode: 0o755 })
  writeFileSync(join(temporary, 'initramfs'), await initramfs(modules === undefined ? [] : modulesFor(modules)))
  writeFileSync(join(temporary, 'release'), release)
  await runHostCommand(['rm', '--recursive', '--force', join(temporary, 'package')])
  renameSync(temporary, target)
  return findKernel(from)!
}

interface KernelFiles {
  readonly image: string
  readonly modules?: string | undefined
  readonly release: string
}

function ownFiles({ kernel, modules }: Exclude<KernelSource, { debian: unknown }>): KernelFiles {
  const absent = [kernel, modules].find((path) => path !== undefined && !existsSync(path))
  if (absent !== undefined) throw new HostError(`there is no ${absent}`, 'mend it in the options of the platform')
  return { image: kernel, modules, release: kernel }
}

/** A kernel of Debian's, of the image's suite. */
async function debianFiles(folder: string, name: string, { signal }: ArtifactBuildOptions): Promise<KernelFiles> {
  const within = join(folder, 'package')
  mkdirSync(within)
  const file = await downloadPackage({
    suite: recipe().suite,
    folder: within,
    name,
    // The package of this name only depends on the one of the latest release.
    instead: /^linux-image-/,
    ...(signal && { signal }),
  })
  await runHostCommand(['dpkg-deb', '--extract', file, within], signal ? { signal } : {})
  const found = readdirSync(join(within, 'boot')).find((name) => name.startsWith('vmlinuz-'))
  if (!found) throw new HostError(`Debian's package ${name} has no kernel in it`)
  const release = found.slice('vmlinuz-'.length)
  const roots = [join(within, 'usr/lib/modules', release), join(within, 'lib/modules', release)]
  return { image: join(within, 'boot', found), modules: roots.find(existsSync), release }
}

/** What every monitor's guests are made of: the kernel with its initramfs, and a disk of the image where there is one. */
export const guestArtifacts = (rootfs: string | undefined, from: KernelSource): Artifact[] => [
  { name: 'guest kernel', path: kernelPath(from), ensure: (options) => ensureKernel(options, from) },
  ...(rootfs === undefined
    ? []
    : [
        {
          name: 'disk of the image',
          path: diskPath(rootfs),
          ensure: (options: ArtifactBuildOptions) => ensureDisk(rootfs, options),
        },
      ]),
]

/** Options of every platform whose guests boot a kernel of their own. */
export const kernelOptions = {
  /**
   * Debian's kernel of the image's suite, for clouds (`cloud`, when left out) or for all machines (`generic`), or the path of a
   * bzImage or vmlinux of the user's own.
   */
  kernel: z
    .string()
    .regex(/^(cloud|generic|.*\/.*)$/, 'give "cloud", "generic" or a path')
    .optional(),
  /** The folder of an own kernel's modules: `/lib/modules/<release>`. */
  modules: z.string().optional(),
}

interface Given {
  readonly kernel?: string | undefined
  readonly modules?: string | undefined
}

/** Where the kernel that these options ask for comes from. */
export const kernelSource = ({ kernel = 'cloud', modules }: Given): KernelSource =>
  kernel === 'cloud' || kernel === 'generic' ? { debian: kernel } : { kernel, modules }

/** The kernel that these options ask for. @throws MachineError where it was not made. */
export function kernelOf(given: Given): GuestKernel {
  const kernel = findKernel(kernelSource(given))
  if (!kernel) throw new HostError('the guest kernel is not there', 'isobench image build')
  return kernel
}

/** `Linux 6.12.117+deb13-cloud-amd64`. */
export const kernelName = (given: Given): string => `Linux ${findKernel(kernelSource(given))?.release}`
