import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { above0, labelledNumber, onlyMatch, refuseErrorLine, ToolOutputError } from './parse.ts'

/**
 * netperf 2.7: latency of requests and responses. Debian package `netperf` (non-free).
 * Format: the omni output selector `-k`, a line `KEY=VALUE` for each key in the requested order (src/nettest_omni.c).
 * Latencies are in us. The last key is a text that marks the end of the output and shows that rates are transactions.
 *
 * netperf resolves even a literal address with AI_ADDRCONFIG. In a network namespace with only a loopback device, every
 * test fails with "could not resolve host". UDP_RR does not resend: one lost datagram ends the exchange and lowers the
 * rate of the test.
 */

export interface NetperfRr {
  protocol: 'tcp' | 'udp'
  host: string
  /** Port of the control connection. Default: 12865. The data connection uses another port that the server chooses. */
  port?: number
  seconds: number
  /** Bytes of a request and of its response. Default: the paper's 100 and 200. */
  request?: number
  /** Bytes. */
  response?: number
}

/** Latencies of request and response, and their rate. */
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
/** How long the test took, and the command with how long it should take. */
const DURATION = ['ELAPSED_TIME', 'COMMAND_LINE']
const END = 'THROUGHPUT_UNITS'
/**
 * Minimum share of the time that exchanges take. Reading the clock twice per exchange takes the rest: 1 % at 5 us on
 * native, and more in a VM if only the VMM can read the clock.
 */
const leastBusy = 0.8

/** Minimum part of its duration that a complete test takes. */
const shortest = 0.9

/**
 * What netperf prints if the data connection failed (nettest_omni.c, nettest_bsd.c): `send_omni: recv_data failed`,
 * `netperf: send_omni: connect_data_socket failed: Connection refused`, `... data recv error: errno 104`.
 */
const errorLine = /^(?:netperf: )?(?:(?:send|recv)_\w+: .*(?:failed|error)|remote error \d)/m

/** The commands of netperf, and the parsers of their output. */
export const netperf = {
  /** netserver in the foreground. Serves until stopped. */
  server({ port = PORT, ...others }: { port?: number } = {}): Command {
    refuseOthers('netperf.server()', others)
    return command('netserver', '-D', '-4', '-p', requireCount('port', port))
  },

  /** TCP_RR or UDP_RR on one connection. */
  rr({ protocol, host, port = PORT, seconds, request = 100, response = 200, ...others }: NetperfRr): Command {
    refuseOthers('netperf.rr()', others)
    const test = ['-t', `${protocol.toUpperCase()}_RR`, '-l', ceilSeconds(seconds), '-P', 0]
    const sizes = `${requireCount('request', request)},${requireCount('response', response)}`
    const keys = [...Object.values(KEYS), ...DURATION, END].join(',')
    return command(TOOL, '-4', '-H', host, '-p', requireCount('port', port), ...test, '--', '-r', sizes, '-k', keys)
  },

  /**
   * @throws {ToolOutputError} unless the output contains every key once, and its end, the test took 90 % of its
   * duration or more, and exchanges took 80 % of the test or more. netperf does not report a lost datagram of UDP_RR, a
   * stalled connection or one that the other side closed: the latencies are those of the exchanges before it. If the
   * loss was shorter than 20 % of the test, the rate is accepted, and is that much too low.
   */
  parse(stdout: string): NetperfResult {
    if (!/^THROUGHPUT_UNITS=Trans\/s\s*$/m.test(stdout)) {
      throw new ToolOutputError(TOOL, `no "${END}=Trans/s" at the end`, stdout)
    }
    refuseErrorLine(TOOL, stdout, errorLine)
    const figure = (key: keyof NetperfResult) => {
      const value = labelledNumber(TOOL, stdout, `${KEYS[key]}=`)
      // After too few exchanges, percentiles are 0 (`HIST_get_percentile` in netlib.c).
      return key === 'stddevUs' ? value : above0(TOOL, stdout, KEYS[key], value)
    }
    const elapsed = labelledNumber(TOOL, stdout, 'ELAPSED_TIME=')
    const [, planned] = onlyMatch(TOOL, stdout, /^COMMAND_LINE=".* -l (\d+) .*"\s*$/gm, 'line with COMMAND_LINE')
    if (elapsed < shortest * Number(planned)) {
      throw new ToolOutputError(TOOL, `the test ended after ${elapsed} of ${planned} s`, stdout)
    }
    // One exchange at a time, so the rate times the mean latency is the share of the time that exchanges took.
    const busy = (figure('transactionsPerSecond') * figure('meanUs')) / 1e6
    if (busy < leastBusy) {
      const percent = Math.round(100 * busy)
      throw new ToolOutputError(TOOL, `the exchange stalled: exchanges took ${percent} % of the time`, stdout)
    }
    return Object.fromEntries(Object.keys(KEYS).map((key) => [key, figure(key as keyof NetperfResult)])) as {
      [Key in keyof NetperfResult]: number
    }
  },
}
