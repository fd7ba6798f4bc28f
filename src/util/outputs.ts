import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { UsageError } from './errors.ts'
import { explainWrites, isLink, makeFolder, temporaryName, WriteError, writeFileAtomic } from './files.ts'
import { createFile } from './folder-owner.ts'

/** Outputs that a user named: regular files, links to them, devices and FIFOs. */

const openFile = /^\/(dev\/|proc\/[^/]+\/)(fd\/|std(in|out|err)$)/

/**
 * Whether the path leads to a device, a FIFO, a socket or an open file of this process. These must not be truncated or
 * replaced, and several writers may share one.
 */
export const isStream = (path: string): boolean =>
  existsSync(path) &&
  !statSync(path).isDirectory() &&
  (linkChain(path).some((one) => openFile.test(one)) || !statSync(path).isFile())

/** As the kernel does, give up after so many links. */
const mostLinks = 40

/**
 * A path and, if it is a link, what it leads to, step by step. The last one need not exist.
 * @throws {UsageError} if the links lead in a circle
 */
export function linkChain(path: string): string[] {
  const chain = [path]
  for (let last = path; chain.length <= mostLinks && isLink(last); chain.push(last))
    last = resolve(dirname(last), readlinkSync(last))
  if (isLink(chain.at(-1)!)) throw new UsageError(`${path} is a link that leads in a circle`, 'name another file')
  return chain
}

/** Seconds that `openOutput` waits until a process reads a FIFO. */
export const readerWait = 5

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/** Waits without a turn of the event loop, because the writers of reports are synchronous. */
export const pause = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

/**
 * Opens an output for `writeAll`. A regular file is created or emptied.
 *
 * A FIFO without a reader would block the process, and no signal could end it. This waits `seconds` for a reader.
 * @throws {WriteError} if no process reads the FIFO by then
 * @throws {Error} if the kernel refuses
 */
export function openOutput(path: string, seconds = readerWait): number {
  if (!isStream(path)) return openRegular(linkChain(path).at(-1)!)
  if (!statSync(path).isFIFO()) return openSync(path, 'a')
  const end = performance.now() + seconds * 1000
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK)
    } catch (error) {
      if (codeOf(error) !== 'ENXIO') throw error
      if (performance.now() >= end)
        throw new WriteError(
          `${path} is a FIFO, and no process read it within ${seconds} s`,
          `start its reader first, for example: cat ${path} > out &`,
        )
    }
    pause(20)
  }
}

/** Opens a regular file. A new one belongs to the owner of its folder. */
function openRegular(path: string): number {
  try {
    return createFile(path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return openSync(path, 'w')
  }
}

/**
 * Writes all of a text to an open output. Waits while the reader of a FIFO has no room for it.
 * @throws {Error} if it cannot be written
 */
export function writeAll(descriptor: number, text: string | Uint8Array): void {
  for (let rest: Uint8Array = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error
      pause(5)
    }
  }
}

/**
 * Writes an output that a user named. A regular file is replaced as a whole and keeps its mode and owner; the target of
 * a link is written; a device, a FIFO or a file with several names is written to.
 * @throws {Error} if it cannot be written
 */
export function writeOutput(path: string, contents: string | Uint8Array): void {
  const target = isStream(path) ? undefined : linkChain(path).at(-1)!
  if (target === undefined || hasOtherNames(target)) writeStream(path, contents)
  else writeFileAtomic(target, contents)
}

/**
 * Writes a large output that a user named, part by part. A regular file gets its name when it is complete, so a kill
 * leaves no part under that name.
 * @throws {WriteError} if the disk is full, and other errors of the kernel and of the parts
 */
export function writeParts(path: string, parts: Iterable<string>): void {
  const target = isStream(path) ? undefined : linkChain(path).at(-1)!
  const written = target === undefined ? path : temporaryName(target)
  try {
    const descriptor = explainWrites(path, () => {
      makeFolder(dirname(written))
      return openOutput(written)
    })
    try {
      for (const part of parts) explainWrites(path, () => writeAll(descriptor, part))
    } finally {
      closeSync(descriptor)
    }
    if (target !== undefined) explainWrites(path, () => renameSync(written, target))
  } finally {
    if (target !== undefined && existsSync(written)) rmSync(written)
  }
}

/** Whether hard links lead to the same file. A replaced file would be separate from them. */
const hasOtherNames = (path: string): boolean => existsSync(path) && statSync(path).nlink > 1

function writeStream(path: string, contents: string | Uint8Array): void {
  explainWrites(path, () => {
    const descriptor = openOutput(path)
    try {
      writeAll(descriptor, contents)
    } finally {
      closeSync(descriptor)
    }
  })
}
