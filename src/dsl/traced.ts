/** The metrics of traced workloads: how much of the host kernel a guest reaches. */

import type { Metric, Metrics } from './metric.ts'

/**
 * The source of trace events. `functions`: functions of the host kernel, by ftrace's function tracer. `syscalls`:
 * system calls of the guest's host processes. They count different things, so isobench never compares them.
 */
export type TraceSource = 'functions' | 'syscalls'

type Count = Metric<'count'>

/**
 * Metrics by trace source: distinct functions or system calls, calls, calls per unit of work, and the first two for
 * starting the platform.
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

/** The metrics of each trace source. Less is better. */
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

/** Totals of an attack profile: distinct names, and calls of all of them. */
export interface CallTotals {
  readonly distinct: number
  readonly calls: number
}

/** Returns the metric values of one sample. `units`: amount of work, above 0. */
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
  /** The metric of the traced workload that measures the amount of work. Default: seconds, or boots. */
  readonly workMetric?: string
  /** The metrics of the traced workload itself. */
  readonly metrics: Metrics
}

/** Seconds per unit of time. */
const seconds: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 }

/**
 * Returns the units of work in `traced` seconds according to a metric: rate times time, time divided by time per unit,
 * or the amount itself.
 */
export function unitsOfWork({ unit }: Metric, value: number, traced: number): number {
  if (Object.hasOwn(seconds, unit)) return traced / (value * seconds[unit]!)
  return unit.includes('/s') || unit === 'IOPS' ? value * traced : value
}
