import { type Command, ceilSeconds, command, requireCount } from './command.ts'
import { labelledNumber, ToolOutputError } from './parse.ts'

/**
 * memcached, and memcaslap as its client. Debian packages `memcached` and `libmemcached-tools` (1.1.4). memcaslap sends
 * 1 set per 9 gets and YCSB's workload A as many updates as reads, so their results are not comparable. It prints no
 * percentiles. Format: the end of memcaslap's output, `Total Statistics (N events)`, `get_misses: N` and `Run time:
 * 2.0s Ops: 294726 TPS: 147346 Net_rate: 34.9M/s` (contrib/bin/memaslap of libmemcached-awesome).
 */

export interface MemcachedServer {
  /** Address to listen on. Default: all. */
  host?: string
  /** Default: 11211. */
  port?: number
  /** MiB for items. */
  memory: number
  threads: number
}

export interface MemcachedClient {
  host: string
  port?: number
  /** At most `concurrency`. */
  threads: number
  /** Connections, each with one request in flight; a multiple of `threads`. */
  concurrency: number
  /** Bytes of a value. */
  valueSize: number
  seconds: number
}

export interface MemcachedResult {
  operationsPerSecond: number
  operations: number
  /** Mean time of a get or set in whole microseconds. Closed loop: a connection waits for the response. */
  meanUs: number
  /** Gets that found nothing. If not 0, the server's memory was too small. */
  getMisses: number
  seconds: number
}

const CLIENT = 'memcaslap'
const PORT = 11211

/** The memcached server, and the load generator memcaslap with the parser of its output. */
export const memcached = {
  /** Serves until stopped. Runs as root, which requires an option of memcached. */
  server({ host = '0.0.0.0', port = PORT, memory, threads }: MemcachedServer): Command {
    const size = ['-m', requireCount('memory', memory), '-t', requireCount('threads', threads)]
    return command('memcached', '-u', 'root', '-l', host, '-p', requireCount('port', port), '-U', 0, ...size)
  },

  /** Exits with 0 if the server responds, otherwise with 1. */
  ready({ host, port = PORT }: { host: string; port?: number }): Command {
    return command('memcping', `--servers=${host}:${requireCount('port', port)}`)
  },

  /**
   * Sets and gets for `seconds`. memcaslap prints latencies only with `--stat_freq`. With an interval longer than the
   * run it prints them only at the end.
   */
  client({ host, port = PORT, threads, concurrency, valueSize, seconds }: MemcachedClient): Command {
    if (requireCount('concurrency', concurrency) % requireCount('threads', threads) !== 0) {
      throw new TypeError(`concurrency (${concurrency}) must be a multiple of threads (${threads}).`)
    }
    const load = [
      `--threads=${threads}`,
      `--concurrency=${concurrency}`,
      `--fixed_size=${requireCount('valueSize', valueSize)}`,
    ]
    const time = [`--time=${ceilSeconds(seconds)}s`, `--stat_freq=${seconds + 1}s`]
    return command(CLIENT, `--servers=${host}:${requireCount('port', port)}`, ...load, ...time)
  },

  /** @throws {ToolOutputError} unless the report is complete */
  parse(stdout: string): MemcachedResult {
    const total = /^Total Statistics \(\d+ events\)\n(?:.+\n)+/m.exec(stdout)?.[0]
    if (total === undefined) throw new ToolOutputError(CLIENT, 'no "Total Statistics"', stdout)
    const rate = /Net_rate: [\d.]+[KMG]?\/s/.source
    const seconds = labelledNumber(CLIENT, stdout, 'Run time:', new RegExp(`s Ops: \\d+ TPS: \\d+ ${rate}`))
    const operations = labelledNumber(CLIENT, stdout, /Run time: [\d.]+s Ops:/, new RegExp(`TPS: \\d+ ${rate}`))
    if (operations === 0) throw new ToolOutputError(CLIENT, 'no operation took place', stdout)
    return {
      operationsPerSecond: labelledNumber(CLIENT, stdout, /Run time: [\d.]+s Ops: \d+ TPS:/, new RegExp(rate)),
      operations,
      meanUs: labelledNumber(CLIENT, total, 'Avg:'),
      getMisses: labelledNumber(CLIENT, stdout, 'get_misses:'),
      seconds,
    }
  },
}
