import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { above0, labelledNumber, refuseErrorLine, ToolOutputError } from './parse.ts'

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

/** A load of gets and sets. */
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

/** What the clients measured together. */
export interface MemcachedResult {
  operationsPerSecond: number
  /** Number of gets and sets. */
  operations: number
  /** Mean time of a get or set in whole microseconds. Closed loop: a connection waits for the response. */
  meanUs: number
  seconds: number
}

const CLIENT = 'memcaslap'
const PORT = 11211

/** The memcached server, and the load generator memcaslap with the parser of its output. */
export const memcached = {
  /** Serves until stopped. Runs as root, which requires an option of memcached. */
  server({ host = '0.0.0.0', port = PORT, memory, threads, ...others }: MemcachedServer): Command {
    refuseOthers('memcached.server()', others)
    const size = ['-m', requireCount('memory', memory), '-t', requireCount('threads', threads)]
    return command('memcached', '-u', 'root', '-l', host, '-p', requireCount('port', port), '-U', 0, ...size)
  },

  /** Exits with 0 if the server responds, otherwise with 1. */
  ready({ host, port = PORT, ...others }: { host: string; port?: number }): Command {
    refuseOthers('memcached.ready()', others)
    return command('memcping', `--servers=${host}:${requireCount('port', port)}`)
  },

  /**
   * Sets and gets for `seconds`. memcaslap prints latencies only with `--stat_freq`. With an interval of the whole run
   * it also prints a table at the end, but only if all connections are still open.
   */
  client({ host, port = PORT, threads, concurrency, valueSize, seconds, ...others }: MemcachedClient): Command {
    refuseOthers('memcached.client()', others)
    if (requireCount('concurrency', concurrency) % requireCount('threads', threads) !== 0) {
      throw new TypeError(`concurrency (${concurrency}) must be a multiple of threads (${threads}).`)
    }
    const load = [
      `--threads=${threads}`,
      `--concurrency=${concurrency}`,
      `--fixed_size=${requireCount('valueSize', valueSize)}`,
    ]
    const time = [`--time=${ceilSeconds(seconds)}s`, `--stat_freq=${ceilSeconds(seconds)}s`]
    return command(CLIENT, `--servers=${host}:${requireCount('port', port)}`, ...load, ...time)
  },

  /**
   * @throws {ToolOutputError} unless the report is complete, every get found its value, every operation that was sent
   * also has a response, and all connections were open for the whole time. If the server ends or closes a connection,
   * memcaslap exits with 0 and counts the operations of the others.
   */
  parse(stdout: string): MemcachedResult {
    const total = /^Total Statistics \(\d+ events\)\n(?:.+\n)+/m.exec(stdout)?.[0]
    if (total === undefined) throw new ToolOutputError(CLIENT, 'no "Total Statistics"', stdout)
    const rate = /Net_rate: [\d.]+[KMG]?\/s/.source
    const seconds = labelledNumber(CLIENT, stdout, 'Run time:', new RegExp(`s Ops: \\d+ TPS: \\d+ ${rate}`))
    const operations = labelledNumber(
      CLIENT,
      stdout,
      { pattern: /Run time: [\d.]+s Ops:/, name: '"Ops:"' },
      new RegExp(`TPS: \\d+ ${rate}`),
    )
    if (operations === 0) throw new ToolOutputError(CLIENT, 'no operation took place', stdout)
    requireNoFailures(stdout)
    const planned = labelledNumber(CLIENT, stdout, 'run time', 's')
    if (seconds < shortest * planned) {
      throw new ToolOutputError(CLIENT, `all connections ended after ${seconds} of ${planned} s`, stdout)
    }
    const tables = [...stdout.matchAll(/^Total Statistics\nType .*\nPeriod .*\nGlobal +(\d+) .*\n/gm)]
    if (!tables.some(([, time]) => Number(time) === planned)) {
      throw new ToolOutputError(CLIENT, 'no table at the end, so a connection ended before', stdout)
    }
    // At the end, each connection may wait for its response.
    const pending = labelledNumber(CLIENT, stdout, 'concurrency')
    const events = labelledNumber(CLIENT, stdout, 'Total Statistics (', 'events)')
    if (operations - events > pending) {
      throw new ToolOutputError(CLIENT, `${operations - events} operations have no response`, stdout)
    }
    const tps = { pattern: /Run time: [\d.]+s Ops: \d+ TPS:/, name: '"TPS:"' }
    const perSecond = labelledNumber(CLIENT, stdout, tps, new RegExp(rate))
    return {
      operationsPerSecond: above0(CLIENT, stdout, 'TPS', perSecond),
      operations,
      meanUs: above0(CLIENT, stdout, 'Avg', labelledNumber(CLIENT, total, 'Avg:')),
      seconds,
    }
  },
}

/** Minimum part of its run time that a complete run takes. */
const shortest = 0.9

/**
 * The counters of failures in `ms_print_memslap_stats` (memaslap.c). A get without a value is fast, so its time is not
 * that of a get. Some counters are only printed with options that {@link memcached.client} does not use.
 */
const failureCounters = [
  'get_misses',
  'verify_misses',
  'verify_failed',
  'unexpired_unget',
  'packet_drop',
  'udp_timeout',
]

function requireNoFailures(stdout: string): void {
  // A refused set is as fast as a stored one, and counts as an operation. memcaslap prints such responses
  // (`ms_ascii_process_line` in ms_conn.c): SERVER_ERROR, CLIENT_ERROR, ERROR, NOT_STORED and EXISTS.
  refuseErrorLine(CLIENT, stdout, /^<\d+ [A-Z]/m)
  const counts = failureCounters.map((name) => {
    const isRequired = name === 'get_misses' || new RegExp(`^${name}:`, 'm').test(stdout)
    return { name, count: isRequired ? labelledNumber(CLIENT, stdout, name) : 0 }
  })
  const failures = counts.filter(({ count }) => count > 0).map(({ name, count }) => `${name} is ${count}`)
  if (failures.length > 0) throw new ToolOutputError(CLIENT, `operations failed: ${failures.join(', ')}`, stdout)
}
