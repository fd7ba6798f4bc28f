import { type Command, command, requireCount } from './command.ts'
import { above0, labelledNumber, latencyBeyondL1, refuseErrorLine, ToolOutputError } from './parse.ts'

/**
 * isobench-memory: STREAM, copies and random reads with one thread. A program of isobench that is built into the image
 * (host/programs/memory.c). Packaged alternatives: numactl's `numademo` has STREAM's loops without its validation,
 * `hpcc` needs MPI, `stress-ng --stream` does not report COPY, and tinymembench takes minutes and has no options.
 * Formats: STREAM 5.10's table and verdict, and tinymembench 0.4.9's lines for copies and latencies.
 */

export interface MemoryStream {
  /** Size of each of the three arrays. STREAM's rules require at least four times the last-level cache. */
  mebibytes: number
  /** How often each kernel runs, 2 to 200. The first run does not count. */
  times: number
}

/** The result of STREAM's copy kernel. */
export interface MemoryStreamResult {
  /** Best repetition. Read and written bytes both count, 1 MB = 1000000 bytes. */
  copyMBs: number
}

/** The speed of two ways to copy. */
export interface MemoryCopyResult {
  /** MB/s of a loop with 8 bytes at a time: the best copy of 32 MiB. A copied byte counts once. */
  plainMBs: number
  /** The same with SSE2's 16 bytes at a time. */
  sse2MBs: number
}

const TOOL = 'isobench-memory'
const SECONDS = /\s+\d+\.\d+\s+\d+\.\d+\s+\d+\.\d+/

/** The commands of isobench's own memory program, and the parsers of their output. */
export const memory = {
  stream({ mebibytes, times }: MemoryStream): Command {
    if (requireCount('times', times, 2) > 200) throw new TypeError(`times must be at most 200, not ${times}.`)
    return command(TOOL, 'stream', requireCount('mebibytes', mebibytes), times)
  },

  /** @throws {ToolOutputError} unless the report is complete and its arrays were validated */
  parseStream(stdout: string): MemoryStreamResult {
    refuseErrorLine(TOOL, stdout, /^Failed Validation/m)
    if (!/^Solution Validates: .+\n/m.test(stdout)) throw new ToolOutputError(TOOL, 'no "Solution Validates"', stdout)
    return { copyMBs: above0(TOOL, stdout, 'Copy', labelledNumber(TOOL, stdout, 'Copy:', SECONDS)) }
  },

  /** @param seconds for each of the two copies */
  copy: ({ seconds }: { seconds: number }): Command => command(TOOL, 'copy', positive(seconds)),

  /** @throws {ToolOutputError} unless the output contains exactly one complete line of both copies */
  parseCopy(stdout: string): MemoryCopyResult {
    const rate = (name: string) => above0(TOOL, stdout, name, labelledNumber(TOOL, stdout, name, 'MB/s'))
    return { plainMBs: rate('C copy'), sse2MBs: rate('SSE2 copy') }
  },

  /** Dependent random reads in a buffer of 2^log2bytes bytes, 14 to 32. */
  latency({ log2bytes, seconds }: { log2bytes: number; seconds: number }): Command {
    if (requireCount('log2bytes', log2bytes, 14) > 32)
      throw new TypeError(`log2bytes must be at most 32, not ${log2bytes}.`)
    return command(TOOL, 'latency', log2bytes, positive(seconds))
  },

  /**
   * Nanoseconds of a read in addition to a hit in the L1 cache. Throws a ToolOutputError unless the line is complete,
   * and if the time is 0 for a buffer that is larger than any L1 cache.
   */
  parseLatency(stdout: string, log2bytes: number): { extraNs: number } {
    const bytes = 2 ** requireCount('log2bytes', log2bytes, 14)
    return { extraNs: latencyBeyondL1(TOOL, stdout, bytes, labelledNumber(TOOL, stdout, String(bytes), 'ns')) }
  },
}

function positive(seconds: number): number {
  if (seconds >= 0.01) return seconds
  throw new TypeError(`seconds must be at least 0.01, not ${seconds}.`)
}
