import { type Command, command, requireCount } from './command.ts'
import { labelledNumber } from './parse.ts'

/**
 * mbw: the bandwidth of copying one large array to another. Debian package `mbw` (1.2.2).
 * Format: `printout` in mbw.c, a line of tab-separated `Name: value` fields for each run and one for the average.
 */

/** `memcpy`: the C library's. `dumb`: a loop over longs. `mcblock`: memcpy in blocks of 256 KiB. */
export type MbwMethod = 'memcpy' | 'dumb' | 'mcblock'

export interface Mbw {
  method: MbwMethod
  /** How many times the array is copied; the result is the average. */
  runs: number
  /** Size of each of the two arrays in MiB. Well above the last-level cache, or the cache is what is measured. */
  mebibytes: number
}

export interface MbwResult {
  /** Copied bytes over time, 1 MiB = 1048576 bytes. The traffic is twice that or more: bytes are read and written. */
  mebibytesPerSecond: number
}

const TOOL = 'mbw'
const TEST = { memcpy: '-t0', dumb: '-t1', mcblock: '-t2' } as const

export const mbw = {
  run({ method, runs, mebibytes }: Mbw): Command {
    return command(TOOL, '-q', '-n', requireCount('runs', runs), TEST[method], requireCount('mebibytes', mebibytes))
  },

  /** @throws ToolOutputError unless the average of that method is there, once and whole */
  parse(stdout: string, method: MbwMethod): MbwResult {
    const fields = `AVG\\tMethod: ${method.toUpperCase()}\\tElapsed: [\\d.]+\\tMiB: [\\d.]+\\tCopy`
    return { mebibytesPerSecond: labelledNumber(TOOL, stdout, new RegExp(fields), 'MiB/s') }
  },
}
