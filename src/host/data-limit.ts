/** The limit of a guest's `/data`. A guest without one could fill the disk of the host. */

import { lstatSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'

/** Milliseconds between two looks at the free space. */
const intervalMs = 250
/** Bytes that the free space changes by before the folders are measured again. */
const step = 16 * 1024 ** 2
/** Bytes of the disk that guests leave free. */
const reserve = 256 * 1024 ** 2
/** The most files that are measured at once. A guest may create millions. */
const mostFiles = 100_000

/** Returns the disk usage of a folder in bytes. Files that disappear at the same time count as nothing. */
export function bytesBelow(folder: string): number {
  let bytes = 0
  let files = 0
  const pending = [folder]
  for (let path = pending.pop(); path !== undefined && files++ < mostFiles; path = pending.pop()) {
    try {
      const found = lstatSync(path)
      bytes += found.blocks * 512
      if (found.isDirectory()) for (const name of readdirSync(path)) pending.push(join(path, name))
    } catch {
      // The guest has removed it.
    }
  }
  return bytes
}

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
 * are a feature of few file systems. It looks at the free space, which is one system call, and measures the folder only
 * if that has changed. A guest can therefore exceed the limit by what it writes in a quarter of a second.
 */
export class DataLimit implements Disposable {
  #exceeded = false
  #freeAtLook: number
  readonly #bytes: number

  /** @param end ends the guest; called again until the limit is disposed */
  constructor(
    private readonly folder: string,
    bytes: number,
    private readonly end: () => void,
  ) {
    this.#freeAtLook = freeBytes(folder)
    this.#bytes = Math.min(bytes, Math.max(0, this.#freeAtLook - reserve))
    limits.add(this)
    timer ??= setInterval(() => {
      for (const limit of limits) limit.look()
    }, intervalMs).unref()
  }

  /** Whether the folder was too large. */
  get isExceeded(): boolean {
    return this.#exceeded
  }

  /** Measures the folder if the free space has changed, and ends the guest if it is too large. */
  look(): void {
    this.#exceeded ||= this.#isTooLarge()
    if (this.#exceeded) this.end()
  }

  #isTooLarge(): boolean {
    const free = freeBytes(this.folder)
    if (Math.abs(free - this.#freeAtLook) < step) return false
    this.#freeAtLook = free
    return bytesBelow(this.folder) > this.#bytes
  }

  [Symbol.dispose](): void {
    limits.delete(this)
    if (limits.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}
