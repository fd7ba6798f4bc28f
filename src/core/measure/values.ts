import type { Metrics } from '../../dsl/metric.ts'
import { IsobenchError, printable } from '../../errors.ts'

/** A workload yielded something that is no figure for its metrics. */
export class ValueError extends IsobenchError {
  readonly code = 'ISOBENCH_VALUE'
}

/**
 * One finite, non-negative number for each metric, and nothing else.
 * @throws ValueError that names the metric and what came instead.
 */
export function checkValues(given: unknown, metrics: Metrics): Record<string, number> {
  if (typeof given !== 'object' || given === null) {
    throw new ValueError(
      `the workload returned ${printable(String(given))} rather than its metrics`,
      'return { metric: number }',
    )
  }
  const values = given as Record<string, unknown>
  const extra = Object.keys(values).find((name) => !Object.hasOwn(metrics, name))
  if (extra !== undefined) throw new ValueError(`the workload returned "${extra}", which is none of its metrics`)
  return Object.fromEntries(
    Object.keys(metrics).map((name) => {
      const value = values[name]
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
        throw new ValueError(`the metric "${name}" is ${printable(String(value), 60)}, which is no figure`)
      }
      return [name, value]
    }),
  )
}
