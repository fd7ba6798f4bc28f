import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type FSWatcher, watch as watchFiles } from 'chokidar'
import type { Project } from '../project/config.ts'
import { platformFiles, type ResolvedPlatform } from '../project/platforms.ts'

/** Milliseconds without a change after which the changes so far are reported. */
const quietMs = 25
/** Milliseconds after which they are reported anyway. */
const maxDelayMs = 500

/** Files that changed within a short time. */
export interface FileChanges {
  readonly paths: ReadonlySet<string>
  /** Whether a file was added or removed. */
  readonly moved: boolean
}

/** The folder before the first wildcard of a glob. */
export function globBase(root: string, glob: string): string {
  const parts = glob.split('/')
  const wild = parts.findIndex((part) => /[*?{}[\]()!]/.test(part))
  return resolve(root, ...(wild < 0 ? parts.slice(0, -1) : parts.slice(0, wild)))
}

const isIgnored = (path: string): boolean => /\/(?:node_modules|\.git|\.isobench)(?:\/|$)/.test(path)

/** Watches files and folders. */
export class FileWatcher {
  readonly #watcher: FSWatcher
  #watched = new Set<string>()
  #paths = new Set<string>()
  #moved = false
  #timer: NodeJS.Timeout | undefined
  #since = 0

  constructor(private readonly onChanges: (changes: FileChanges) => void) {
    this.#watcher = watchFiles([], { ignoreInitial: true, ignored: (path) => isIgnored(`${path}/`), atomic: 50 })
    this.#watcher.on('all', (event, path) => {
      if (event === 'addDir' || event === 'unlinkDir') return
      // Otherwise chokidar does not notice when the file comes back. Added while it is gone, its folder is watched.
      if (event === 'unlink' && this.#watched.has(path)) this.#watcher.add(path)
      this.#add(path, event !== 'change')
    })
    // A folder may be removed while chokidar reads it.
    this.#watcher.on('error', () => {})
  }

  /** Resolves when changes are reported. */
  ready(): Promise<void> {
    return new Promise((done) => {
      this.#watcher.once('ready', () => done())
      // chokidar emits no `ready` event if it has no path.
      setTimeout(done, 2000).unref()
    })
  }

  /** Replaces the watched paths. */
  set(paths: readonly string[]): void {
    const wanted = new Set(paths)
    const gone = [...this.#watched].filter((path) => !wanted.has(path))
    const fresh = [...wanted].filter((path) => !this.#watched.has(path))
    if (gone.length > 0) this.#watcher.unwatch(gone)
    if (fresh.length > 0) this.#watcher.add(fresh)
    this.#watched = wanted
  }

  #add(path: string, moved: boolean): void {
    this.#paths.add(path)
    this.#moved ||= moved
    const now = Date.now()
    if (this.#timer === undefined) this.#since = now
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#report(), Math.max(0, Math.min(quietMs, this.#since + maxDelayMs - now)))
  }

  #report(): void {
    const changes = { paths: this.#paths, moved: this.#moved }
    this.#timer = undefined
    this.#paths = new Set()
    this.#moved = false
    this.onChanges(changes)
  }

  /** Stops watching. */
  close(): Promise<void> {
    clearTimeout(this.#timer)
    return this.#watcher.close()
  }
}

/** A string that changes when the options or a file of the platform change. */
export function platformFileState(
  platform: ResolvedPlatform,
  { root, configDigest }: Pick<Project, 'root' | 'configDigest'>,
): string {
  const { kind, options, driver } = platform.spec
  const files = platformFiles(platform, root).map((file) => {
    try {
      const { ino, size, mtimeMs } = statSync(file)
      return [file, ino, size, mtimeMs]
    } catch {
      return [file]
    }
  })
  // A custom driver is part of the config's code.
  return JSON.stringify([kind, options, driver ? configDigest : null, files])
}

/** The folders in which bench files may be created. */
export const foldersOf = (root: string, include: readonly string[]): string[] => [
  ...new Set(include.map((glob) => globBase(join(root), glob))),
]
