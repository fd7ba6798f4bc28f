import { closeSync, constants, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IsobenchError } from './errors.ts'
import { pause } from './outputs.ts'

/** Inputs that a user named: regular files, links to them, and pipes such as `<(ssh host cat run.jsonl)`. */

/** An input is a device, or a pipe that does not end. */
export class InputError extends IsobenchError {
  readonly code = 'ISOBENCH_INPUT'
}

/** The most bytes that are read from a pipe. */
const longestPipe = 2 ** 30
/** Seconds that a pipe may take until its next byte. */
const pipeWait = 60
/** Seconds that a FIFO may take until a process writes to it. */
const writerWait = 5

const chunkBytes = 2 ** 16

/** The copies of pipes, by path: a pipe can be read once, and a record is read several times. */
const copies = new Map<string, string>()

/**
 * The path of an input to read: of the file itself, or of a copy of all that a pipe has. Reading a device may never
 * end, and no signal could end this process then. The copies go with the process, however it ends.
 * @throws {InputError} if it is a device or a socket, or a pipe that is silent or too long
 */
export function readablePath(path: string, limits: Partial<PipeLimits> = {}): string {
  const known = copies.get(path)
  if (known !== undefined) return known
  const stats = existsSync(path) ? statSync(path) : undefined
  if (!stats || stats.isFile() || stats.isDirectory()) return path
  if (!stats.isFIFO())
    throw new InputError(`${path} is ${stats.isSocket() ? 'a socket' : 'a device'}, not a file.`, 'name a file')
  const descriptor = openNameless()
  try {
    copyPipe(path, descriptor, { bytes: longestPipe, seconds: pipeWait, writerSeconds: writerWait, ...limits })
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  // Opens the file again, from its beginning: proc_pid_fd(5).
  const copy = `/proc/self/fd/${descriptor}`
  copies.set(path, copy)
  return copy
}

/**
 * Whether no later process can read an input by its path: a pipe, which can be read once, or a descriptor of this
 * process, such as that of `<(...)`.
 */
export const isTransient = (path: string): boolean =>
  /^\/(dev\/(fd\/|stdin$)|proc\/(self|\d+)\/fd\/)/.test(path) ||
  (statSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false)

/** Creates a file without a name. The kernel frees it when the process ends, also by a signal. */
function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-input-'))
  try {
    return openSync(join(folder, 'input'), 'wx', 0o600)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const useFile = 'write its contents to a file, and name that'

interface PipeLimits {
  readonly bytes: number
  readonly seconds: number
  readonly writerSeconds: number
}

function copyPipe(path: string, to: number, { bytes, seconds, writerSeconds }: PipeLimits): void {
  // Without O_NONBLOCK, opening a FIFO waits for a writer, and no signal could end that.
  const from = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes)
    let total = 0
    for (let quiet = performance.now(); ; ) {
      const length = readAvailable(from, chunk)
      if (length > 0) {
        total += length
        if (total > bytes) throw new InputError(`${path} is a pipe with more than ${bytes} bytes.`, useFile)
        for (let at = 0; at < length; ) at += writeSync(to, chunk, at, length - at)
        quiet = performance.now()
        continue
      }
      // No process writes: all have ended, or none has started.
      if (length === 0 && total > 0) return
      const limit = length === 0 ? writerSeconds : seconds
      if (performance.now() - quiet > limit * 1000)
        throw new InputError(
          `${path} is a pipe, and ${length === 0 ? 'no process wrote to it' : 'nothing came'} within ${limit} s.`,
          useFile,
        )
      pause(5)
    }
  } finally {
    closeSync(from)
  }
}

/** Reads what a pipe has now. -1: nothing, but a process may write later. */
function readAvailable(descriptor: number, chunk: Buffer): number {
  try {
    return readSync(descriptor, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return -1
  }
}
