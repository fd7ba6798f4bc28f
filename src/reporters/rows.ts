import type { ClaimVerdict } from '../core/judge/judgement.ts'
import type { CaseResult, MetricResult, Report } from '../core/report/schema.ts'
import { formatColumn, formatRatios } from './amount.ts'
import { type BaselineLookup, baselineLookup } from './before.ts'
import { notesOf, roundCount, worstVerdict } from './facts.ts'

/** One platform's figure of one metric, as words. Names are as the author wrote them: escape them. */
export interface Row {
  readonly platform: string
  readonly verdict: ClaimVerdict | undefined
  readonly median: string
  /** Empty where there is nothing to compare. */
  readonly ratio: string
  readonly interval: string
  readonly rounds: string
  readonly notes: string
  readonly ratioToNative: MetricResult['ratioToNative']
  readonly result: MetricResult
  /** The same figure of the run that this one is shown against. */
  readonly before: MetricResult | undefined
}

export interface MetricTable {
  readonly metric: string
  /** `more is better`. */
  readonly better: string
  readonly unit: string
  /** Where claims of `within … % of native` end, as a multiple of native. */
  readonly margins: readonly { readonly ratio: number; readonly label: string }[]
  readonly rows: readonly Row[]
}

/** A table for each metric of a bench with one set of parameters: what every reporter for people shows. */
export function metricTables(
  report: Report,
  bench: CaseResult,
  before: BaselineLookup = baselineLookup(undefined),
): MetricTable[] {
  const metrics = [...new Set(bench.results.flatMap(({ metrics }) => Object.keys(metrics)))]
  return metrics.map((metric) => {
    const cells = bench.results.flatMap((cell) => {
      const result = cell.metrics[metric]
      return result ? [{ cell, result }] : []
    })
    const { unit, better } = cells[0]!.result
    const medians = formatColumn(
      cells.map(({ result }) => result.median),
      unit,
    )
    const against = formatRatios(cells.map(({ result }) => result.ratioToNative))
    const rows = cells.map(({ cell, result }, at) => ({
      platform: cell.platform,
      verdict: worstVerdict(report, bench, cell.platform, metric),
      median: medians[at]!,
      ...against[at]!,
      rounds: String(roundCount(result)),
      notes: notesOf(cell, result).join(', '),
      ratioToNative: result.ratioToNative,
      result,
      before: before(bench, cell.platform, metric),
    }))
    const margins = marginsOf(report, bench, metric, better)
    return { metric, unit, margins, better: better === 'lower' ? 'less is better' : 'more is better', rows }
  })
}

function marginsOf(
  report: Report,
  bench: CaseResult,
  metric: string,
  better: MetricResult['better'],
): MetricTable['margins'] {
  const about = report.claims.filter((claim) => claim.bench === bench.id && claim.metric === metric)
  const percents = about.flatMap(({ matcher }) => /^within ([\d.]+) % of native$/.exec(matcher)?.[1] ?? [])
  return [...new Set(percents)].map((percent) => {
    const share = Number(percent) / 100
    return { ratio: better === 'lower' ? 1 + share : 1 - share, label: `${better === 'lower' ? '+' : '−'}${percent} %` }
  })
}
