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
   * received nothing, the test was shorter than its duration, or a connection stalled. After a stall, iperf3 exits with
   * 0 and prints a mean over a time in which nothing was transferred, or over a shorter time. The report of UDP counts
   * lost packets separately from the bit rate.
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
    const { idle, counted } = intervalsOf(json)
    if (counted === 0) throw new ToolOutputError(TOOL, 'no interval that would show a stall', stdout)
    if (idle > 0) {
      throw new ToolOutputError(
        TOOL,
        `the connection stalled: nothing moved in ${idle} of ${counted} intervals`,
        stdout,
      )
    }
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

/** Minimum part of the duration that a complete test takes. */
const shortest = 0.9

/** Minimum seconds of a complete interval. The last one may be a short rest without any data. */
const wholeInterval = 0.5

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

/** Counts the intervals of 1 s after `omit`, and those in which a connection transferred no byte. */
function intervalsOf(json: unknown): { readonly counted: number; readonly idle: number } {
  const intervals = at(json, 'intervals')
  const counted = (Array.isArray(intervals) ? intervals : []).filter(
    (interval) => at(interval, 'sum', 'omitted') === false && Number(at(interval, 'sum', 'seconds')) >= wholeInterval,
  )
  const isIdle = (interval: unknown) => {
    const streams = at(interval, 'streams')
    const stalled = (Array.isArray(streams) ? streams : []).some((stream) => at(stream, 'bytes') === 0)
    return stalled || at(interval, 'sum', 'bytes') === 0
  }
  return { counted: counted.length, idle: counted.filter(isIdle).length }
}
