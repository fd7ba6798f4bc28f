import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { IsobenchError } from './errors.ts'
import { createFile, createFolder } from './folder-owner.ts'
import { pseudoFileSystem } from './pseudo-file-system.ts'

/** A file cannot be written. */
export class WriteError extends IsobenchError {
  readonly code = 'ISOBENCH_WRITE'
}

/** What the kernel's refusals mean, and how to fix them. */
const refusals: Readonly<Record<string, readonly [why: string, fix: (file: string) => string]>> = {
  ENOSPC: ['the disk is full', (file) => `free space on the disk of ${dirname(file)} (df ${dirname(file)})`],
  EDQUOT: ['the disk quota is used up', (file) => `free space below ${dirname(file)}`],
  EROFS: ['the file system is read-only', () => 'use a folder that can be written'],
  EFBIG: ['it is larger than the limit of this process', () => 'raise it: ulimit -f unlimited'],
  EMFILE: ['this process has too many open files', () => 'raise the limit: ulimit -n 4096'],
  ERR_ACCESS_DENIED: [
    'Node.js denies the access',
    () => 'run Node.js without --permission, also in NODE_OPTIONS, because isobench starts processes',
  ],
  ENXIO: ['it is a socket, or a device that is not there', () => 'name a file or a FIFO'],
  ENFILE: ['this host has too many open files', () => 'raise fs.file-max with sysctl'],
}

/** Returns the current folder. Undefined if it was removed. */
function currentFolder(): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}

/** The folder that isobench was started in. User code may change the current one. Undefined if it was removed. */
export const launchFolder = currentFolder()

/** Refusals that are about a path. */
const pathRefusals: typeof refusals = {
  EACCES: ['this user has no permission', (file) => `change the permissions, which this shows: namei -l ${file}`],
  EPERM: ['the kernel does not permit it', (file) => `use another path, or look for an attribute: lsattr -d ${file}`],
  ENAMETOOLONG: [
    'its path, or a name in it, is too long',
    () => 'use a shorter path: a name has at most 255 bytes, and a path 4095',
  ],
  ELOOP: [
    'links in its path lead in a circle',
    (file) => `repair or remove the links, which this shows: namei ${file}`,
  ],
  ENOTDIR: ['a part of its path is no folder', (file) => `use another path; this shows its parts: namei ${file}`],
  EISDIR: ['it is a folder', () => 'name a file'],
  ENODEV: ['it is a device that is not there', () => 'use another path'],
  ETXTBSY: ['it is a program that runs', () => 'use another path'],
  EBUSY: ['another process or a mount uses it', () => 'use another path'],
  EINVAL: ['its file system refuses the name', () => 'use another path'],
  EIO: ['its disk reports an error', () => 'look for the cause with: dmesg'],
}

/** Refusals that mean something else if nothing is written. */
const writeRefusals: typeof refusals = {
  ...refusals,
  ...pathRefusals,
  ENOENT: ['nothing can be created in its folder', () => 'use another path'],
  ERR_INVALID_ARG_VALUE: ['its path has a null byte', () => 'use another path'],
}

type SystemError = NodeJS.ErrnoException & { readonly dest?: string }

/** How to fix a refusal of the kernel that has its cause in the host or in the limits of this process. */
export const systemFix = ({ code = '', path, dest }: SystemError) =>
  refusals[code]?.[1](dest ?? path ?? launchFolder ?? '/')

/** How to fix a refusal of the kernel that is about the path of a file. */
export function pathFix({ code = '', path, dest }: SystemError): string | undefined {
  const file = dest ?? path
  return file === undefined ? undefined : pathRefusals[code]?.[1](file)
}

/** Why a file cannot be written, and how to fix it. */
interface Refusal {
  readonly why: string
  readonly fix: string
}

/** Why the file system of a path holds no files of users, if that is so. */
export function pseudoRefusal(file: string): Refusal | undefined {
  const descriptor = /^\/proc\/(?:self|thread-self|\d+)\/fd\/(\d+)$/.exec(file)?.[1]
  if (descriptor !== undefined && !isLink(file))
    return {
      why: `no file is open as descriptor ${descriptor}`,
      fix: `open it in the command that starts isobench: ${descriptor}> FILE`,
    }
  const name = pseudoFileSystem(file)
  return name === undefined
    ? undefined
    : { why: `it is in ${name}, a file system of the kernel without files of users`, fix: 'use another path' }
}

/** Why a file cannot be written, and how to fix it, if the error is one of the kernel that has a usual cause. */
export function writeRefusal(file: string, error: unknown): Refusal | undefined {
  const refusal = writeRefusals[(error as NodeJS.ErrnoException).code ?? '']
  return refusal && (pseudoRefusal(file) ?? { why: refusal[0], fix: refusal[1](file) })
}

/**
 * Writes a file. The kernel's error for a full disk does not name the file.
 * @throws {WriteError} that names the file and the fix, if the cause is known
 */
export function explainWrites<T>(file: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    throw writeProblem(file, error)
  }
}

/** The error of a write that failed: a WriteError that names the file if the cause is known, otherwise the same. */
export function writeProblem(file: string, error: unknown): unknown {
  const refusal = writeRefusal(file, error)
  if (!refusal) return error
  return new WriteError(`${file} cannot be written: ${refusal.why}`, refusal.fix, { cause: error })
}

