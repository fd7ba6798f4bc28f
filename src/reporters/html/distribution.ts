import type { Plan } from '../../core/plan/plan.ts'
import type { BenchResult } from '../../core/report/schema.ts'
import { quantile } from '../../core/stats/index.ts'
import { amounts } from '../amount.ts'
import { markup } from '../escape.ts'
import { type Line, lineChart } from './lines.ts'
import { behind, cell, rowHead, tableOf } from './parts.ts'

/** Whether a bench is about starting up. A report alone does not say, and then its file and name have to. */
export function isStartup(bench: BenchResult, plan: Plan | undefined): boolean {
  const data = plan?.benches.find(({ id }) => id === bench.id)
  return data ? data.workload.kind === 'boot' || data.tags.includes('startup') : /startup|boot/i.test(bench.id)
}

const shares = [0, 0.25, 0.5, 0.75, 0.9, 1]

/** The share of samples at or below each time, a step line per platform; for each metric of a start-up bench. */
export function distributionHtml(bench: BenchResult): string {
  const metrics = [...new Set(bench.cells.flatMap((one) => Object.keys(one.metrics)))]
  return metrics.map((metric) => chart(bench, metric)).join('\n')
}

function chart(bench: BenchResult, metric: string): string {
  const series = bench.cells.flatMap(({ platform, metrics }) => {
    const result = metrics[metric]
    const values = (result?.samples ?? []).map(({ value }) => value).sort((a, b) => a - b)
    return result && values.length > 0 ? [{ platform, values, unit: result.unit }] : []
  })
  if (series.length === 0) return ''
  const unit = series[0]!.unit
  const lines = series.map(({ platform, values }): Line => {
    const points = values.map((x, at) => {
      const share = (at + 1) / values.length
      return { x, y: share * 100, tip: `${(share * 100).toFixed(0)} % within ${amounts([x], unit)[0]}` }
    })
    return { platform, points: [{ x: values[0]!, y: 0, tip: 'the fastest' }, ...points], steps: true }
  })
  const picture = lineChart({
    label: `distribution of ${metric}`,
    caption: 'The share of samples that are at or below each value. Further left is sooner. Dashed: native.',
    lines,
    x: { title: `${metric}, ${unit}` },
    y: { title: 'share of samples, %', high: 100 },
  })
  const rows = series.map(({ platform, values }) => ({
    cells: [
      rowHead(markup(platform)),
      ...amounts(
        shares.map((share) => quantile(values, share)),
        unit,
      ).map((text) => cell(markup(text), 'number')),
      cell(String(values.length), 'number'),
    ],
  }))
  const head = ['platform', 'fastest', '25 %', 'median', '75 %', '90 %', 'slowest', 'samples']
  return `<h4 class="break">Distribution of ${markup(metric)}</h4>
${picture}
${behind('The same as a table', tableOf(`Distribution of ${markup(metric)}`, head, rows))}`
}
