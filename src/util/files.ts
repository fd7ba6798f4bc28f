import {
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Creates a folder and its parents.
 *
 * It goes step by step. Node's `recursive` never returns if the kernel reports ENOENT although the parent exists, as in
 * /proc.
 * @throws {Error} if a part of the path is a file, or if the kernel refuses
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have created it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Replaces a file as a whole: readers see the old file or the new one. Creates the folder if needed.
 * @throws {Error} if the file cannot be written; then the old file stays
 */
export function writeFileAtomic(file: string, contents: string | Uint8Array): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    makeFolder(dirname(file))
    writeFileSync(temporary, contents, existsSync(file) ? { mode: statSync(file).mode & 0o7777 } : {})
    renameSync(temporary, file)
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
 * Opens the output that a user named for writing: `w` replaces the content of a regular file; `a` is for devices, FIFOs
 * and the open files of this process, which must not be truncated or replaced.
 */
export const outputFlag = (path: string): 'w' | 'a' => (isStream(path) ? 'a' : 'w')

/** Whether the path is a device, a FIFO, a socket or an open file of this process, which must not be replaced. */
function isStream(path: string): boolean {
  if (!existsSync(path)) return false
  const isOpenFile = /^\/(dev\/|proc\/[^/]+\/)(fd\/|std(in|out|err)$)/.test(path)
  return isOpenFile || /^\/(dev|proc)\//.test(realpathSync(path)) || !statSync(path).isFile()
}

/** The file that a link leads to, also if it does not exist; a path without a link as it is. */
function linkTarget(path: string, depth = 0): string {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (!isLink || depth > 40) return path
  return linkTarget(resolve(dirname(path), readlinkSync(path)), depth + 1)
}

/**
 * Writes an output that a user named. A regular file is replaced as a whole and keeps its mode; the target of a link is
 * written; a device or a FIFO is written to.
 * @throws {Error} if it cannot be written
 */
export function writeOutput(path: string, contents: string): void {
  if (isStream(path)) writeFileSync(path, contents, { flag: 'a' })
  else writeFileAtomic(linkTarget(path), contents)
}
