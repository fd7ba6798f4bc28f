import { types } from 'node:util'
import type { Metrics } from '../../dsl/metric.ts'
import { isFigure, largestFigure } from '../../dsl/rules.ts'
import { IsobenchError, toText } from '../../util/errors.ts'
import { sanitize } from '../../util/text.ts'
import { median } from '../stats/index.ts'

/** A workload returned something other than a number for one of its metrics. */
export class ValueError extends IsobenchError {
  readonly code = 'ISOBENCH_VALUE'
}

/** A value in one line. A text has quotes, so that it does not look like a number or an object. */
const quoted = (value: unknown): string =>
  typeof value === 'string' ? `"${sanitize(value, 60)}"` : sanitize(toText(value), 60)

/**
 * Checks what a workload returned: one number from 0 to `largestFigure` for each metric. Several numbers become their
 * median. A metric that is null cannot be observed on the platform, and has no value.
 * @throws {ValueError} with the metric and the value
 */
export function checkValues(output: unknown, metrics: Metrics): Record<string, number> {
  if (typeof output !== 'object' || output === null) {
    throw new ValueError(`the workload returned ${quoted(output)} rather than its metrics`, 'return { metric: number }')
  }
  const values = output as Record<string, unknown>
  const extra = Object.keys(values).find((name) => !Object.hasOwn(metrics, name))
  if (extra !== undefined) throw new ValueError(`the workload returned "${extra}", which is none of its metrics`)
  const observed = Object.keys(metrics).filter((name) => values[name] !== null)
  if (observed.length === 0) throw new ValueError('the workload returned null for each of its metrics')
  return Object.fromEntries(
    observed.map((name) => {
      const value = values[name]
      const all: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (all.length === 0 || !all.every(isFigure)) {
        if (all.some(types.isPromise))
          throw Array.isArray(value)
            ? new ValueError(`the metric "${name}" has a promise as one of its values`, 'await Promise.all(values)')
            : new ValueError(`the metric "${name}" is a promise`, 'await it')
        const isText = typeof value === 'string'
        throw new ValueError(
          `the metric "${name}" is ${isText ? 'the text ' : ''}${quoted(value)}, which is no figure`,
          isText ? `return a number, such as Number(text)` : `return a number of 0 or more, at most ${largestFigure}`,
        )
      }
      return [name, median(all)]
    }),
  )
}

/** The values of the metrics with several values, in the order of measurement. Undefined if there is none. */
export function observationLists(output: unknown, metrics: Metrics): Record<string, number[]> | undefined {
  const values = output as Record<string, unknown>
  const several = Object.keys(metrics).filter((name) => Array.isArray(values[name]))
  return several.length === 0
    ? undefined
    : Object.fromEntries(several.map((name) => [name, [...(values[name] as number[])]]))
}
