import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programPath } from '../../entries.ts'
import { HostError } from '../../errors.ts'
import type { Requirement } from '../../platforms/driver.ts'
import { downloadPackage } from '../apt.ts'
import type { ArtifactBuildOptions } from '../build-options.ts'
import { runHostCommand } from '../host.ts'
import { recipe } from '../image/recipe.ts'
import { lock } from '../lock.ts'
import { cacheFolder } from '../paths.ts'
import { vmlinuxOf } from './bz-image.ts'
import { initramfs } from './initramfs.ts'
import { modulesFor } from './modules.ts'

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
  await using _made = await options.ledger.create({ kind: 'directory', path: temporary }, () => mkdirSync(temporary))
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
