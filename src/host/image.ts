/** The image that guests boot from: built with mmdebstrap, or a root filesystem of the user. */

import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ImageConfig } from '../dsl/config.ts'
import { IsobenchError, messageOf } from '../util/errors.ts'
import { explainWrites, isThere } from '../util/files.ts'
import { bytesBelow } from './data-limit.ts'
import { makeFolderWithMode, refuseFile } from './guest-folder.ts'
import { compileHooks, digestOf, inputHooks, packagesDigest, type Recipe, recipe } from './image-recipe.ts'
import { buildSteps } from './image-steps.ts'
import { type ArtifactBuildOptions, buildOnce, runBuildCommand } from './lock.ts'
import { requiredMountPoints } from './mounts.ts'
import { debianSources, reachableSources, snapshotSetting } from './packages.ts'
import { cacheFolder } from './paths.ts'
import { HostCommandError } from './process.ts'
import { existsForRoot } from './root-access.ts'

/** The image could not be built, or the user's root filesystem does not fit. */
export class ImageError extends IsobenchError {
  readonly code = 'ISOBENCH_IMAGE'
}

export interface Image {
  readonly rootfs: string
  /**
   * Digests of the recipe and of the installed packages with their versions. For a root filesystem of the user: `own:`,
   * its inode and its modification time, and the packages if it has a list of them.
   */
  readonly digest: string
}

const imagesFolder = () => join(cacheFolder(), 'images')

const recipeOf = ({ packages, snapshot }: ImageConfig): Recipe => recipe(packages, snapshot)

/** Returns where the image of this config is, whether it exists or not. */
export function imagePath(config: ImageConfig = {}): string {
  return config.rootfs ?? join(imagesFolder(), digestOf(recipeOf(config)))
}

/** Whether an image of isobench exists. */
function isBuilt(path: string): boolean {
  refuseFile(cacheFolder(), 'ISOBENCH_CACHE')
  return existsForRoot(path)
}

/** Returns the image, or `undefined` if it does not exist. An existing image is complete, see `buildOnce`. */
export function findImage(config: ImageConfig = {}): Image | undefined {
  if (config.rootfs !== undefined) return ownImage(config.rootfs)
  const rootfs = imagePath(config)
  return isBuilt(rootfs) ? { rootfs: realpathSync(rootfs), digest: withPackages(basename(rootfs), rootfs) } : undefined
}

function ownImage(rootfs: string): Image {
  if (!isThere(rootfs))
    throw new ImageError(`image.rootfs: there is no directory ${rootfs}.`, 'fix image.rootfs in isobench.config.ts')
  const lacking = requiredMountPoints.filter((path) => !existsSync(join(rootfs, path)))
  if (lacking.length > 0) {
    throw new ImageError(
      `image.rootfs: ${rootfs} lacks ${lacking.join(', ')}. Every platform mounts something there.`,
      `mkdir ${lacking.map((path) => join(rootfs, path)).join(' ')}`,
    )
  }
  const { ino, mtimeMs } = statSync(rootfs)
  return { rootfs: realpathSync(rootfs), digest: withPackages(`own:${ino}-${Math.round(mtimeMs)}`, rootfs) }
}

const withPackages = (name: string, rootfs: string): string =>
  [name, packagesDigest(rootfs)].filter((part) => part !== undefined).join('-')

/**
 * Closes the images to other users of the host, because an image has set-uid programs that get no security updates.
 */
function closeImagesFolder(): void {
  makeFolderWithMode(imagesFolder(), 0o700)
}

/** Returns the image. Builds it if it does not exist. */
export async function ensureImage(config: ImageConfig, options: ArtifactBuildOptions): Promise<Image> {
  if (config.rootfs === undefined) closeImagesFolder()
  const existing = findImage(config)
  if (existing) return existing
  const build = async (temporary: string) => {
    // TMPDIR of mmdebstrap. If it were killed, its files would stay in /tmp.
    const scratch = `${temporary}.scratch`
    await using _scratch = await options.journal.create({ kind: 'directory', path: scratch }, () => mkdirSync(scratch))
    await runMmdebstrap(config, recipeOf(config), temporary, scratch, options)
  }
  await buildOnce(imagePath(config), build, { ...options, purpose: 'building the image' })
  rmSync(logOf(config), { force: true })
  return findImage(config)!
}

/** The file with the output of a build that failed. */
const logOf = (config: ImageConfig) => `${imagePath(config)}.log`

