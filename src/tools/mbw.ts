import { type Command, command, requireCount } from './command.ts'
import { above0, labelledNumber, ToolOutputError } from './parse.ts'

/**
 * mbw: the bandwidth of copying one large array to another. Debian package `mbw` (1.2.2).
 * Format: `printout` in mbw.c, a line of tab-separated `Name: value` fields for each run and one for the average.
 */

/** `memcpy`: of the C library. `dumb`: a loop over longs. `mcblock`: memcpy in blocks of 256 KiB. */
export type MbwMethod = 'memcpy' | 'dumb' | 'mcblock'

/** How to copy an array. */
export interface MbwRun {
  method: MbwMethod
  /** Number of copies of the array. The result is the average. */
  runs: number
  /** Size of each of the two arrays in MiB. Use much more than the last-level cache. */
  mebibytes: number
}

/** The speed of the copies. */
export interface MbwResult {
  /**
   * Copied bytes per second, 1 MiB = 1048576 bytes. The traffic is at least twice that, because bytes are read and
   * written.
   */
  mebibytesPerSecond: number
}

const TOOL = 'mbw'
const TEST = { memcpy: '-t0', dumb: '-t1', mcblock: '-t2' } as const

/** The command of mbw, and the parser of its output. */
export const mbw = {
  run({ method, runs, mebibytes }: MbwRun): Command {
    if (!Object.hasOwn(TEST, method)) throw new TypeError(`mbw has no method ${JSON.stringify(method)}.`)
    return command(TOOL, '-q', '-n', requireCount('runs', runs), TEST[method], requireCount('mebibytes', mebibytes))
  },

  /**
   * @throws {TypeError} without the method
   * @throws {ToolOutputError} unless the output contains exactly one complete average of that method, and every run
   * took longer than 0. mbw uses the time of day, so after a step of that clock a run seems to take no or less time.
   */
  parse(stdout: string, method: MbwMethod): MbwResult {
    if (!Object.hasOwn(TEST, method)) {
      throw new TypeError(`mbw.parse() needs the method as its second argument: ${Object.keys(TEST).join(', ')}.`)
    }
    const test = `\tMethod: ${method.toUpperCase()}\t`
    const fields = `${test}Elapsed: [\\d.]+\tMiB: [\\d.]+\tCopy`
    const average = labelledNumber(
      TOOL,
      stdout,
      { pattern: new RegExp(`AVG${fields}`), name: `the average of ${method}` },
      'MiB/s',
    )
    const isTimed = new RegExp(`^(?:AVG|\\d+)${fields}: [\\d.]+ MiB/s$`)
    const wrong = stdout.split('\n').find((line) => line.includes(test) && !isTimed.test(line))
    if (wrong !== undefined) throw new ToolOutputError(TOOL, `a run has no duration: ${wrong}`, stdout)
    return { mebibytesPerSecond: above0(TOOL, stdout, 'the average', average) }
  },
}
