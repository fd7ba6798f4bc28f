/** What a run is drawn against. */
import type { Comparison } from '../core/baseline/compare.ts'
import { describeParams } from '../core/plan/plan.ts'
import type { CaseResult, MetricResult, Report } from '../core/report/schema.ts'

/** A former run, and what has changed since. */
export interface BaselineView {
  /** As it was asked for. */
  readonly name: string
  readonly report: Report
  readonly comparison: Comparison
}

/** The same figure in the former run; undefined where that has none, or measured another thing under the name. */
export type BaselineLookup = (bench: CaseResult, platform: string, metric: string) => MetricResult | undefined

const keyOf = ({ id, params }: CaseResult, platform: string, metric: string): string =>
  JSON.stringify([id, describeParams(params), platform, metric])

export function baselineLookup(against: BaselineView | undefined): BaselineLookup {
  const former = new Map(
    (against?.report.cases ?? []).flatMap((bench) =>
      bench.results.flatMap(({ platform, metrics }) =>
        Object.entries(metrics).map(([metric, result]) => [keyOf(bench, platform, metric), result] as const),
      ),
    ),
  )
  return (bench, platform, metric) => {
    const found = former.get(keyOf(bench, platform, metric))
    const now = bench.results.find((one) => one.platform === platform)?.metrics[metric]
    return found && found.median !== null && found.unit === now?.unit ? found : undefined
  }
}
