import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { at, jsonNumber, parseJson, refuseErrorLine, ToolOutputError } from './parse.ts'

/**
 * iperf3: TCP throughput. Debian package `iperf3` (3.12, 3.18, 3.22).
 * Format: `-J`, one JSON object (iperf_api.c, `iperf_print_results`). A client that fails prints JSON with `error`. It
 * exits with 0 in 3.12 and with 1 since 3.18, so the exit code is not sufficient.
 */

export interface Iperf3Server {
  /** Default: 5201. */
  port?: number
  /** Serve one client and exit. Default: true. Otherwise serve until stopped. */
  once?: boolean
}

/** A transfer to or from a server. */
export interface Iperf3Client {
  host: string
  port?: number
  seconds: number
  /** Seconds at the start that do not count, while TCP finds its window. Default: 0. */
  omit?: number
  /** Number of parallel connections. Default: 1. */
  streams?: number
  /** The server sends and the client receives. */
  reverse?: boolean
}

/** The result of a transfer. */
export interface Iperf3Result {
  /** Goodput at the receiver. */
  bitsPerSecond: number
  /** Number of retransmitted segments. Missing if the sender's network stack does not report it. */
  retransmits?: number
  /** CPU usage in percent of one CPU, of the client (`host`) and the server (`remote`), each by its own clock. */
  cpu: { hostPercent: number; remotePercent: number }
  /** Measured time at the receiver. */
  seconds: number
}

const TOOL = 'iperf3'
const PORT = 5201

