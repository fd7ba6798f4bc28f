import { type Command, ceilSeconds, command, requireCount } from './command.ts'
import { at, jsonNumber, parseJson, ToolOutputError } from './parse.ts'

/**
 * iperf3: TCP throughput. Debian package `iperf3` (3.12, 3.18, 3.22).
 * Format: `-J`, one JSON object (iperf_api.c, `iperf_print_results`). A client that fails prints JSON with `error`, and
 * exits 0 in 3.12 or 1 since 3.18: the exit status alone says nothing.
 */

export interface Iperf3Server {
  /** 5201 by default. */
  port?: number
  /** Serve one client, then exit; true by default. Otherwise it serves until it is stopped. */
  once?: boolean
}

export interface Iperf3Client {
  host: string
  port?: number
  seconds: number
  /** Seconds at the start that are not counted, while TCP finds its window; none by default. */
  omit?: number
  /** Parallel connections, 1 by default. */
  streams?: number
  /** The server sends and the client receives. */
  reverse?: boolean
}

export interface Iperf3Result {
  /** Goodput where it arrived, at the receiver. */
  bitsPerSecond: number
  /** Segments sent again. Absent where the sender's kernel does not tell, as some platforms' network stacks don't. */
  retransmits?: number
  /** Use of the CPU in percent of one core: of the client (`host`) and the server (`remote`), each by its own clock. */
  cpu: { hostPercent: number; remotePercent: number }
  /** Counted time at the receiver. */
  seconds: number
}

const TOOL = 'iperf3'
const PORT = 5201

export const iperf3 = {
  server({ port = PORT, once = true }: Iperf3Server = {}): Command {
    return command(TOOL, '-s', ...(once ? ['-1'] : []), '-4', '-p', requireCount('port', port))
  },

  client({ host, port = PORT, seconds, omit = 0, streams = 1, reverse = false }: Iperf3Client): Command {
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
   * Whether the client came when nobody listened. A server listens anew after each connection, also after one that only looked
   * whether it is there, and refuses or resets who comes in between: try again.
   */
  isRefused(stdout: string): boolean {
    const error = /^\{/m.test(stdout) ? at(parseJson(TOOL, stdout), 'error') : undefined
    return typeof error === 'string' && /Connection (?:refused|reset)/.test(error)
  },

  /**
   * @throws ToolOutputError if the report is not whole, or says that the client failed, received nothing, or that the connection
   * stalled: iperf3 then gives a mean over the time in which nothing moved, or over less than it was asked for, and exits with 0
   */
  parse(stdout: string): Iperf3Result {
    const json = parseJson(TOOL, stdout)
    const error = at(json, 'error')
    if (error !== undefined) throw new ToolOutputError(TOOL, `the client failed: ${String(error)}`, stdout)
    const end = (...path: string[]) => jsonNumber(TOOL, stdout, json, 'end', ...path)
    const bitsPerSecond = end('sum_received', 'bits_per_second')
    if (bitsPerSecond === 0) throw new ToolOutputError(TOOL, 'nothing was received', stdout)
    const { idle, counted } = intervalsOf(json)
    if (idle > 0) {
      throw new ToolOutputError(
        TOOL,
        `the connection stalled: nothing moved in ${idle} of ${counted} intervals`,
        stdout,
      )
    }
    const told = at(json, 'end', 'sum_sent', 'retransmits') !== undefined
    return {
      bitsPerSecond,
      ...(told ? { retransmits: end('sum_sent', 'retransmits') } : {}),
      cpu: {
        hostPercent: end('cpu_utilization_percent', 'host_total'),
        remotePercent: end('cpu_utilization_percent', 'remote_total'),
      },
      seconds: end('sum_received', 'seconds'),
    }
  },
}

/** Seconds below which an interval is what was left over at the end, in which nothing need have come. */
const wholeInterval = 0.5

/** How many of the intervals after `omit`, of a second each, there are, and in how many of them no byte moved. */
function intervalsOf(json: unknown): { readonly counted: number; readonly idle: number } {
  const intervals = at(json, 'intervals')
  const counted = (Array.isArray(intervals) ? intervals : []).filter(
    (one) => at(one, 'sum', 'omitted') === false && Number(at(one, 'sum', 'seconds')) >= wholeInterval,
  )
  return { counted: counted.length, idle: counted.filter((one) => at(one, 'sum', 'bytes') === 0).length }
}
