import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program } from '../../entries.ts'
import { MachineError } from '../../errors.ts'
import type { Requirement } from '../../platforms/driver.ts'
import { downloadPackage } from '../apt.ts'
import type { BuildOptions } from '../build-options.ts'
import { host } from '../host.ts'
import { recipe } from '../image/recipe.ts'
import { lock } from '../lock.ts'
import { cacheFolder } from '../paths.ts'
import { vmlinuxOf } from './bz-image.ts'
import { initramfs } from './initramfs.ts'
import { modulesFor } from './modules.ts'

/** A kernel of the user's in place of Debian's. */
export interface OwnKernel {
  /** A bzImage or a vmlinux. */
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
const version = 1

const package_ = 'linux-image-cloud-amd64'

/** Where the kernel is, made or not: its name is a digest of all that it is made of. */
export function kernelPath(own?: OwnKernel): string {
  const identity = (path: string) => [path, ...(existsSync(path) ? [statSync(path).ino, statSync(path).mtimeMs] : [])]
  const source = own ? [identity(own.kernel), own.modules && identity(own.modules)] : [package_, recipe().suite]
  const programs = (['init.pl', 'agent.pl', 'frames.pl'] as const).map((name) => readFileSync(program(name), 'utf8'))
  const digest = createHash('sha256')
    .update(JSON.stringify([version, source, programs]))
    .digest('hex')
  return join(cacheFolder(), 'kernels', digest.slice(0, 16))
}

/** The kernel, if it is there. */
export function findKernel(own?: OwnKernel): GuestKernel | undefined {
  const folder = kernelPath(own)
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
export async function ensureKernel(options: BuildOptions, own?: OwnKernel): Promise<GuestKernel> {
  const found = findKernel(own)
  if (found) return found
  const target = kernelPath(own)
  mkdirSync(join(cacheFolder(), 'kernels'), { recursive: true })
  using _held = await lock(`${target}.lock`, {
    purpose: 'making the guest kernel',
    wait: true,
    ...(options.signal && { signal: options.signal }),
  })
  const meanwhile = findKernel(own)
  if (meanwhile) return meanwhile
  const temporary = `${target}.${process.pid}.tmp`
  await using _made = await options.ledger.make({ kind: 'directory', path: temporary }, () => mkdirSync(temporary))
  const { image, modules, release } = own ? ownFiles(own) : await debianFiles(temporary, options)
  writeFileSync(join(temporary, 'vmlinux'), vmlinuxOf(readFileSync(image)))
  writeFileSync(join(temporary, 'initramfs'), await initramfs(modules === undefined ? [] : modulesFor(modules)))
  writeFileSync(join(temporary, 'release'), release)
  await host(['rm', '--recursive', '--force', join(temporary, 'package')])
  renameSync(temporary, target)
  return findKernel(own)!
}

interface KernelFiles {
  readonly image: string
  readonly modules?: string | undefined
  readonly release: string
}

function ownFiles({ kernel, modules }: OwnKernel): KernelFiles {
  const absent = [kernel, modules].find((path) => path !== undefined && !existsSync(path))
  if (absent !== undefined) throw new MachineError(`there is no ${absent}`, 'mend it in the options of the platform')
  return { image: kernel, modules, release: kernel }
}

/** Debian's kernel for clouds, of the image's suite. */
async function debianFiles(folder: string, { signal }: BuildOptions): Promise<KernelFiles> {
  const within = join(folder, 'package')
  mkdirSync(within)
  const file = await downloadPackage({
    suite: recipe().suite,
    folder: within,
    name: package_,
    // The package of this name only depends on the one of the latest release.
    instead: /^linux-image-/,
    ...(signal && { signal }),
  })
  await host(['dpkg-deb', '--extract', file, within], signal ? { signal } : {})
  const found = readdirSync(join(within, 'boot')).find((name) => name.startsWith('vmlinuz-'))
  if (!found) throw new MachineError(`Debian's package ${package_} has no kernel in it`)
  const release = found.slice('vmlinuz-'.length)
  const roots = [join(within, 'usr/lib/modules', release), join(within, 'lib/modules', release)]
  return { image: join(within, 'boot', found), modules: roots.find(existsSync), release }
}
