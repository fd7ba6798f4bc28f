import { type Command, command, requireCount } from './command.ts'
import { labelledNumber } from './parse.ts'

/**
 * mbw: the bandwidth of copying one large array to another. Debian package `mbw` (1.2.2).
 * Format: `printout` in mbw.c, a line of tab-separated `Name: value` fields for each run and one for the average.
 */

/** `memcpy`: of the C library. `dumb`: a loop over longs. `mcblock`: memcpy in blocks of 256 KiB. */
export type MbwMethod = 'memcpy' | 'dumb' | 'mcblock'

export interface Mbw {
  method: MbwMethod
  /** How often to copy the array. The result is the average. */
  runs: number
  /** Size of each of the two arrays in MiB. Use much more than the last-level cache. */
  mebibytes: number
}

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
  run({ method, runs, mebibytes }: Mbw): Command {
    return command(TOOL, '-q', '-n', requireCount('runs', runs), TEST[method], requireCount('mebibytes', mebibytes))
  },

  /** @throws {ToolOutputError} unless the output contains exactly one complete average of that method */
  parse(stdout: string, method: MbwMethod): MbwResult {
    const fields = `AVG\\tMethod: ${method.toUpperCase()}\\tElapsed: [\\d.]+\\tMiB: [\\d.]+\\tCopy`
    return { mebibytesPerSecond: labelledNumber(TOOL, stdout, new RegExp(fields), 'MiB/s') }
  },
}
