/** The limit of a guest's `/data`. A guest without one could fill the disk of the host. */

import { lstatSync, opendirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { runHostCommand } from './process.ts'

/** Milliseconds between two looks at the free space. */
const intervalMs = 250
/** Bytes that the free space changes by before the folders are measured again. */
const step = 16 * 1024 ** 2
/** Bytes of the disk that guests leave free. */
const reserve = 256 * 1024 ** 2
/** The most files that are measured at once. A guest may create millions, and these take 40 ms of the event loop. */
const mostFiles = 10_000
/** The most files that are measured if the free space has not changed: these take 1 ms. */
const fewFiles = 250
/** Looks after which a folder with few files is measured in any case. */
const looksBetween = 4
/** Seconds that another process may measure a folder with more files. */
const longestMeasure = 60

/** Errors of a file that disappeared, or was replaced by one of another type. */
const goneCodes = new Set(['ENOENT', 'ENOTDIR'])

/** The paths in a folder, at most this many: reading all names of a large folder takes long. */
function pathsIn(folder: string, most: number): string[] {
  const paths: string[] = []
  const directory = opendirSync(folder)
  try {
    for (let entry = directory.readSync(); entry && paths.length < most; entry = directory.readSync())
      paths.push(join(folder, entry.name))
  } finally {
    directory.closeSync()
  }
  return paths
}

/**
 * Returns the disk usage of a file, or of a folder with everything below it, in bytes. Files that disappear at the same
 * time count as nothing.
 * @param most the number of files and folders from which on the usage is not measured
 * @returns undefined if there are more, or if one cannot be measured, such as one with a longer path than PATH_MAX
 */
export function bytesBelow(top: string, most: number): number | undefined {
  let bytes = 0
  let seen = 0
  const pending = [top]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (++seen + pending.length > most) return undefined
    try {
      const found = lstatSync(next)
      bytes += found.blocks * 512
      if (found.isDirectory()) for (const path of pathsIn(next, most)) pending.push(path)
    } catch (error) {
      // Node decodes names as UTF-8, and replaces what is none. Such a file exists under another name.
      const isGone = goneCodes.has((error as NodeJS.ErrnoException).code ?? '') && !next.includes('\ufffd')
      if (!isGone) return undefined
    }
  }
  return bytes
}

/**
 * Resolves to the disk usage of a folder in bytes, or to undefined if another process cannot measure it in time.
 * @param signal ends that process
 */
async function measuredBytes(folder: string, signal: AbortSignal): Promise<number | undefined> {
  const argv = ['du', '--summarize', '--block-size=1', '--one-file-system', '--', folder]
  try {
    // du states a sum and exits with 1 if files disappear at the same time.
    const output = await runHostCommand(argv, { timeout: longestMeasure, signal, exitCodes: [0, 1] })
    const bytes = /^(\d+)\t/.exec(output)?.[1]
    return bytes === undefined ? undefined : Number(bytes)
  } catch {
    return undefined
  }
}

/**
 * The bytes that a guest may have in its folder. They are less than its limit if the disk is nearly full, but at least
 * the smallest change that isobench notices, so that a guest without data stays.
 * @param free bytes of the disk at the start of the guest
 */
export const allowedBytes = (limit: number, free: number): number => Math.min(limit, Math.max(step, free - reserve))

const freeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

/** All limits of this process. One timer serves them. */
const limits = new Set<DataLimit>()
let timer: NodeJS.Timeout | undefined

/**
 * Watches a guest's folder and ends the guest when the folder is too large.
 *
 * isobench watches instead of using a disk or a quota, because a disk image would change what fio measures, and quotas
 * are a feature of few file systems. It looks at the free space, which is one system call, and measures the folder if
 * that has changed. A guest can therefore exceed the limit by what it writes in a quarter of a second. Because other
 * processes may free as much as the guest takes, it also measures a folder with few files each second, and every folder
 * at the end of a sample.
 *
 * Another process measures a folder with many files, if the disk has lost more than the limit. Others write to the disk
 * too, so this alone ends a guest only on a disk that is nearly full, and if the folder cannot be measured.
 */
export class DataLimit implements Disposable {
  #exceeded = false
  #measuring: Promise<void> | undefined
  readonly #disposed = new AbortController()
  #freeAtLook: number
  #looks = 0
  /** The free space of the disk if the folder were empty and nobody else wrote to the disk. */
  #freeWhenEmpty: number
  readonly #bytes: number

  /** @param end ends the guest; called again until the limit is disposed */
  constructor(
    private readonly folder: string,
    bytes: number,
    private readonly end: () => void,
  ) {
    this.#freeWhenEmpty = freeBytes(folder)
    this.#freeAtLook = this.#freeWhenEmpty
    this.#bytes = allowedBytes(bytes, this.#freeWhenEmpty)
    limits.add(this)
    timer ??= setInterval(() => {
      for (const limit of limits) limit.look()
    }, intervalMs).unref()
  }

  /** Resolves when no other process measures the folder. */
  get measured(): Promise<void> {
    return this.#measuring ?? Promise.resolve()
  }

  /** Whether the folder was too large. */
  get isExceeded(): boolean {
    return this.#exceeded
  }

  /** Ends the guest if its folder is too large. Measures the folder if the free space has changed, or if it is due. */
  look(): void {
    this.#endIfTooLarge(++this.#looks % looksBetween === 0 ? fewFiles : 0)
  }

  /** Measures the folder whatever the free space, and ends the guest if it is too large. */
  lookAtEnd(): void {
    this.#endIfTooLarge(mostFiles)
  }

  #endIfTooLarge(most: number): void {
    this.#exceeded ||= this.#isTooLarge(most)
    if (this.#exceeded) this.end()
  }

  /** @param most the number of files up to which the folder is measured although the free space has not changed */
  #isTooLarge(most: number): boolean {
    let free: number
    try {
      free = freeBytes(this.folder)
    } catch {
      // The folder is gone. An exception in the timer would end isobench.
      return false
    }
    const hasChanged = Math.abs(free - this.#freeAtLook) >= step
    if (hasChanged) this.#freeAtLook = free
    const bytes = bytesBelow(this.folder, hasChanged ? mostFiles : most)
    if (bytes !== undefined) return bytes > this.#bytes
    if (!hasChanged) return false
    if (this.#freeWhenEmpty - free <= this.#bytes) return false
    if (free < reserve) return true
    this.#measuring ??= this.#measure(free).finally(() => {
      this.#measuring = undefined
    })
    return false
  }

  /** Ends the guest if its folder, measured by another process, is too large. */
  async #measure(free: number): Promise<void> {
    const bytes = await measuredBytes(this.folder, this.#disposed.signal)
    if (this.#disposed.signal.aborted) return
    if (bytes === undefined || bytes > this.#bytes) {
      this.#exceeded = true
      this.end()
    } else this.#freeWhenEmpty = free + bytes
  }

  [Symbol.dispose](): void {
    limits.delete(this)
    // It would slow down the next sample.
    this.#disposed.abort()
    if (limits.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}
