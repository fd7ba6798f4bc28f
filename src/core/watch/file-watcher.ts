import { realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type FSWatcher, watch as watchFiles } from 'chokidar'
import { which } from '../../host/packages.ts'
import type { Project } from '../project/config.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'

/** Hears of changed files. */

/** Milliseconds without another change until a burst counts as over, and how long a burst may be. */
const quiet = 50
const longest = 500

/** The changed paths of one burst. */
export interface FileChanges {
  readonly paths: ReadonlySet<string>
  /** Whether a file came or went. */
  readonly moved: boolean
}

/** Where a glob's files can be: the folder before its first wildcard. */
export function globBase(root: string, glob: string): string {
  const parts = glob.split('/')
  const wild = parts.findIndex((part) => /[*?{}[\]()!]/.test(part))
  return resolve(root, ...(wild < 0 ? parts.slice(0, -1) : parts.slice(0, wild)))
}

const isIgnored = (path: string): boolean => /\/(?:node_modules|\.git|\.isobench)(?:\/|$)/.test(path)

/** Watches folders, and files wherever they are. */
export class FileWatcher {
  readonly #watcher: FSWatcher
  #watched = new Set<string>()
  #paths = new Set<string>()
  #moved = false
  #timer: NodeJS.Timeout | undefined
  #since = 0

  constructor(private readonly onChanges: (burst: FileChanges) => void) {
    this.#watcher = watchFiles([], { ignoreInitial: true, ignored: (path) => isIgnored(`${path}/`), atomic: 50 })
    this.#watcher.on('all', (event, path) => {
      if (event === 'addDir' || event === 'unlinkDir') return
      this.#heard(path, event !== 'change')
    })
    // A folder that goes away while it is read is no fault.
    this.#watcher.on('error', () => {})
  }

  ready(): Promise<void> {
    return new Promise((done) => {
      this.#watcher.once('ready', () => done())
      // Without a path there is no such event.
      setTimeout(done, 2000).unref()
    })
  }

  /** Watches these from now on, and nothing else. */
  set(paths: readonly string[]): void {
    const wanted = new Set(paths)
    const gone = [...this.#watched].filter((path) => !wanted.has(path))
    const fresh = [...wanted].filter((path) => !this.#watched.has(path))
    if (gone.length > 0) this.#watcher.unwatch(gone)
    if (fresh.length > 0) this.#watcher.add(fresh)
    this.#watched = wanted
  }

  #heard(path: string, moved: boolean): void {
    this.#paths.add(path)
    this.#moved ||= moved
    const now = Date.now()
    if (this.#timer === undefined) this.#since = now
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#tell(), Math.max(0, Math.min(quiet, this.#since + longest - now)))
  }

  #tell(): void {
    const burst = { paths: this.#paths, moved: this.#moved }
    this.#timer = undefined
    this.#paths = new Set()
    this.#moved = false
    this.onChanges(burst)
  }

  close(): Promise<void> {
    clearTimeout(this.#timer)
    return this.#watcher.close()
  }
}

/** The programs that a platform is made of, where they really are, and the files that it is told by. */
export function filesOf({ driver, options, spec }: ResolvedPlatform, root: string): string[] {
  const programs = driver.requirements(options).flatMap(({ binary }) => {
    const file = which(binary)
    return file === undefined ? [] : [file, ...targetOf(file)]
  })
  const told = [...(driver.configFiles?.(options) ?? []), ...(spec.watchFiles ?? [])].map((file) => resolve(root, file))
  return [...new Set([...programs, ...told])]
}

/** Where links lead; nothing for one that was removed meanwhile. */
function targetOf(file: string): string[] {
  try {
    return [realpathSync(file)]
  } catch {
    return []
  }
}

/** The options and the files of a platform, as text that differs when one of them does. */
export function platformFileState(
  platform: ResolvedPlatform,
  { root, configDigest }: Pick<Project, 'root' | 'configDigest'>,
): string {
  const { kind, options, driver } = platform.spec
  const files = filesOf(platform, root).map((file) => {
    try {
      const { ino, size, mtimeMs } = statSync(file)
      return [file, ino, size, mtimeMs]
    } catch {
      return [file]
    }
  })
  // A driver of the user's is code of the config's.
  return JSON.stringify([kind, options, driver ? configDigest : null, files])
}

/** Folders in which new bench files may come up. */
export const foldersOf = (root: string, include: readonly string[]): string[] => [
  ...new Set(include.map((glob) => globBase(join(root), glob))),
]
