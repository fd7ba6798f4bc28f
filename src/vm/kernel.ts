/** The guest kernel: unpacked from Debian's package or from a file of the user, with isobench's initramfs. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Artifact } from '../driver.ts'
import { recipe } from '../host/image-recipe.ts'
import { type ArtifactBuildOptions, buildOnce, runBuildCommand } from '../host/lock.ts'
import { downloadPackage, type Requirement } from '../host/packages.ts'
import { cacheFolder } from '../host/paths.ts'
import { runHostCommand } from '../host/process.ts'
import { programPath } from '../util/assets.ts'
import { HostError } from '../util/errors.ts'
import { diskPath, ensureDisk } from './disks.ts'
import { isElf } from './elf.ts'
import { decompress, initramfs, modulesFor } from './initramfs.ts'

/**
 * Extracts the uncompressed kernel, an ELF, from a bzImage. The setup header locates it since version 2.08 of the boot
 * protocol (Documentation/arch/x86/boot.rst): `setup_sects` at 0x1f1, `HdrS` at 0x202, `payload_offset` at 0x248, its
 * length after it.
 * @throws {HostError} if the bytes are neither a vmlinux nor such a bzImage
 */
export function vmlinuxOf(image: Buffer): Buffer {
  if (isElf(image)) return image
  if (image.length < 0x250 || image.toString('latin1', 0x202, 0x206) !== 'HdrS' || image.readUInt16LE(0x206) < 0x208) {
    throw new HostError('the kernel is neither a vmlinux nor a bzImage with boot protocol 2.08 or later.')
  }
  // boot.rst: 0 means 4.
  const sectors = image.readUInt8(0x1f1) || 4
  const start = (sectors + 1) * 512 + image.readUInt32LE(0x248)
  // The last four bytes are the uncompressed length. It is part of the gzip format; the other formats do not expect it.
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c))
  const kernel = decompress(payload.subarray(0, payload.subarray(0, 2).toString('hex') === '1f8b' ? undefined : -4))
  if (!isElf(kernel)) throw new HostError('the kernel in the bzImage has an unknown compression format.')
  return kernel
}

/** Where the guest kernel comes from. */
export type KernelSource =
  /** Debian's kernel of the image's suite. `cloud` boots faster, `generic` supports 9p. */
  | { readonly debian: 'cloud' | 'generic' }
  /** A file: bzImage, vmlinux or user-mode Linux. */
  | {
      readonly kernel: string
      /** Directory of its modules, `.../lib/modules/<release>`. Omit it if the drivers for the guest are built in. */
      readonly modules?: string | undefined
    }

/** A guest kernel, the same for every VMM. */
export interface GuestKernel {
  /** For example `6.12.117+deb13-cloud-amd64`. */
  readonly release: string
  /** Uncompressed ELF with a PVH entry, so that VMMs boot it without unpacking. */
  readonly vmlinux: string
  readonly initramfs: string
}

/** Host programs that building a guest kernel needs. */
export const kernelRequirements: readonly Requirement[] = [
  { binary: 'xz', package: 'xz-utils' },
  { binary: 'zstd', package: 'zstd' },
  { binary: 'dpkg-deb', package: 'dpkg' },
  { binary: 'perl', package: 'perl-base' },
]

/** Increase it if the build process changes and its result with it. */
const recipeVersion = 2

const debianPackages = { cloud: 'linux-image-cloud-amd64', generic: 'linux-image-amd64' } as const

/** Returns where the kernel is, whether it exists or not. Its name is a digest of everything that it is made of. */
export function kernelPath(from: KernelSource): string {
  const identity = (path: string) => [path, ...(existsSync(path) ? [statSync(path).ino, statSync(path).mtimeMs] : [])]
  const source =
    'debian' in from
      ? [debianPackages[from.debian], recipe().suite]
      : [identity(from.kernel), from.modules && identity(from.modules)]
  const programs = (['init.pl', 'agent.pl', 'frames.pl'] as const).map((name) =>
    readFileSync(programPath(name), 'utf8'),
  )
  const digest = createHash('sha256')
    .update(JSON.stringify([recipeVersion, source, programs]))
    .digest('hex')
  return join(cacheFolder(), 'kernels', digest.slice(0, 16))
}

