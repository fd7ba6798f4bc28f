import { type Command, command, refuseOthers, requireCount } from '../command.ts'
import { above0, labelledNumber, refuseErrorLine, ToolOutputError } from '../parse.ts'

/**
 * YCSB, the Yahoo! Cloud Serving Benchmark, with memcached: the paper's key-value load. Debian does not package it, so
 * isobench has an embedded client (`program.ts`), which runs with the load generator's Node.js. `ycsb` (0.17) has the
 * same arguments and prints the same report, and can be used instead. Format: `[SECTION], what, figure`
 * (site.ycsb.measurements.exporter.TextMeasurementsExporter).
 */

/** Path of the embedded client in the load generator's root filesystem. */
const embedded = '/data/ycsb.mjs'

/** The phase that inserts the records. */
export interface YcsbLoad {
  host: string
  /** Default: 11211. */
  port?: number
  /** Connections (YCSB: threads), each with one request in flight. */
  connections: number
  /** Number of records. */
  records: number
  /** `ycsb`: the program of that name instead of the embedded client. */
  program?: 'embedded' | 'ycsb'
}

/** The phase that reads and updates records. */
export interface YcsbRun extends YcsbLoad {
  seconds: number
  /**
   * Operations per second on all connections together: an open loop, timed from the intended start. Default: closed
   * loop.
   */
  target?: number
}

/** The reads or the updates of a run. */
export interface YcsbSide {
  /** Number of operations. */
  operations: number
  meanUs: number
  p50Us: number
  p95Us: number
  p99Us: number
}

/** The result of a run. */
export interface YcsbResult {
  operationsPerSecond: number
  seconds: number
  read: YcsbSide
  update: YcsbSide
}

const TOOL = 'ycsb'

/** Workload A: as many reads as updates of whole records, Zipfian, ten fields of 100 bytes. */
const workloadA = {
  workload: 'site.ycsb.workloads.CoreWorkload',
  readproportion: 0.5,
  updateproportion: 0.5,
  requestdistribution: 'zipfian',
  fieldcount: 10,
  fieldlength: 100,
  writeallfields: 'true',
  measurementtype: 'hdrhistogram',
  'hdrhistogram.percentiles': '50,95,99',
}

function phase(name: 'load' | 'run', load: YcsbLoad, more: Readonly<Record<string, string | number>>, target?: number) {
  const { host, port = 11211, connections, records, program = 'embedded', ...others } = load
  refuseOthers(`ycsb.${name}()`, others)
  const properties = {
    'memcached.hosts': `${host}:${requireCount('port', port)}`,
    recordcount: requireCount('records', records),
    ...workloadA,
    ...more,
  }
  const all = Object.entries(properties).flatMap(([key, value]) => ['-p', `${key}=${value}`])
  const rate = target === undefined ? [] : ['-target', requireCount('target', target)]
  const args = [name, 'memcached', '-threads', requireCount('connections', connections), ...rate, ...all]
  return program === 'ycsb' ? command('ycsb', ...args) : command('node', embedded, ...args)
}

/** The commands of the YCSB load generator, and the parser of their output. */
export const ycsb = {
  /** Stores the records in the server. */
  load: (load: YcsbLoad): Command => phase('load', load, {}),

  /** Runs workload A for some seconds. */
  run({ seconds, target, ...load }: YcsbRun): Command {
    if (!(seconds > 0)) throw new TypeError(`seconds must be above 0, not ${seconds}.`)
    const interval = { 'measurement.interval': target === undefined ? 'op' : 'intended' }
    // The original counts whole seconds, and ends at the first of both limits.
    const end = {
      operationcount: 2_147_483_647,
      maxexecutiontime: load.program === 'ycsb' ? Math.ceil(seconds) : seconds,
    }
    return phase('run', load, { ...end, ...interval }, target)
  },

  /** Returns the number of stored records. Throws a ToolOutputError unless all inserts succeeded. */
  parseLoad(stdout: string): { records: number } {
    requireSuccess(stdout)
    return { records: operations(stdout, 'INSERT') }
  },

  /** @throws {ToolOutputError} unless the report of a run is complete and every operation found its record */
  parse(stdout: string): YcsbResult {
    requireSuccess(stdout)
    const operationsPerSecond = figure(stdout, 'OVERALL', 'Throughput(ops/sec)')
    const milliseconds = figure(stdout, 'OVERALL', 'RunTime(ms)')
    return {
      operationsPerSecond,
      seconds: milliseconds / 1000,
      read: side(stdout, 'READ'),
      update: side(stdout, 'UPDATE'),
    }
  },
}

/** A figure that cannot be 0. */
const figure = (stdout: string, section: string, what: string) =>
  above0(TOOL, stdout, `[${section}], ${what}`, labelledNumber(TOOL, stdout, `[${section}], ${what}, `))

/** Names of failures in YCSB's sections: `FAILED` for all, or each status (site.ycsb.Status) if YCSB tracks them. */
const failureNames = [
  ...['FAILED', 'ERROR', 'NOT_FOUND', 'NOT_IMPLEMENTED', 'UNEXPECTED_STATE'],
  ...['BAD_REQUEST', 'FORBIDDEN', 'SERVICE_UNAVAILABLE'],
]
const failedSection = new RegExp(`^\\[([^\\]]+-(?:${failureNames.join('|')}))\\], Operations, +(\\d+)\\s*$`, 'gm')

/** The Java exception of a thread, or an insert that failed after all its attempts (CoreWorkload). */
const errorLine =
  /^[ \t]*(?:Error inserting|(?:Exception in .*" |Caused by: )?(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error)\b)/m

/**
 * Throws if any operation failed or found no record, because such an operation would be fast. YCSB 0.17 measures it in
 * a section such as `[READ-FAILED]` and leaves it out of `Operations` of `[READ]`, but counts it in the throughput
 * (site.ycsb.DBWrapper). Only the lines `Return=` are in the section of the operation. A thread that cannot connect
 * prints its exception and ends, and the others report as if it had never been requested (site.ycsb.ClientThread). The
 * exit code is 0 in each case.
 */
function requireSuccess(stdout: string): void {
  const results = stdout.matchAll(/^\[([^\]]+)\], Return=(.*), +(\d+)\s*$/gm)
  const failures = [...results].filter(([, , code, count]) => code !== 'OK' && Number(count) > 0)
  refuseErrorLine(TOOL, stdout, errorLine)
  const failed = [...stdout.matchAll(failedSection)]
  const counts = [
    ...failures.map(([, section, code, count]) => `${count} of kind ${section} returned ${code}`),
    ...failed.filter(([, , count]) => Number(count) > 0).map(([, section, count]) => `${count} of kind ${section}`),
  ]
  if (counts.length > 0) throw new ToolOutputError(TOOL, `operations did not return OK: ${counts.join(', ')}`, stdout)
}

/** The operations of one kind, all of which must have returned OK. */
function operations(stdout: string, section: string): number {
  const all = figure(stdout, section, 'Operations')
  const well = figure(stdout, section, 'Return=OK')
  if (all === well) return all
  throw new ToolOutputError(TOOL, `${all - well} of ${all} operations of kind ${section} did not return OK`, stdout)
}

function side(stdout: string, section: string): YcsbSide {
  return {
    operations: operations(stdout, section),
    meanUs: figure(stdout, section, 'AverageLatency(us)'),
    p50Us: figure(stdout, section, '50thPercentileLatency(us)'),
    p95Us: figure(stdout, section, '95thPercentileLatency(us)'),
    p99Us: figure(stdout, section, '99thPercentileLatency(us)'),
  }
}
