import { describeParams } from '../../core/plan/plan.ts'
import type { BenchResult, MetricResult, Report } from '../../core/report/schema.ts'
import { amount, ratios } from '../amount.ts'
import type { Before } from '../before.ts'
import { markup } from '../escape.ts'
import { type Line, lineChart } from './lines.ts'
import { behind, cell, rowHead, samplesText, tableOf } from './parts.ts'
import { largest, parameter, smallest } from './scale.ts'
import { restingHtml } from './verdicts.ts'

/** The numeric parameter with the most values, where a bench has one with two or more. */
function axisOf(points: readonly BenchResult[]): string | undefined {
  const names = Object.keys(points[0]?.params ?? {})
  const valuesOf = (name: string) => new Set(points.map(({ params }) => params[name]))
  return names
    .filter((name) => valuesOf(name).size > 1 && [...valuesOf(name)].every((value) => typeof value === 'number'))
    .sort((a, b) => valuesOf(b).size - valuesOf(a).size)[0]
}

/** A line chart over a bench's numeric parameter, for each metric and each set of its other parameters. */
export function seriesHtml(report: Report, points: readonly BenchResult[], before: Before): string {
  const axis = axisOf(points)
  if (axis === undefined) return ''
  const groups = new Map<string, BenchResult[]>()
  for (const point of points) {
    const { [axis]: _, ...others } = point.params
    const key = describeParams(others)
    groups.set(key, [...(groups.get(key) ?? []), point])
  }
  const metrics = [...new Set(points.flatMap(({ cells }) => cells.flatMap((one) => Object.keys(one.metrics))))]
  return [...groups]
    .flatMap(([others, group]) => metrics.map((metric) => chart(report, group, axis, metric, others, before)))
    .join('\n')
}

function chart(
  report: Report,
  group: readonly BenchResult[],
  axis: string,
  metric: string,
  others: string,
  before: Before,
): string {
  const sorted = [...group].sort((a, b) => Number(a.params[axis]) - Number(b.params[axis]))
  const values = sorted.map(({ params }) => Number(params[axis]))
  const platforms = [...new Set(sorted.flatMap(({ cells }) => cells.map(({ platform }) => platform)))]
  const result = (point: BenchResult, platform: string): MetricResult | undefined =>
    point.cells.find((one) => one.platform === platform)?.metrics[metric]
  const unit = sorted.flatMap((point) => platforms.flatMap((one) => result(point, one)?.unit ?? []))[0] ?? ''
  const lines = platforms.map((platform): Line => {
    const points = sorted.flatMap((point, at) => {
      const one = result(point, platform)
      if (!one || one.median === null) return []
      const samples = one.samples.map(({ value }) => value)
      const tip = `${axis} ${parameter(values[at]!)}: median ${amount(one.median, unit)}; ${samplesText(samples, unit)}`
      return [{ x: values[at]!, y: one.median, range: [smallest(samples), largest(samples)] as const, tip }]
    })
    const former = sorted.flatMap((point, at) => {
      const one = before(point, platform, metric)
      return one ? [{ x: values[at]!, y: one.median!, tip: '' }] : []
    })
    return { platform, points, ...(former.length > 0 && { before: former }) }
  })
  const picture = lineChart({
    label: `${metric} over ${axis}${others && `, ${others}`}`,
    caption: 'Medians; whiskers reach from the lowest to the highest sample. Dashed: native.',
    lines,
    x: { title: axis, show: parameter, marks: values },
    y: { title: `${metric}, ${unit}` },
  })
  if (picture === '') return ''
  const rows = platforms.map((platform) => ({
    cells: [
      rowHead(markup(platform)),
      ...sorted.map((point) => {
        const one = result(point, platform)
        if (!one || one.median === null) return cell('–', 'number')
        const [against] = ratios([one.vsNative])
        return cell(`${markup(amount(one.median, unit))}${against!.ratio && `<br>${against!.ratio}×`}`, 'number')
      }),
    ],
  }))
  const caption = `${markup(metric)} over ${markup(axis)}`
  const head = ['platform', ...values.map((value) => markup(parameter(value)))]
  return `<h4 class="break">${caption}${others && ` <span class="soft">${markup(others)}</span>`}</h4>
${picture}
${restingHtml(report, group, metric)}
${behind('The same as a table', tableOf(caption, head, rows))}`
}