/** Returns the kernel, or `undefined` if it does not exist. */
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
 * Returns the kernel. Builds it if it does not exist.
 * @throws {HostError} if a kernel of the user does not fit
 */
export async function ensureKernel(options: ArtifactBuildOptions, from: KernelSource): Promise<GuestKernel> {
  const build = async (temporary: string) => {
    mkdirSync(temporary)
    const { image, modules, release } =
      'debian' in from ? await debianFiles(temporary, debianPackages[from.debian], options) : userKernelFiles(from)
    // Executable, because a user-mode Linux kernel is a program.
    writeFileSync(join(temporary, 'vmlinux'), vmlinuxOf(readFileSync(image)), { mode: 0o755 })
    writeFileSync(join(temporary, 'initramfs'), await initramfs(modules === undefined ? [] : modulesFor(modules)))
    writeFileSync(join(temporary, 'release'), release)
    await runHostCommand(['rm', '--recursive', '--force', join(temporary, 'package')])
  }
  await buildOnce(kernelPath(from), build, { ...options, purpose: 'building the guest kernel' })
  return findKernel(from)!
}

interface KernelFiles {
  readonly image: string
  readonly modules?: string | undefined
  readonly release: string
}

function userKernelFiles({ kernel, modules }: Exclude<KernelSource, { debian: unknown }>): KernelFiles {
  const absent = [kernel, modules].find((path) => path !== undefined && !existsSync(path))
  if (absent !== undefined)
    throw new HostError(`there is no file ${absent}.`, 'fix the platform option kernel or modules')
  return { image: kernel, modules, release: kernel }
}

/** Downloads and unpacks a kernel package of the image's Debian suite. */
async function debianFiles(folder: string, name: string, options: ArtifactBuildOptions): Promise<KernelFiles> {
  const packageFolder = join(folder, 'package')
  mkdirSync(packageFolder)
  const file = await downloadPackage({
    suite: recipe().suite,
    folder: packageFolder,
    name,
    // The package with this name is a metapackage that depends on the latest release.
    preferDependency: /^linux-image-/,
    ...(options.signal && { signal: options.signal }),
  })
  await runBuildCommand(['dpkg-deb', '--extract', file, packageFolder], options)
  const found = readdirSync(join(packageFolder, 'boot')).find((name) => name.startsWith('vmlinuz-'))
  if (!found) throw new HostError(`the Debian package ${name} contains no kernel.`)
  const release = found.slice('vmlinuz-'.length)
  const roots = [join(packageFolder, 'usr/lib/modules', release), join(packageFolder, 'lib/modules', release)]
  return { image: join(packageFolder, 'boot', found), modules: roots.find(existsSync), release }
}

/**
 * Returns the artifacts of every VMM: the kernel with its initramfs, and a disk with the image if there is an image.
 */
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

/** Platform options of every platform that boots a guest kernel. */
export const kernelOptions = {
  /**
   * `cloud` (default) or `generic`: Debian's kernel of the image's suite, for clouds or for all machines. Or the path
   * of a bzImage or vmlinux.
   */
  kernel: z
    .string()
    .regex(/^(cloud|generic|.*\/.*)$/, 'use "cloud", "generic" or a path')
    .optional(),
  /** Directory of the modules of a user's kernel: `/lib/modules/<release>`. */
  modules: z.string().optional(),
}

/** The parsed `kernelOptions`. */
interface KernelOptions {
  readonly kernel?: string | undefined
  readonly modules?: string | undefined
}

/** Returns the source of the kernel that the platform options select. */
export const kernelSource = ({ kernel = 'cloud', modules }: KernelOptions): KernelSource =>
  kernel === 'cloud' || kernel === 'generic' ? { debian: kernel } : { kernel, modules }

/**
 * Returns the kernel that the platform options select.
 * @throws {HostError} if it has not been built
 */
export function kernelOf(options: KernelOptions): GuestKernel {
  const kernel = findKernel(kernelSource(options))
  if (!kernel) throw new HostError('the guest kernel has not been built.', 'isobench image build')
  return kernel
}

/** For example `Linux 6.12.117+deb13-cloud-amd64`. */
export const kernelName = (options: KernelOptions): string => `Linux ${findKernel(kernelSource(options))?.release}`
