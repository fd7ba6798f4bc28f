import { type Command, ceilSeconds, command, requireCount } from './command.ts'
import { labelledNumber, ToolOutputError } from './parse.ts'

/**
 * netperf 2.7: latency of requests and responses. Debian package `netperf` (non-free).
 * Format: the omni output selector `-k`, a line `KEY=VALUE` for each key in the order asked for (src/nettest_omni.c).
 * Latencies are in µs. The last key is a text, so that the output shows its own end and that rates are transactions.
 *
 * Two traps. netperf resolves even a literal address with AI_ADDRCONFIG, so in a network namespace that has nothing but
 * loopback every test ends in "could not resolve host". UDP_RR never sends again: one lost datagram ends the exchange
 * and lowers the rate of the whole test.
 */

export interface NetperfRr {
  protocol: 'tcp' | 'udp'
  host: string
  /** Port of the control connection, 12865 by default. The data goes over another one that the server chooses. */
  port?: number
  seconds: number
  /** Bytes of a request and of its response; the paper's 100 and 200 by default. */
  request?: number
  response?: number
}

export interface NetperfResult {
  minUs: number
  meanUs: number
  p50Us: number
  p90Us: number
  p99Us: number
  maxUs: number
  stddevUs: number
  /** Exchanges per second, one at a time: a closed loop, so 1e6 / mean latency. */
  transactionsPerSecond: number
}

const TOOL = 'netperf'
const PORT = 12865
const KEYS = {
  minUs: 'MIN_LATENCY',
  meanUs: 'MEAN_LATENCY',
  p50Us: 'P50_LATENCY',
  p90Us: 'P90_LATENCY',
  p99Us: 'P99_LATENCY',
  maxUs: 'MAX_LATENCY',
  stddevUs: 'STDDEV_LATENCY',
  transactionsPerSecond: 'TRANSACTION_RATE',
} as const satisfies Record<keyof NetperfResult, string>
const END = 'THROUGHPUT_UNITS'

export const netperf = {
  /** netserver in the foreground; it serves until it is stopped. */
  server({ port = PORT }: { port?: number } = {}): Command {
    return command('netserver', '-D', '-4', '-p', requireCount('port', port))
  },

  /** TCP_RR or UDP_RR over one connection. */
  rr({ protocol, host, port = PORT, seconds, request = 100, response = 200 }: NetperfRr): Command {
    const test = ['-t', `${protocol.toUpperCase()}_RR`, '-l', ceilSeconds(seconds), '-P', 0]
    const sizes = `${requireCount('request', request)},${requireCount('response', response)}`
    const keys = [...Object.values(KEYS), END].join(',')
    return command(TOOL, '-4', '-H', host, '-p', requireCount('port', port), ...test, '--', '-r', sizes, '-k', keys)
  },

  /** @throws ToolOutputError unless every key is there, once, and the output has its end */
  parse(stdout: string): NetperfResult {
    if (!/^THROUGHPUT_UNITS=Trans\/s\s*$/m.test(stdout)) {
      throw new ToolOutputError(TOOL, `no "${END}=Trans/s" at the end`, stdout)
    }
    const figure = (key: keyof NetperfResult) => labelledNumber(TOOL, stdout, `${KEYS[key]}=`)
    if (figure('transactionsPerSecond') === 0) throw new ToolOutputError(TOOL, 'no exchange took place', stdout)
    return Object.fromEntries(Object.keys(KEYS).map((key) => [key, figure(key as keyof NetperfResult)])) as {
      [Key in keyof NetperfResult]: number
    }
  },
}
