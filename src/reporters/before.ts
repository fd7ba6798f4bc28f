/** What a run is drawn against. */
import type { Comparison } from '../core/baseline/compare.ts'
import { describeParams } from '../core/plan/plan.ts'
import type { BenchResult, MetricResult, Report } from '../core/report/schema.ts'

/** A former run, and what has changed since. */
export interface Against {
  /** As it was asked for. */
  readonly name: string
  readonly report: Report
  readonly comparison: Comparison
}

/** The same figure in the former run; undefined where that has none, or measured another thing under the name. */
export type Before = (bench: BenchResult, platform: string, metric: string) => MetricResult | undefined

const keyOf = ({ id, params }: BenchResult, platform: string, metric: string): string =>
  JSON.stringify([id, describeParams(params), platform, metric])

export function beforeOf(against: Against | undefined): Before {
  const former = new Map(
    (against?.report.benches ?? []).flatMap((bench) =>
      bench.cells.flatMap(({ platform, metrics }) =>
        Object.entries(metrics).map(([metric, result]) => [keyOf(bench, platform, metric), result] as const),
      ),
    ),
  )
  return (bench, platform, metric) => {
    const found = former.get(keyOf(bench, platform, metric))
    const now = bench.cells.find((one) => one.platform === platform)?.metrics[metric]
    return found && found.median !== null && found.unit === now?.unit ? found : undefined
  }
}
