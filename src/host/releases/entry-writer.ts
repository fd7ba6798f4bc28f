/** Writes the entries of an untrusted archive. */

import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { link, open, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Header } from 'tar-stream'
import { sanitize } from '../../util/text.ts'
import { ArchiveError } from './errors.ts'

/** The most that an archive may contain. */
export interface UnpackLimits {
  /** After decompression. */
  readonly bytes: number
  readonly entries: number
}

const refuse = (archive: string, entry: string, why: string): ArchiveError =>
  new ArchiveError(
    `${archive} was not unpacked: its entry "${sanitize(entry, 200)}" ${why}.`,
    'official releases contain no such entry: do not use this file',
  )

/**
 * Splits the path of an entry. `./a//b` is `a`, `b`.
 * @throws {ArchiveError} if it is absolute or has a `..`
 */
export function splitPath(path: string, archive: string): readonly string[] {
  if (path.startsWith('/')) throw refuse(archive, path, 'has an absolute path')
  if (path.includes('\0')) throw refuse(archive, path, 'has a zero byte in its path')
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw refuse(archive, path, 'has a ".." in its path')
  return parts
}

/** Whether a mode lets anyone execute the file. */
const isExecutable = (mode: number): boolean => (mode & 0o111) !== 0

/**
 * Writes entries into a folder. No entry is written through a link, so all of them stay in the folder. Folders and
 * programs get the mode 0755, other files 0644; owners, set-uid bits and times of the archive are ignored.
 */
export class EntryWriter {
  #bytes = 0
  #entries = 0

  constructor(
    private readonly folder: string,
    private readonly archive: string,
    private readonly limits: UnpackLimits,
  ) {}

  /** The bytes of the entries so far, also of those that are not installed. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Writes an entry.
   * @param targetOf where a path of the archive is installed; undefined if it is not
   * @throws {ArchiveError} if the entry may leave the folder, or is neither a file, a folder nor a link
   */
  async add(
    { name, type, mode, linkname, size, pax }: Header,
    targetOf: (path: readonly string[]) => readonly string[] | undefined,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#entries++
    if (this.#entries > this.limits.entries) throw this.#tooLarge(`${this.limits.entries} entries`)
    // GNU tar's formats of sparse files since 2006. Their content begins with a map of the holes.
    if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.')))
      throw refuse(this.archive, name, 'is a sparse file')
    const target = targetOf(splitPath(name, this.archive))
    switch (type) {
      case 'directory':
        if (target) this.#makeFolders(target, name)
        return
      case 'file':
      case 'contiguous-file':
        if (target) await this.writeFile(target, content, isExecutable(mode) ? 0o755 : 0o644, signal)
        else this.#count(size)
        return
      case 'symlink':
        if (target) await this.#writeLink(target, linkname ?? '', name)
        return
      case 'link':
        if (target) await this.#writeHardLink(target, targetOf(this.#splitLink(linkname ?? '', name)), name)
        return
      default:
        throw refuse(this.archive, name, type ? `is a ${type}` : 'has an unknown type')
    }
  }

  #tooLarge(what: string): ArchiveError {
    return new ArchiveError(
      `${this.archive} was not unpacked: it contains more than ${what}.`,
      'official releases contain less: do not use this file',
    )
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.limits.bytes) throw this.#tooLarge(`${this.limits.bytes.toLocaleString('en-US')} bytes`)
  }

  /** Writes a file. Replaces one of an earlier entry, as tar does. */
  async writeFile(
    target: readonly string[],
    content: AsyncIterable<Uint8Array>,
    mode: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await using file = await open(this.#place(target), 'wx', 0o600)
    for await (const part of content) {
      signal?.throwIfAborted()
      this.#count(part.length)
      await file.writeFile(part)
    }
    // Not the mode of `open`, which the umask changes.
    await file.chmod(mode)
  }

  /** Returns the path of a new file, after what an earlier entry put there is removed and its folders are made. */
  #place(target: readonly string[], name = target.join('/')): string {
    if (target.length === 0) throw refuse(this.archive, name, 'has no name')
    this.#makeFolders(target.slice(0, -1), name)
    const path = join(this.folder, ...target)
    const existing = lstatSync(path, { throwIfNoEntry: false })
    if (existing?.isDirectory()) throw refuse(this.archive, name, 'replaces a folder')
    if (existing) unlinkSync(path)
    return path
  }

  /** @throws {ArchiveError} if a part of the path is a file or a link */
  #makeFolders(target: readonly string[], name: string): void {
    target.forEach((_, index) => {
      const path = join(this.folder, ...target.slice(0, index + 1))
      const existing = lstatSync(path, { throwIfNoEntry: false })
      if (existing && !existing.isDirectory()) throw refuse(this.archive, name, 'is below a file or a link')
      if (existing) return
      mkdirSync(path)
      chmodSync(path, 0o755)
    })
  }

  /**
   * Writes a symbolic link. Every folder above it is a real one, so the `..` at the start of its target lead where they
   * seem to. One after a name could follow another link first, and then lead anywhere.
   */
  async #writeLink(target: readonly string[], to: string, name: string): Promise<void> {
    const steps = to.split('/').filter((part) => part !== '' && part !== '.')
    const up = steps.findIndex((step) => step !== '..')
    const leading = up < 0 ? steps.length : up
    if (to === '' || to.startsWith('/') || leading > target.length - 1 || steps.slice(leading).includes('..'))
      throw refuse(this.archive, name, `is a link to "${sanitize(to, 200)}"`)
    await symlink(to, this.#place(target, name))
  }

  /** Splits the target of a hard link, which is another path of the archive. */
  #splitLink(to: string, name: string): readonly string[] {
    try {
      return splitPath(to, this.archive)
    } catch {
      throw refuse(this.archive, name, `is a link to "${sanitize(to, 200)}"`)
    }
  }

  async #writeHardLink(target: readonly string[], source: readonly string[] | undefined, name: string): Promise<void> {
    if (!source || !this.#isFile(source)) throw refuse(this.archive, name, 'is a link to a file that is not installed')
    const from = join(this.folder, ...source)
    if (from === join(this.folder, ...target)) return
    await link(from, this.#place(target, name))
  }

  /** Whether a path leads to a file without a link on the way. */
  #isFile(target: readonly string[]): boolean {
    return target.every((_, index) => {
      const stat = lstatSync(join(this.folder, ...target.slice(0, index + 1)), { throwIfNoEntry: false })
      return index < target.length - 1 ? stat?.isDirectory() === true : stat?.isFile() === true
    })
  }
}