/** Writes the output of a failed build. Returns how to find its cause, also if the disk is full. */
export function keepLog(log: string, lines: readonly string[]): string {
  try {
    explainWrites(log, () => writeFileSync(log, `${lines.join('\n')}\n`))
    return `look for the cause in ${log}`
  } catch (error) {
    return `${messageOf(error)}; build again to see all output`
  }
}

/**
 * Builds the root filesystem in a folder.
 * @throws {ImageError} if it fails; it names a file with all that mmdebstrap printed
 */
async function runMmdebstrap(
  config: ImageConfig,
  contents: Recipe,
  folder: string,
  scratch: string,
  options: ArtifactBuildOptions,
): Promise<void> {
  const sources = await reachableSources(debianSources(contents), join(scratch, 'apt'), options)
  const argv = [
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    `--include=${contents.packages.join(',')}`,
    '--aptopt=Apt::Install-Recommends "false"',
    // Without this, dpkg waits for the disk after every file, which takes a quarter of the build.
    '--dpkgopt=force-unsafe-io',
    ...contents.excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`),
    ...[...compileHooks(), ...inputHooks(contents)].map((hook) => `--customize-hook=${hook}`),
    ...(contents.snapshot === undefined ? [] : [`--aptopt=${snapshotSetting}`]),
    contents.suite,
    folder,
    ...sources,
  ]
  const lines: string[] = []
  const step = buildSteps(contents.packages.length)
  try {
    await runBuildCommand(argv, options, {
      label: 'mmdebstrap',
      timeout: 1800,
      env: { TMPDIR: scratch },
      onLine: (line) => {
        lines.push(line)
        const text = step(line)
        if (text !== undefined) options.onLine?.(text)
      },
    })
  } catch (error) {
    if (!(error instanceof HostCommandError)) throw error
    const found = keepLog(logOf(config), lines)
    throw new ImageError(`the image could not be built: ${error.message}`, found)
  }
  for (const path of requiredMountPoints) mkdirSync(join(folder, path), { recursive: true })
  // Packages enable services and timers. Disable them, so that only what a bench starts runs in the guest.
  for (const name of ['multi-user', 'timers'])
    rmSync(join(folder, `etc/systemd/system/${name}.target.wants`), { recursive: true, force: true })
  writeFileSync(join(folder, 'etc/hostname'), 'isobench\n')
  // Guests have no name server. This entry avoids a lookup of the host name, which would take different times.
  writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost isobench\n')
  rmSync(join(folder, 'etc/resolv.conf'), { force: true })
  // A complete image must survive a crash of the host, so wait for the disk once.
  await runBuildCommand(['sync', '--file-system', folder], options, { timeout: 600 })
}

/**
 * Returns the path of this config's image, or `undefined` if it does not exist.
 * @throws {ImageError} if the image is a root filesystem of the user, which isobench must not remove
 */
export function removableImage(config: ImageConfig = {}): string | undefined {
  if (config.rootfs !== undefined) {
    throw new ImageError(
      `${config.rootfs} is not an image of isobench, so isobench does not remove it.`,
      'remove it yourself, or remove image.rootfs from isobench.config.ts',
    )
  }
  const path = imagePath(config)
  return isBuilt(path) ? path : undefined
}

/** A file or directory in the cache that no guest of this project uses. */
export interface UnusedArtifact {
  readonly path: string
  /** Disk usage, including files that are hard-linked elsewhere; 0 if it cannot be measured. */
  readonly bytes: number
}

/** Names of complete artifacts in each directory. Unfinished builds have longer names. */
const artifactFolders = [
  ['kernels', /^[0-9a-f]{16}$/],
  ['disks', /^[0-9a-f]{16}\.(ext4|rofs)$/],
] as const

/** Lists the guest kernels and disks in the cache, except those at the paths `used`. */
export function unusedArtifacts(used: readonly string[]): UnusedArtifact[] {
  const keep = new Set(used)
  return artifactFolders.flatMap(([name, complete]) => {
    const folder = join(cacheFolder(), name)
    const found = existsSync(folder) ? readdirSync(folder).filter((entry) => complete.test(entry)) : []
    return found
      .map((entry) => join(folder, entry))
      .filter((path) => !keep.has(path))
      .map((path) => ({ path, bytes: bytesBelow(path, Number.POSITIVE_INFINITY) ?? 0 }))
  })
}
