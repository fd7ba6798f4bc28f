import type { Metrics } from '../../dsl/metric.ts'
import { IsobenchError, toText } from '../../util/errors.ts'
import { sanitize } from '../../util/text.ts'
import { median } from '../stats/index.ts'

/** A workload yielded something that is no figure for its metrics. */
export class ValueError extends IsobenchError {
  readonly code = 'ISOBENCH_VALUE'
}

const isFigure = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0

/**
 * One finite, non-negative number for each metric, the median where it gave several, and nothing else.
 * @throws ValueError that names the metric and what came instead.
 */
export function checkValues(given: unknown, metrics: Metrics): Record<string, number> {
  if (typeof given !== 'object' || given === null) {
    throw new ValueError(
      `the workload returned ${sanitize(toText(given), 60)} rather than its metrics`,
      'return { metric: number }',
    )
  }
  const values = given as Record<string, unknown>
  const extra = Object.keys(values).find((name) => !Object.hasOwn(metrics, name))
  if (extra !== undefined) throw new ValueError(`the workload returned "${extra}", which is none of its metrics`)
  return Object.fromEntries(
    Object.keys(metrics).map((name) => {
      const value = values[name]
      const all: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (all.length === 0 || !all.every(isFigure)) {
        throw new ValueError(`the metric "${name}" is ${sanitize(toText(value), 60)}, which is no figure`)
      }
      return [name, median(all)]
    }),
  )
}

/** The figures of the metrics that gave several, in the order that they were measured in; undefined where none did. */
export function observationLists(given: unknown, metrics: Metrics): Record<string, number[]> | undefined {
  const values = given as Record<string, unknown>
  const several = Object.keys(metrics).filter((name) => Array.isArray(values[name]))
  return several.length === 0
    ? undefined
    : Object.fromEntries(several.map((name) => [name, [...(values[name] as number[])]]))
}