/** Whether a path is a link. False if nothing can be there, such as below a path that is no folder. */
export function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch (error) {
    // `throwIfNoEntry: false` covers only the first one.
    if (
      ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(
        (error as NodeJS.ErrnoException).code ?? '',
      )
    )
      return false
    throw error
  }
}

/**
 * Creates a folder and its parents. `create` creates one folder, by default for the owner of the folder above it.
 *
 * It goes step by step. Node's `recursive` never returns if the kernel reports ENOENT although the parent exists, as in
 * /proc.
 * @throws {WriteError} if a part of the path is a file or a link to nothing
 * @throws {Error} if the kernel refuses
 */
export function makeFolder(folder: string, create: (path: string) => unknown = createFolder): void {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return
    throw new WriteError(`${folder} is no folder, and isobench needs one there`, 'rename it, or use another path')
  }
  makeFolder(dirname(folder), create)
  if (isLink(folder))
    throw new WriteError(
      `${folder} is a link to nothing, and isobench needs a folder there`,
      'repair or remove the link',
    )
  try {
    create(folder)
  } catch (error) {
    // Another process may have created it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Appends lines to a file. Each is with the kernel before the call returns. */
export class LineWriter {
  #isCutShort = false

  /** @param to an open file; by default the path is opened for each line */
  constructor(
    private readonly file: string,
    private readonly to: number | string = file,
  ) {}

  /**
   * @param line without its end
   * @throws {WriteError} if the disk is full; a part of the line may be in the file then
   */
  append(line: string): void {
    // After a line that a full disk has cut short, the next one would be a part of it.
    const text = `${this.#isCutShort ? '\n' : ''}${line}\n`
    this.#isCutShort = true
    explainWrites(this.file, () => appendFileSync(this.to, text))
    this.#isCutShort = false
  }
}

/** A path beside `path` that no other process uses. It has random digits, because pids of containers are equal. */
export const temporaryName = (path: string): string => `${path}.${randomBytes(6).toString('hex')}.tmp`

/** Gives an open file the mode of another one, and its owner if this user may do that. */
function copyAttributes({ mode, uid, gid }: Stats, descriptor: number): void {
  try {
    if (process.getuid?.() === 0) fchownSync(descriptor, uid, gid)
  } catch {
    // A file system without owners, or one that does not obey root.
  }
  // The mode of `open` depends on the umask. Like any write, this drops a set-uid bit.
  fchmodSync(descriptor, mode & 0o777)
}

/**
 * Replaces a file as a whole: readers see the old file or the new one. The new one has the mode and the owner of the
 * old one. Without an old one, it belongs to the owner of the folder. Creates the folder if needed.
 * @throws {Error} if the file cannot be written; then the old file stays
 */
export function writeFileAtomic(file: string, contents: string | Uint8Array): void {
  const temporary = temporaryName(file)
  try {
    explainWrites(file, () => {
      makeFolder(dirname(file))
      const former = statSync(file, { throwIfNoEntry: false })
      const descriptor = former ? openSync(temporary, 'wx', 0o600) : createFile(temporary)
      try {
        writeFileSync(descriptor, contents)
        if (former) copyAttributes(former, descriptor)
      } finally {
        closeSync(descriptor)
      }
      renameSync(temporary, file)
    })
  } catch (error) {
    try {
      rmSync(temporary, { force: true })
    } catch {
      // If the folder is a file, there is nothing to remove. The first error is the cause.
    }
    throw error
  }
}

/**
 * Writes a file that does not exist, for the owner of the folder. Creates the folder if needed.
 * @throws {Error} EEXIST if it exists, and other errors of the kernel
 */
export function writeNewFile(file: string, text: string): void {
  makeFolder(dirname(file))
  const descriptor = createFile(file)
  try {
    writeFileSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
}

/** Whether a regular file is at a path, or at the end of its links. */
export const isRegularFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false

/** Whether something is at a path. Unlike `existsSync`, it throws if this user must not look. */
export const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

/**
 * Reads a file that isobench wrote. Another kind of file in its place, such as a FIFO, might never end.
 * @throws {Error} if it is not a regular file, or cannot be read
 */
export function readOwnFile(file: string): string {
  if (!statSync(file).isFile()) throw new Error(`${file} is not a regular file`)
  return readFileSync(file, 'utf8')
}

/** The lines of a text file; none if it cannot be read. */
export function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}

/** Lines of an excerpt before its location. */
const linesBefore = 2

/** A line of a source file, with those before it. */
export interface Excerpt {
  /** The last one is that of the location. */
  readonly lines: readonly string[]
  /** The position in the file, from 1. */
  readonly line: number
  readonly column: number
}

/** Reads the lines at a location. Undefined if the file cannot be read. */
export function excerptAt({
  file,
  line,
  column,
}: Pick<Excerpt, 'line' | 'column'> & { readonly file: string }): Excerpt | undefined {
  const lines = linesOf(file)
  return lines[line - 1] === undefined
    ? undefined
    : { lines: lines.slice(Math.max(0, line - 1 - linesBefore), line), line, column }
}
