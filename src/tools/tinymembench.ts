import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { above0, at, latencyBeyondL1, ToolOutputError, toNumber } from './parse.ts'

/**
 * tinymembench 0.4.9: memory bandwidth and latency. It has no options. Debian package `tinymembench`, from
 * trixie on. Formats (main.c, v0.4.9):
 * ` C copy backwards   :   6554.2 MB/s (6.2%)`, the deviation only above 0.1 %, and
 * `  16777216 :  117.5 ns          /   104.5 ns `, under `block size : … [MADV_NOHUGEPAGE]`, then
 * `[MADV_HUGEPAGE]`.
 *
 * A complete run takes minutes, so it is usually stopped. Every complete line is a finished measurement. An incomplete
 * last line is ignored.
 */

export interface TinymembenchLatency {
  /** Time of a random read in addition to an L1 hit, in ns. By definition 0 if the buffer fits into L1. */
  singleNs: number
  /** The same for two independent reads at a time. */
  dualNs: number
}

/** Bandwidths and latencies. */
export interface TinymembenchResult {
  /**
   * Section title -> test -> MB/s (1 MB = 1000000 bytes), the best of up to 10 repetitions. A copied byte counts once.
   */
  copies: Record<string, Record<string, number>>
  /**
   * `MADV_NOHUGEPAGE` or `MADV_HUGEPAGE` (`default` if the kernel has no choice) -> buffer size in bytes -> latency.
   */
  latencies: Record<string, Record<number, TinymembenchLatency>>
}

const TOOL = 'tinymembench'
const MAIN = 'Memory bandwidth tests'

const TITLE = /^={20,}\n== (.+?) *==$/
const COPY = /^ (\S.*?) +: +(\S+) MB\/s(?: \(\S+%\))? *$/
const TABLE = /^block size : single random read \/ dual random read(?:, \[(\w+)\])? *$/
const LATENCY = /^ +(\d+) : +(\S+) ns +\/ +(\S+) ns *$/

/** The command of tinymembench, and the parser of its output. */
export const tinymembench = {
  /**
   * @param seconds stops it after this time with `timeout`, which exits with 124. Latencies may then be missing,
   * because they follow about 30 bandwidth tests of up to 5 s. Without it, tinymembench runs to its end.
   *
   * `stdbuf` makes it line-buffered. Otherwise a stopped run would print nothing into a pipe.
   */
  run({ seconds, ...others }: { seconds?: number } = {}): Command {
    refuseOthers('tinymembench.run()', others)
    const buffered = ['stdbuf', '-oL', TOOL] as const
    return seconds === undefined ? command(...buffered) : command('timeout', ceilSeconds(seconds), ...buffered)
  },

  /**
   * Parses all finished tests. Throws a ToolOutputError if there are none, if a line has no valid number, or if a
   * figure is 0 that cannot be 0.
   */
  parse(stdout: string): TinymembenchResult {
    const result: TinymembenchResult = { copies: {}, latencies: {} }
    const figure = (what: string, text: string) => toNumber(TOOL, stdout, what, text)
    let section = MAIN
    let table = 'default'
    let before = ''
    for (const line of stdout.split('\n').slice(0, -1)) {
      const copy = COPY.exec(line)
      const latency = LATENCY.exec(line)
      section = TITLE.exec(`${before}\n${line}`)?.[1] ?? section
      if (TABLE.test(line)) table = TABLE.exec(line)?.[1] ?? 'default'
      if (copy) {
        const rate = above0(TOOL, stdout, copy[1]!, figure(copy[1]!, copy[2]!))
        put(stdout, result.copies, section, copy[1]!, rate)
      }
      if (latency) {
        const [, bytes, single, dual] = latency as unknown as [string, string, string, string]
        const time = (text: string) => latencyBeyondL1(TOOL, stdout, Number(bytes), figure(bytes, text))
        const times = { singleNs: time(single), dualNs: time(dual) }
        put(stdout, result.latencies, table, bytes, times)
      }
      before = line
    }
    if (Object.keys(result.copies).length === 0) throw new ToolOutputError(TOOL, 'no finished test', stdout)
    return result
  },

  /**
   * Returns MB/s of a bandwidth test, such as `C copy` or `standard memcpy`. Throws a ToolOutputError if it did not
   * finish.
   */
  parseCopy(stdout: string, test: string): number {
    if (typeof test !== 'string') throw new TypeError('tinymembench.parseCopy() needs the name of a test.')
    const value = at(tinymembench.parse(stdout).copies, MAIN, test) as number | undefined
    if (value === undefined) throw new ToolOutputError(TOOL, `"${test}" did not finish`, stdout)
    return value
  },

  /** Returns the latency for a buffer size in bytes, a power of 2. Throws a ToolOutputError if it did not finish. */
  parseLatency(stdout: string, bytes: number, table = 'MADV_NOHUGEPAGE'): TinymembenchLatency {
    requireCount('bytes', bytes)
    const value = at(tinymembench.parse(stdout).latencies, table, bytes) as TinymembenchLatency | undefined
    if (value === undefined) throw new ToolOutputError(TOOL, `${bytes} bytes, ${table} did not finish`, stdout)
    return value
  },
}

function put<T>(stdout: string, into: Record<string, Record<string, T>>, section: string, key: string, value: T): void {
  const entries = Object.hasOwn(into, section) ? into[section]! : {}
  if (Object.hasOwn(entries, key)) throw new ToolOutputError(TOOL, `"${key}" appears twice, so two reports`, stdout)
  entries[key] = value
  into[section] = entries
}
