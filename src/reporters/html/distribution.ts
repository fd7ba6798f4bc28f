import type { CaseResult, MetricResult, Report } from '../../core/report/schema.ts'
import { quantile } from '../../core/stats/index.ts'
import { formatColumn } from '../amount.ts'
import type { BaselineLookup } from '../before.ts'
import { escapeHtml } from '../escape.ts'
import { groupByFamily } from './families.ts'
import { type Line, lineChart } from './lines.ts'
import { cell, details, headerCell, tableHtml } from './parts.ts'

/** Whether a bench is about starting up, as its author says. */
export const isStartup = ({ kind, tags }: CaseResult): boolean => kind === 'boot' || tags?.includes('startup') === true

const shares = [0, 0.25, 0.5, 0.75, 0.9, 1]

/** The share of boots, or of samples, at or below each time, a step line per platform; for each metric of a start-up bench. */
export function distributionHtml(bench: CaseResult, report: Pick<Report, 'platforms'>, before: BaselineLookup): string {
  const metrics = [...new Set(bench.results.flatMap((one) => Object.keys(one.metrics)))]
  return metrics
    .flatMap((metric) =>
      groupByFamily(bench.results, report, true).map(({ title, lines }) =>
        distributionChart({ ...bench, results: [...lines] }, metric, title, before),
      ),
    )
    .join('\n')
}

function distributionChart(bench: CaseResult, metric: string, group: string, before: BaselineLookup): string {
  const seriesOf = (result: MetricResult | undefined) =>
    (result?.samples ?? []).flatMap(({ value, observations: all }) => all ?? [value]).sort((a, b) => a - b)
  const series = bench.results.flatMap(({ platform, metrics }) => {
    const result = metrics[metric]
    const values = seriesOf(result)
    return result && values.length > 0 ? [{ platform, values, unit: result.unit }] : []
  })
  if (series.length === 0) return ''
  const unit = series[0]!.unit
  const stepsOf = (values: readonly number[]) => {
    const points = values.map((x, at) => {
      const share = (at + 1) / values.length
      return { x, y: share * 100, tip: `${(share * 100).toFixed(0)} % within ${formatColumn([x], unit)[0]}` }
    })
    return [{ x: values[0]!, y: 0, tip: 'the fastest' }, ...points]
  }
  const lines = series.map(({ platform, values }): Line => {
    const former = seriesOf(before(bench, platform, metric))
    return { platform, points: stepsOf(values), ...(former.length > 0 && { before: stepsOf(former) }), steps: true }
  })
  const title = `Distribution of ${metric}${group && `: ${group}`}`
  const picture = lineChart({
    label: title,
    caption:
      'The share of all that was measured that is at or below each value. Further left is sooner. Dashed: native.',
    lines,
    x: { title: `${metric}, ${unit}` },
    y: { title: 'share, %', high: 100 },
  })
  const rows = series.map(({ platform, values }) => ({
    cells: [
      headerCell(escapeHtml(platform)),
      ...formatColumn(
        shares.map((share) => quantile(values, share)),
        unit,
      ).map((text) => cell(escapeHtml(text), 'number')),
      cell(String(values.length), 'number'),
    ],
  }))
  const head = ['platform', 'fastest', '25 %', 'median', '75 %', '90 %', 'slowest', 'measured']
  return `<h4 class="break">${escapeHtml(title)}</h4>
${picture}
${details('The same as a table', tableHtml(escapeHtml(title), head, rows))}`
}
