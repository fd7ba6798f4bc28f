import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import type { ImageConfig } from '../dsl/config.ts'
import { IsobenchError } from '../util/errors.ts'
import { compileHooks, digestOf, inputHooks, type Recipe, recipe } from './image-recipe.ts'
import type { CleanupJournal } from './journal.ts'
import { cacheFolder, lock } from './lock.ts'
import { requiredMountPoints } from './mounts.ts'
import { debianMirror } from './packages.ts'
import { processId, runHostCommand } from './process.ts'

/** For making what is kept in the cache: an image, a kernel, a disk. */
export interface ArtifactBuildOptions {
  readonly journal: CleanupJournal
  /** Called with each step, for whoever waits. */
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

/** The image could not be built, or an own root filesystem cannot be used. */
export class ImageError extends IsobenchError {
  readonly code = 'ISOBENCH_IMAGE'
}

export interface Image {
  readonly rootfs: string
  /** The recipe's digest, or `own:` and the inode and time of an own root filesystem. */
  readonly digest: string
}

const imagesFolder = () => join(cacheFolder(), 'images')

/** Where the image of this config is, built or not. */
export function imagePath(config: ImageConfig = {}): string {
  return config.rootfs ?? join(imagesFolder(), digestOf(recipe(config.packages)))
}

/** The image, if it is there. A build is renamed into place when it is whole, so what is there is whole. */
export function findImage(config: ImageConfig = {}): Image | undefined {
  if (config.rootfs !== undefined) return ownImage(config.rootfs)
  const rootfs = imagePath(config)
  return existsSync(rootfs) ? { rootfs: realpathSync(rootfs), digest: basename(rootfs) } : undefined
}

function ownImage(rootfs: string): Image {
  if (!existsSync(rootfs))
    throw new ImageError(`the root filesystem ${rootfs} is not there`, 'mend image.rootfs in the config')
  const lacking = requiredMountPoints.filter((path) => !existsSync(join(rootfs, path)))
  if (lacking.length > 0) {
    throw new ImageError(
      `the root filesystem ${rootfs} lacks ${lacking.join(', ')}, where every platform mounts something`,
      `mkdir ${lacking.map((path) => join(rootfs, path)).join(' ')}`,
    )
  }
  const { ino, mtimeMs } = statSync(rootfs)
  return { rootfs: realpathSync(rootfs), digest: `own:${ino}-${Math.round(mtimeMs)}` }
}

/** The image, built if it is not there: under a lock, into a temporary name, renamed when it is whole. */
export async function ensureImage(config: ImageConfig, options: ArtifactBuildOptions): Promise<Image> {
  const found = findImage(config)
  if (found) return found
  const what = recipe(config.packages)
  const target = imagePath(config)
  mkdirSync(imagesFolder(), { recursive: true })
  using _held = await lock(`${target}.lock`, {
    purpose: 'building the image',
    wait: true,
    onWait: ({ pid }) => options.onLine?.(`waiting for process ${pid}, which builds this image`),
    ...(options.signal && { signal: options.signal }),
  })
  const meanwhile = findImage(config)
  if (meanwhile) return meanwhile
  const temporary = `${target}.${process.pid}.tmp`
  await using _directory = await options.journal.create({ kind: 'directory', path: temporary }, () => {})
  // mmdebstrap's own temporary files: killed, it would leave them in /tmp.
  const scratch = `${temporary}.scratch`
  await using _scratch = await options.journal.create({ kind: 'directory', path: scratch }, () => mkdirSync(scratch))
  await build(what, temporary, scratch, options)
  renameSync(temporary, target)
  return findImage(config)!
}

async function build(what: Recipe, folder: string, scratch: string, options: ArtifactBuildOptions): Promise<void> {
  const without = ['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  const { packages, hooks } = compileHooks(what)
  const argv = [
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    `--components=${what.components.join(',')}`,
    `--include=${[...new Set([...what.packages, ...packages])].join(',')}`,
    '--aptopt=Apt::Install-Recommends "false"',
    ...without,
    ...[...hooks, ...inputHooks(what)].map((hook) => `--customize-hook=${hook}`),
    what.suite,
    folder,
    debianMirror(),
  ]
  let builder: AsyncDisposable | undefined
  try {
    await runHostCommand(argv, {
      timeout: 1800,
      env: { TMPDIR: scratch },
      ...(options.signal && { signal: options.signal }),
      onStart: (pid) => {
        const id = processId(pid)
        if (id) void options.journal.create({ kind: 'process', id }, () => {}).then((made) => (builder = made))
      },
      onLine: (line) => /^I:/.test(line) && options.onLine?.(line.slice(2).trim()),
    })
  } finally {
    await builder?.[Symbol.asyncDispose]()
  }
  for (const path of requiredMountPoints) mkdirSync(join(folder, path), { recursive: true })
  // Packages have their servers and timers started at boot; here a bench starts what it measures, and nothing else runs.
  for (const name of ['multi-user', 'timers'])
    rmSync(join(folder, `etc/systemd/system/${name}.target.wants`), { recursive: true, force: true })
  writeFileSync(join(folder, 'etc/hostname'), 'isobench\n')
  // Guests have no name server and need none; a name that each looks up would be a wait that differs.
  writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost isobench\n')
  rmSync(join(folder, 'etc/resolv.conf'), { force: true })
}

/** Where the image of this config is, if there is one and it is isobench's to remove. */
export function removableImage(config: ImageConfig = {}): string | undefined {
  if (config.rootfs !== undefined) {
    throw new ImageError(
      `${config.rootfs} is not isobench's to remove`,
      'remove it yourself, or take image.rootfs out of the config',
    )
  }
  const path = imagePath(config)
  return existsSync(path) ? path : undefined
}

/** Something in the cache that no guest of this project's boots from. */
export interface UnusedArtifact {
  readonly path: string
  /** On the disk; of files that are shared with others, too. */
  readonly bytes: number
}

/** What of each folder is whole: what is being made, and locks, have longer names. */
const folders = [
  ['kernels', /^[0-9a-f]{16}$/],
  ['disks', /^[0-9a-f]{16}\.ext4$/],
] as const

function bytesOf(path: string): number {
  const { blocks } = lstatSync(path)
  const below = lstatSync(path).isDirectory() ? readdirSync(path).map((name) => bytesOf(join(path, name))) : []
  return below.reduce((sum, bytes) => sum + bytes, blocks * 512)
}

/** The guest kernels and disks in the cache, but those at these paths. */
export function unusedArtifacts(used: readonly string[]): UnusedArtifact[] {
  const keep = new Set(used)
  return folders.flatMap(([name, whole]) => {
    const folder = join(cacheFolder(), name)
    const found = existsSync(folder) ? readdirSync(folder).filter((entry) => whole.test(entry)) : []
    return found
      .map((entry) => join(folder, entry))
      .filter((path) => !keep.has(path))
      .map((path) => ({ path, bytes: bytesOf(path) }))
  })
}
