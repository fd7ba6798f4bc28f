import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
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
 * The flag to open an output that a user named: `w` replaces a regular file; `a` is for devices, FIFOs and the open
 * files of this process, which must not be truncated or replaced.
 */
export const outputFlag = (path: string): 'w' | 'a' => (isStream(path) ? 'a' : 'w')

const openFile = /^\/(dev\/|proc\/[^/]+\/)(fd\/|std(in|out|err)$)/

/** Whether the path leads to a device, a FIFO, a socket or an open file of this process. */
const isStream = (path: string): boolean =>
  existsSync(path) && (linkChain(path).some((one) => openFile.test(one)) || !statSync(path).isFile())

/** As the kernel does, give up after so many links. */
const mostLinks = 40

/** A path and, if it is a link, what it leads to, step by step. The last one need not exist. */
function linkChain(path: string): string[] {
  const chain = [path]
  for (let last = path; chain.length <= mostLinks && isLink(last); chain.push(last))
    last = resolve(dirname(last), readlinkSync(last))
  return chain
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true

/**
 * Writes an output that a user named. A regular file is replaced as a whole and keeps its mode; the target of a link is
 * written; a device or a FIFO is written to.
 * @throws {Error} if it cannot be written
 */
export function writeOutput(path: string, contents: string): void {
  if (isStream(path)) writeFileSync(path, contents, { flag: 'a' })
  else writeFileAtomic(linkChain(path).at(-1)!, contents)
}
