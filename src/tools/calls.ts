import { type Command, command } from './command.ts'
import { above0, jsonNumber, parseJson } from './parse.ts'

/**
 * isobench-calls: nanoseconds of system calls, new processes and messages. A program of isobench that is built into the
 * image (host/programs/calls.c). Packaged alternatives: lmbench is in non-free and is interactive, `perf bench` belongs
 * to one kernel version and measures seven of these calls, and `stress-ng` reports no time per call.
 */

/** The operations of isobench-calls, and what one loop of each does. */
const operations = {
  getpid: 'the system call getpid',
  clockGettime: 'clock_gettime of CLOCK_MONOTONIC, as the C library does it',
  futexWake: 'FUTEX_WAKE of a futex on which nothing waits',
  signal: 'a signal to the process itself, with its handler',
  epoll: 'epoll_wait on 64 descriptors, of which one is ready',
  mmap: 'mmap and munmap of 64 KiB that nothing touches',
  pageFault: 'the first write to a 4 KiB page, with its share of mmap and munmap',
  stat: 'stat of a file',
  openClose: 'open and close of a file',
  unlink: 'unlink of an empty file',
  fork: 'fork, exit and wait',
  forkExec: 'fork, execve of a static program, exit and wait',
  threadCreate: 'pthread_create and pthread_join',
  pipe: 'one byte to another process and back, through two pipes',
  socket: 'one byte to another process and back, through a pair of Unix sockets',
  contextSwitch: 'one switch between two threads that wake each other by a futex',
} as const

/** The name of an operation of isobench-calls. */
export type CallName = keyof typeof operations

/** Which operations to measure, and how long. */
export interface CallsMeasurement {
  /** What to measure, each name once. */
  names: readonly CallName[]
  /** For each name, 0.001 to 60. */
  seconds: number
  /** A writable directory in the guest, for the operations on files. */
  folder: string
}

const TOOL = 'isobench-calls'

/** The command of isobench's own program for system calls, and the parser of its output. */
export const calls = {
  /** What one loop of each operation does. */
  operations,

  measure({ names, seconds, folder }: CallsMeasurement): Command {
    if (!(seconds >= 0.001 && seconds <= 60)) throw new TypeError(`seconds must be 0.001 to 60, not ${seconds}.`)
    const unknown = names.find((name) => !Object.hasOwn(operations, name))
    if (unknown !== undefined) throw new TypeError(`isobench-calls has no operation ${JSON.stringify(unknown)}.`)
    if (names.length === 0) throw new TypeError('isobench-calls needs the name of an operation.')
    return command(TOOL, seconds, folder, ...names)
  },

  /**
   * Nanoseconds of one loop, by name: the median of the batches.
   * @throws {TypeError} without names
   * @throws {ToolOutputError} unless the report is complete and has a time above 0 for every name
   */
  parse<N extends CallName>(stdout: string, names: readonly N[]): Record<N, number> {
    if (!Array.isArray(names) || names.length === 0)
      throw new TypeError('calls.parse() needs the names of operations as its second argument.')
    const report = parseJson(TOOL, stdout)
    const nanoseconds = (name: N): number =>
      above0(TOOL, stdout, `calls.${name}.ns`, jsonNumber(TOOL, stdout, report, 'calls', name, 'ns'))
    return Object.fromEntries(names.map((name) => [name, nanoseconds(name)])) as Record<N, number>
  },
}
