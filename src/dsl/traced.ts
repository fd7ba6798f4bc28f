/** The metrics of traced workloads: how much of the host kernel a guest reaches. */

import type { Metric, Metrics } from './metric.ts'

/**
 * The source of trace events. `functions`: functions of the host kernel, by ftrace's function tracer. `syscalls`:
 * system calls of the guest's host processes. They count different things, so isobench never compares them.
 */
export type TraceSource = 'functions' | 'syscalls'

type Count = Metric<'count'>

/**
 * Metrics by trace source: distinct functions or system calls of the work, calls, and calls per unit of work, without
 * isobench's own processes. `reachable…`: only of the processes that the guest makes call the host.
 * `setup…`: while the platform starts.
 */
export interface TracedMetricsBy {
  readonly functions: {
    readonly functions: Count
    readonly functionCalls: Count
    readonly functionCallsPerUnit: Count
    readonly reachableFunctions: Count
    readonly reachableFunctionCalls: Count
    readonly reachableFunctionCallsPerUnit: Count
    readonly setupFunctions: Count
    readonly setupFunctionCalls: Count
  }
  readonly syscalls: {
    readonly syscalls: Count
    readonly syscallCalls: Count
    readonly syscallCallsPerUnit: Count
    readonly reachableSyscalls: Count
    readonly reachableSyscallCalls: Count
    readonly reachableSyscallCallsPerUnit: Count
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
    reachableFunctions: count,
    reachableFunctionCalls: count,
    reachableFunctionCallsPerUnit: count,
    setupFunctions: count,
    setupFunctionCalls: count,
  },
  syscalls: {
    syscalls: count,
    syscallCalls: count,
    syscallCallsPerUnit: count,
    reachableSyscalls: count,
    reachableSyscallCalls: count,
    reachableSyscallCallsPerUnit: count,
    setupSyscalls: count,
    setupSyscallCalls: count,
  },
}

/** Totals of an attack profile: distinct names, and calls of all of them. */
export interface CallTotals {
  readonly distinct: number
  readonly calls: number
}

/** The totals of one sample. */
export interface TracedTotals {
  /** The platform's processes during the work. */
  readonly work: CallTotals
  /** Those that the guest makes call the host. */
  readonly reachable: CallTotals
  readonly setup: CallTotals
  /** Amount of work, above 0. */
  readonly units: number
}

/** Returns the metric values of one sample. */
export function tracedValues(
  source: TraceSource,
  { work, reachable, setup, units }: TracedTotals,
): Readonly<Record<string, number>> {
  const figures = [
    ...[work.distinct, work.calls, work.calls / units],
    ...[reachable.distinct, reachable.calls, reachable.calls / units],
    ...[setup.distinct, setup.calls],
  ]
  return Object.fromEntries(Object.keys(tracedMetrics[source]).map((name, at) => [name, figures[at]!]))
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
