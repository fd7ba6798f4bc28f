import { describeParams } from '../core/model/plan.ts'
import type { CaseResult, MetricResult, Report } from '../core/model/report.ts'
import type { ClaimVerdict } from '../core/model/verdict.ts'
import type { Comparison } from '../core/records/compare.ts'
import type { StoredRun } from '../core/reporter.ts'
import { formatColumn, formatQuantity, formatRatios } from './format.ts'
import { figureKey, notesOf, recordNames, roundCount, worstVerdict } from './summary.ts'

/** What a run is drawn against. */

/** A former run, and what has changed since. */
export interface BaselineView {
  /** As it was asked for. */
  readonly name: string
  readonly report: Report
  readonly comparison: Comparison
}

/** The same figure in the former run; undefined where that has none, or measured another thing under the name. */
export type BaselineLookup = (bench: CaseResult, platform: string, metric: string) => MetricResult | undefined

export function baselineLookup(against: BaselineView | undefined): BaselineLookup {
  const former = new Map(
    (against?.report.cases ?? []).flatMap((bench) =>
      bench.results.flatMap(({ platform, metrics }) =>
        Object.entries(metrics).map(([metric, result]) => [figureKey(bench.case, platform, metric), result] as const),
      ),
    ),
  )
  return (bench, platform, metric) => {
    const found = former.get(figureKey(bench.case, platform, metric))
    const now = bench.results.find((one) => one.platform === platform)?.metrics[metric]
    return found && found.median !== null && found.unit === now?.unit ? found : undefined
  }
}

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
  /** The platform's figure for each column of `MetricTable.beside`. */
  readonly beside: readonly string[]
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
  /** Titles of columns with metrics of other benches. */
  readonly beside: readonly string[]
  readonly rows: readonly Row[]
}

/** The metrics of other benches that belong beside a bench, because of its tags. */
function besideColumns(report: Report, { bench, tags }: CaseResult) {
  return report.cases.flatMap((other) =>
    other.beside && other.bench.id !== bench.id && tags.includes(other.beside.tag)
      ? other.beside.metrics.map((metric) => ({
          title: [metric, describeParams(other.params)].filter(Boolean).join(' '),
          of: (platform: string): string => {
            const result = other.results.find((one) => one.platform === platform)?.metrics[metric]
            return !result || result.median === null ? '–' : formatQuantity(result.median, result.unit)
          },
        }))
      : [],
  )
}

/** A table for each metric of a bench with one set of parameters: what every reporter for people shows. */
export function metricTables(
  report: Report,
  bench: CaseResult,
  before: BaselineLookup = baselineLookup(undefined),
): MetricTable[] {
  const metrics = [...new Set(bench.results.flatMap(({ metrics }) => Object.keys(metrics)))]
  const columns = besideColumns(report, bench)
  return metrics.map((metric) => {
    const results = bench.results.flatMap((own) => {
      const result = own.metrics[metric]
      return result ? [{ own, result }] : []
    })
    const { unit, better } = results[0]!.result
    const medians = formatColumn(
      results.map(({ result }) => result.median),
      unit,
    )
    const against = formatRatios(results.map(({ result }) => result.ratioToNative))
    const rows = results.map(({ own, result }, at) => ({
      platform: own.platform,
      verdict: worstVerdict(report, bench, own.platform, metric),
      median: medians[at]!,
      ...against[at]!,
      rounds: String(roundCount(result)),
      notes: notesOf(own, result).join(', '),
      beside: columns.map(({ of }) => of(own.platform)),
      ratioToNative: result.ratioToNative,
      result,
      before: before(bench, own.platform, metric),
    }))
    const margins = marginsOf(report, bench, metric, better)
    const direction = better === 'lower' ? 'less is better' : 'more is better'
    return { metric, unit, margins, better: direction, beside: columns.map(({ title }) => title), rows }
  })
}

function marginsOf(
  report: Report,
  bench: CaseResult,
  metric: string,
  better: MetricResult['better'],
): MetricTable['margins'] {
  const percents = report.claims.flatMap(({ bench: about, claim }) =>
    about.id === bench.bench.id &&
    claim.metric === metric &&
    claim.matcher.kind === 'withinNative' &&
    claim.onAtLeast === undefined
      ? [claim.matcher.percent]
      : [],
  )
  return [...new Set(percents)].map((percent) => {
    const share = percent / 100
    return { ratio: better === 'lower' ? 1 + share : 1 - share, label: `${better === 'lower' ? '+' : '−'}${percent} %` }
  })
}

export interface SideBySide {
  /** A title for each record: when it was made, and its file. */
  readonly columns: readonly string[]
  readonly rows: readonly {
    /** The bench's id, and its parameters as words. */
    readonly id: string
    readonly params: string
    readonly bench: string
    readonly platform: string
    readonly metric: string
    readonly figures: readonly { readonly text: string; readonly verdict: ClaimVerdict | undefined }[]
  }[]
}

/** Every figure of several records, a column each. Nothing is judged across records. */
export function sideBySide(runs: readonly Pick<StoredRun, 'report'>[]): SideBySide {
  const order = new Map<string, number>()
  const rows = new Map<string, Omit<SideBySideRow, 'figures'> & { at: number; figures: (Figure | undefined)[] }>()
  for (const [at, { report }] of runs.entries())
    for (const bench of report.cases)
      for (const { platform, metrics } of bench.results)
        for (const [metric, result] of Object.entries(metrics)) {
          const params = describeParams(bench.params)
          const name = [bench.bench.name, params].filter(Boolean).join(' ')
          const key = figureKey(bench.case, platform, metric)
          if (!order.has(bench.case)) order.set(bench.case, order.size)
          const about = { id: bench.bench.id, params, bench: name, platform, metric }
          const row = rows.get(key) ?? { ...about, at: order.get(bench.case)!, figures: [] }
          const [{ ratio, interval }] = formatRatios([result.ratioToNative]) as [{ ratio: string; interval: string }]
          const median = result.median === null ? '–' : formatQuantity(result.median, result.unit)
          const text = result.ratioToNative ? `${median}, ${ratio}× ${interval}`.trim() : median
          row.figures[at] = { text, verdict: worstVerdict(report, bench, platform, metric) }
          rows.set(key, row)
        }
  const names = recordNames(runs.map(({ report }) => report))
  return {
    columns: runs.map(({ report }, at) => `${report.environment.startedAt.slice(0, 16)} ${names[at]}`),
    rows: [...rows.values()]
      .sort((a, b) => a.at - b.at)
      .map(({ at: _, ...row }) => ({
        ...row,
        figures: runs.map((_run, at) => row.figures[at] ?? { text: '–', verdict: undefined }),
      })),
  }
}

type SideBySideRow = SideBySide['rows'][number]
type Figure = SideBySideRow['figures'][number]