/** The commands of iperf3, and the parsers of their output. */
export const iperf3 = {
  server({ port = PORT, once = true, ...others }: Iperf3Server = {}): Command {
    refuseOthers('iperf3.server()', others)
    return command(TOOL, '-s', ...(once ? ['-1'] : []), '-4', '-p', requireCount('port', port))
  },

  client({ host, port = PORT, seconds, omit = 0, streams = 1, reverse = false, ...others }: Iperf3Client): Command {
    refuseOthers('iperf3.client()', others)
    const time = [
      '-t',
      ceilSeconds(seconds),
      '-O',
      requireCount('omit', omit, 0),
      '-P',
      requireCount('streams', streams),
      '-i',
      reportEvery,
    ]
    return command(TOOL, '-c', host, '-4', '-p', requireCount('port', port), ...time, ...(reverse ? ['-R'] : []), '-J')
  },

  /**
   * Returns whether the server did not accept the connection. After each connection, including a port check, a server
   * needs a moment before it listens again. At the same time, it refuses or resets connections. Then retry.
   */
  isRefused(stdout: string): boolean {
    const error = /^\{/m.test(stdout) ? at(parseJson(TOOL, stdout), 'error') : undefined
    return typeof error === 'string' && /Connection (?:refused|reset)/.test(error)
  },

  /**
   * @throws {ToolOutputError} if the report is incomplete or not about TCP in one direction, the client failed or
   * received nothing, the test was more than 10 % shorter than its duration, or a connection stalled. After a stall,
   * iperf3 exits with 0 and prints a mean over a time in which nothing was transferred, or over another time.
   *
   * A connection stalled if it transferred nothing in 0.4 s of reporting intervals in a row, if an interval is 0.4 s
   * longer than the others, or if one side needed more than its duration: by 10 %, at most 0.4 s. The intervals of
   * {@link iperf3.client} show every pause of 0.7 s, but not all shorter ones. The report of UDP counts lost packets
   * separately from the bit rate.
   */
  parse(stdout: string): Iperf3Result {
    const json = parseJson(TOOL, stdout)
    const error = at(json, 'error')
    if (error !== undefined) throw new ToolOutputError(TOOL, `the client failed: ${String(error)}`, stdout)
    refuseErrorLine(TOOL, stdout, /^iperf3: (?:interrupt|error) - /m)
    const protocol = at(json, 'start', 'test_start', 'protocol')
    if (protocol === undefined) throw new ToolOutputError(TOOL, 'the report names no protocol', stdout)
    if (protocol !== 'TCP') throw new ToolOutputError(TOOL, `a test of ${String(protocol)}, not of TCP`, stdout)
    // The figure would be that of one direction.
    if (at(json, 'start', 'test_start', 'bidir') === 1)
      throw new ToolOutputError(TOOL, 'a test in both directions', stdout)
    const end = (...path: string[]) => jsonNumber(TOOL, stdout, json, 'end', ...path)
    const bitsPerSecond = end('sum_received', 'bits_per_second')
    if (bitsPerSecond === 0) throw new ToolOutputError(TOOL, 'nothing was received', stdout)
    refuseSilentStreams(stdout, json)
    const seconds = end('sum_received', 'seconds')
    const duration = jsonNumber(TOOL, stdout, json, 'start', 'test_start', 'duration')
    if (seconds < shortest * duration) {
      throw new ToolOutputError(TOOL, `the test ended after ${seconds} of ${duration} s`, stdout)
    }
    refuseStall(stdout, json, duration)
    const last = Math.max(seconds, end('sum_sent', 'seconds'))
    if (last - duration > Math.min(latest * duration, stall))
      throw new ToolOutputError(TOOL, `the connection stalled: a test of ${duration} s took ${last} s`, stdout)
    const reported = at(json, 'end', 'sum_sent', 'retransmits') !== undefined
    return {
      bitsPerSecond,
      ...(reported ? { retransmits: end('sum_sent', 'retransmits') } : {}),
      cpu: {
        hostPercent: end('cpu_utilization_percent', 'host_total'),
        remotePercent: end('cpu_utilization_percent', 'remote_total'),
      },
      seconds,
    }
  },
}

/** Seconds of a reporting interval, the shortest that iperf3 accepts. */
const reportEvery = 0.1

/** Minimum part of the duration that a complete test takes. */
const shortest = 0.9

/**
 * Part of the duration by which a side may end late. On a host with three times as many busy processes as CPUs, tests
 * of 1 s end at most 2.4 % late (iperf3 3.18, 2026-12-01).
 */
const latest = 0.1

/** Seconds without a byte that are a stall. One retransmission timeout is shorter (TCP_RTO_MIN of Linux, 0.2 s). */
const stall = 0.4

/** Refuses a report in which a connection is missing at the end, or received nothing. */
function refuseSilentStreams(stdout: string, json: unknown): void {
  const [connected, ended] = [at(json, 'start', 'connected'), at(json, 'end', 'streams')]
  const streams: unknown[] = Array.isArray(ended) ? ended : []
  if (!Array.isArray(connected) || streams.length !== connected.length)
    throw new ToolOutputError(TOOL, 'the report at the end does not have every connection', stdout)
  const silent = streams.filter((stream) => !(Number(at(stream, 'receiver', 'bytes')) > 0))
  if (silent.length > 0)
    throw new ToolOutputError(TOOL, `${silent.length} of ${streams.length} connections received nothing`, stdout)
}

/** Refuses a report if its intervals after `omit` show a stall, or are not of the whole test. */
function refuseStall(stdout: string, json: unknown, duration: number): void {
  const all = at(json, 'intervals')
  const intervals = (Array.isArray(all) ? all : [])
    .filter((interval) => at(interval, 'sum', 'omitted') === false)
    .map((interval) => ({
      seconds: jsonNumber(TOOL, stdout, interval, 'sum', 'seconds'),
      bytes: [at(interval, 'streams')].flat().map((stream) => at(stream, 'bytes')),
    }))
  if (intervals.reduce((sum, { seconds }) => sum + seconds, 0) < shortest * duration)
    throw new ToolOutputError(TOOL, 'the intervals, which would show a stall, are not of the whole test', stdout)
  const connections = Math.max(...intervals.map(({ bytes }) => bytes.length))
  for (let connection = 0; connection < connections; connection++) {
    let idle = 0
    for (const { seconds, bytes } of intervals) {
      idle = Number(bytes[connection]) > 0 ? 0 : idle + seconds
      if (idle >= stall)
        throw new ToolOutputError(TOOL, `the connection stalled: nothing moved in ${idle.toFixed(1)} s`, stdout)
    }
  }
  // A client that stands still reports late.
  const lengths = intervals.map(({ seconds }) => seconds).sort((a, b) => a - b)
  const [usual, longest] = [lengths[(lengths.length - 1) >> 1]!, lengths.at(-1)!]
  if (longest - usual >= stall)
    throw new ToolOutputError(TOOL, `the client stalled: an interval took ${longest.toFixed(1)} s`, stdout)
}
