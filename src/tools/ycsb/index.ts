import { type Command, command, requireCount } from '../command.ts'
import { labelledNumber, ToolOutputError } from '../parse.ts'

/**
 * YCSB, the Yahoo! Cloud Serving Benchmark, against memcached: the paper's key-value load. Debian has none, so isobench has
 * an embedded client (`program.ts`), which the client's node runs; a `ycsb` (0.17) takes the same arguments and prints the
 * same report, and can be used in its place.
 * Format: `[SECTION], what, figure` (site.ycsb.measurements.exporter.TextMeasurementsExporter).
 */

/** Where isobench's client finds the embedded program. */
const embedded = '/data/ycsb.mjs'

export interface YcsbLoad {
  host: string
  /** 11211 by default. */
  port?: number
  /** Connections (YCSB: threads), each with one request in flight. */
  connections: number
  records: number
  /** `ycsb` runs the command of that name instead of the embedded client. */
  program?: 'embedded' | 'ycsb'
}

export interface YcsbRun extends YcsbLoad {
  seconds: number
  /** Operations a second, all connections together: an open loop, timed from the intended start. Closed without it. */
  target?: number
}

export interface YcsbSide {
  operations: number
  meanUs: number
  p50Us: number
  p95Us: number
  p99Us: number
}

export interface YcsbResult {
  operationsPerSecond: number
  seconds: number
  read: YcsbSide
  update: YcsbSide
}

const TOOL = 'ycsb'

/** Workload A: half reads and half updates of whole records, zipfian, ten fields of 100 bytes. */
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
  const { host, port = 11211, connections, records, program = 'embedded' } = load
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

export const ycsb = {
  /** Fills the server with the records, once each. */
  load: (load: YcsbLoad): Command => phase('load', load, {}),

  /** Workload A for so many seconds. */
  run({ seconds, target, ...load }: YcsbRun): Command {
    if (!(seconds > 0)) throw new TypeError(`seconds must be above 0, not ${seconds}.`)
    const interval = { 'measurement.interval': target === undefined ? 'op' : 'intended' }
    // The real one counts whole seconds, and ends at the first of the two limits.
    const end = {
      operationcount: 2_147_483_647,
      maxexecutiontime: load.program === 'ycsb' ? Math.ceil(seconds) : seconds,
    }
    return phase('run', load, { ...end, ...interval }, target)
  },

  /** How many records the load phase stored. @throws ToolOutputError unless every insert was answered well */
  parseLoad(stdout: string): { records: number } {
    return { records: operations(stdout, 'INSERT') }
  },

  /** @throws ToolOutputError unless the report of a run is whole, and every operation found its record */
  parse(stdout: string): YcsbResult {
    const operationsPerSecond = figure(stdout, 'OVERALL', 'Throughput(ops/sec)')
    const milliseconds = figure(stdout, 'OVERALL', 'RunTime(ms)')
    if (operationsPerSecond === 0) throw new ToolOutputError(TOOL, 'no operation took place', stdout)
    return {
      operationsPerSecond,
      seconds: milliseconds / 1000,
      read: side(stdout, 'READ'),
      update: side(stdout, 'UPDATE'),
    }
  },
}

const figure = (stdout: string, section: string, what: string) =>
  labelledNumber(TOOL, stdout, `[${section}], ${what}, `)

/** The operations of one kind. One that failed or found no record is fast, and no measurement. */
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
