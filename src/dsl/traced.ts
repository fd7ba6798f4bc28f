import type { Metric, Metrics } from './metric.ts'

/** What a traced workload yields: how much of the host's kernel its guest reaches, by one of two instruments. */

/**
 * How the host kernel is watched. `functions`: its own functions, by ftrace's function tracer. `syscalls`: the system calls
 * of the guest's host processes. They count different things: a figure of one is never compared with one of the other.
 */
export type TraceSource = 'functions' | 'syscalls'

type Count = Metric<'count'>

/**
 * Figures by instrument, each with its instrument's name. Distinct ones and calls of the work, calls per unit of work, and
 * the same of starting the platform.
 */
export interface TracedMetricsBy {
  readonly functions: {
    readonly functions: Count
    readonly functionCalls: Count
    readonly functionCallsPerUnit: Count
    readonly setupFunctions: Count
    readonly setupFunctionCalls: Count
  }
  readonly syscalls: {
    readonly syscalls: Count
    readonly syscallCalls: Count
    readonly syscallCallsPerUnit: Count
    readonly setupSyscalls: Count
    readonly setupSyscallCalls: Count
  }
}

const count: Count = { unit: 'count', better: 'lower' }

/** The metrics of an instrument. Less of the kernel reached is better. */
export const tracedMetrics: TracedMetricsBy = {
  functions: {
    functions: count,
    functionCalls: count,
    functionCallsPerUnit: count,
    setupFunctions: count,
    setupFunctionCalls: count,
  },
  syscalls: {
    syscalls: count,
    syscallCalls: count,
    syscallCallsPerUnit: count,
    setupSyscalls: count,
    setupSyscallCalls: count,
  },
}

/** One profile in figures: distinct names, and calls of them all. */
export interface CallTotals {
  readonly distinct: number
  readonly calls: number
}

/** The figures of one sample under their instrument's names. `units`: of work done, above 0. */
export function tracedValues(
  source: TraceSource,
  work: CallTotals,
  setup: CallTotals,
  units: number,
): Readonly<Record<string, number>> {
  const [distinct, calls, perUnit, setupDistinct, setupCalls] = Object.keys(tracedMetrics[source]) as [
    string,
    string,
    string,
    string,
    string,
  ]
  return {
    [distinct]: work.distinct,
    [calls]: work.calls,
    [perUnit]: work.calls / units,
    [setupDistinct]: setup.distinct,
    [setupCalls]: setup.calls,
  }
}

/** How a workload is traced. */
export interface Tracing {
  readonly source: TraceSource
  /** The metric of the traced workload that tells how much work was done; seconds, or boots, when left out. */
  readonly workMetric?: string
  /** What the traced workload itself yields. */
  readonly metrics: Metrics
}

/** Seconds that one of each unit of time is. */
const seconds: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 }

/**
 * Units of work done in `traced` seconds, told by a metric: a rate times the time, the time over a time per piece of work, or
 * an amount itself.
 */
export function unitsOfWork({ unit }: Metric, value: number, traced: number): number {
  if (Object.hasOwn(seconds, unit)) return traced / (value * seconds[unit]!)
  return unit.includes('/s') || unit === 'IOPS' ? value * traced : value
}
