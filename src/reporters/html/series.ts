import { describeParams } from '../../core/plan/plan.ts'
import type { CaseResult, MetricResult, Report } from '../../core/report/schema.ts'
import { formatQuantity, formatRatios } from '../amount.ts'
import type { BaselineLookup } from '../before.ts'
import { escapeHtml } from '../escape.ts'
import { groupByFamily } from './families.ts'
import { type Line, lineChart } from './lines.ts'
import { cell, details, headerCell, samplesText, tableHtml } from './parts.ts'
import { largest, parameter, smallest } from './scale.ts'
import { claimsForChart } from './verdicts.ts'

/** The numeric parameter with the most values, where a bench has one with two or more. */
function axisOf(points: readonly CaseResult[]): string | undefined {
  const names = Object.keys(points[0]?.params ?? {})
  const valuesOf = (name: string) => new Set(points.map(({ params }) => params[name]))
  return names
    .filter((name) => valuesOf(name).size > 1 && [...valuesOf(name)].every((value) => typeof value === 'number'))
    .sort((a, b) => valuesOf(b).size - valuesOf(a).size)[0]
}

/** What one line chart is of: a metric over a parameter, with the others fixed. */
export interface Series {
  readonly axis: string
  readonly metric: string
  /** The other parameters, as words; empty where there are none. */
  readonly others: string
  /** In the order of the axis. */
  readonly group: readonly CaseResult[]
}

/** Of a bench with a numeric parameter: a series for each metric and each set of its other parameters. */
export function seriesOf(points: readonly CaseResult[]): Series[] {
  const axis = axisOf(points)
  if (axis === undefined) return []
  const groups = new Map<string, CaseResult[]>()
  for (const point of points) {
    const { [axis]: _, ...others } = point.params
    const key = describeParams(others)
    groups.set(key, [...(groups.get(key) ?? []), point])
  }
  const metrics = [...new Set(points.flatMap(({ results: cells }) => cells.flatMap((one) => Object.keys(one.metrics))))]
  return [...groups].flatMap(([others, all]) => {
    const group = [...all].sort((a, b) => Number(a.params[axis]) - Number(b.params[axis]))
    return metrics.map((metric) => ({ axis, metric, others, group }))
  })
}

const valuesOf = ({ axis, group }: Series): number[] => group.map(({ params }) => Number(params[axis]))
const platformsOf = ({ group }: Series): string[] => [
  ...new Set(group.flatMap(({ results: cells }) => cells.map(({ platform }) => platform))),
]
const resultOf = ({ metric }: Series, point: CaseResult, platform: string): MetricResult | undefined =>
  point.results.find((one) => one.platform === platform)?.metrics[metric]
const unitOf = (series: Series): string =>
  series.group.flatMap((point) => platformsOf(series).flatMap((one) => resultOf(series, point, one)?.unit ?? []))[0] ??
  ''

/** A line for each platform: medians, with whiskers over the samples. */
export function linesOf(series: Series, before: BaselineLookup): Line[] {
  const { axis, group, metric } = series
  const values = valuesOf(series)
  const unit = unitOf(series)
  return platformsOf(series).map((platform): Line => {
    const points = group.flatMap((point, at) => {
      const one = resultOf(series, point, platform)
      if (!one || one.median === null) return []
      const samples = one.samples.map(({ value }) => value)
      const tip = `${axis} ${parameter(values[at]!)}: median ${formatQuantity(one.median, unit)}; ${samplesText(samples, unit)}`
      return [{ x: values[at]!, y: one.median, range: [smallest(samples), largest(samples)] as const, tip }]
    })
    const former = group.flatMap((point, at) => {
      const one = before(point, platform, metric)
      return one ? [{ x: values[at]!, y: one.median!, tip: '' }] : []
    })
    return { platform, points, ...(former.length > 0 && { before: former }) }
  })
}

/** @param within the lines of all pictures that share the axes */
export function seriesChart(series: Series, title: string, lines: readonly Line[], within = lines): string {
  const { axis, metric, others } = series
  const over = `${metric} over ${axis}${others && `, ${others}`}`
  return lineChart({
    label: [over, title].filter(Boolean).join(': '),
    caption: 'Medians; whiskers reach from the lowest to the highest sample. Dashed: native.',
    lines,
    within,
    x: { title: axis, show: parameter, marks: valuesOf(series) },
    y: { title: `${metric}, ${unitOf(series)}` },
  })
}

/** A line chart for each series, in families where there are many lines; the claims that rest on it, and a table behind. */
export function seriesHtml(report: Report, points: readonly CaseResult[], before: BaselineLookup): string {
  return seriesOf(points)
    .map((series) => chart(report, series, before))
    .join('\n')
}

function chart(report: Report, series: Series, before: BaselineLookup): string {
  const { axis, metric, others, group } = series
  const lines = linesOf(series, before)
  const pictures = groupByFamily(lines, report).map(({ title, lines: some }) => {
    const picture = seriesChart(series, title, some, lines)
    return title && picture ? `<h5>${title}</h5>\n${picture}` : picture
  })
  if (pictures.join('') === '') return ''
  const unit = unitOf(series)
  const rows = platformsOf(series).map((platform) => ({
    cells: [
      headerCell(escapeHtml(platform)),
      ...group.map((point) => {
        const one = resultOf(series, point, platform)
        if (!one || one.median === null) return cell('–', 'number')
        const [against] = formatRatios([one.ratioToNative])
        return cell(
          `${escapeHtml(formatQuantity(one.median, unit))}${against!.ratio && `<br>${against!.ratio}×`}`,
          'number',
        )
      }),
    ],
  }))
  const caption = `${escapeHtml(metric)} over ${escapeHtml(axis)}`
  const head = ['platform', ...valuesOf(series).map((value) => escapeHtml(parameter(value)))]
  return `<h4 class="break">${caption}${others && ` <span class="soft">${escapeHtml(others)}</span>`}</h4>
${pictures.join('\n')}
${claimsForChart(report, group, metric)}
${details('The same as a table', tableHtml(caption, head, rows))}`
}
