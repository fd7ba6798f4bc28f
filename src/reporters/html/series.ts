import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, MetricResult, Report } from '../../core/model/report.ts'
import { quantile } from '../../core/stats/index.ts'
import { escapeHtml } from '../document.ts'
import { formatColumn, formatQuantity, formatRatios } from '../format.ts'
import type { BaselineLookup } from '../metric-table.ts'
import { cell, details, headerCell, samplesText, tableHtml } from './elements.ts'
import { type Line, lineChart } from './line-chart.ts'
import { largest, parameter, smallest } from './scale.ts'
import { claimsForChart } from './verdicts.ts'

/** Platforms that share a picture: as many lines as can be told apart. */

type PlatformFamily = Report['platforms'][number]['family']

/** More lines than this in one picture cannot be followed. */
const most = 9

const words: readonly (readonly [title: string, of: readonly PlatformFamily[]])[] = [
  ['containers', ['container']],
  ['secure containers', ['secure-container']],
  ['hypervisors', ['hypervisor']],
  ['unikernels', ['unikernel']],
]

export interface Group<T> {
  /** Empty where there is one picture for all. */
  readonly title: string
  readonly lines: readonly T[]
}

/**
 * All lines together where they are few; otherwise by family, native in each, containers and secure ones together while they
 * are few enough.
 * @param always by family even where they are few, as the paper's Figures 13 (containers), 14 (hypervisors) and 15 (unikernels)
 */
export function groupByFamily<T extends { readonly platform: string }>(
  lines: readonly T[],
  { platforms }: Pick<Report, 'platforms'>,
  always = false,
): Group<T>[] {
  const familyOf = new Map(platforms.map(({ name, family }) => [name, family]))
  const having = words.flatMap(([title, families]) => {
    const own = lines.filter(({ platform }) => families.includes(familyOf.get(platform)!))
    return own.length > 0 ? [{ title, own }] : []
  })
  if (lines.length <= most && !always) return [{ title: '', lines }]
  const native = lines.filter(({ platform }) => platform === 'native')
  const groups: { title: string; own: T[] }[] = []
  for (const { title, own } of having) {
    const last = groups.at(-1)
    const containers = last?.title === 'containers' && title === 'secure containers'
    if (last && containers && last.own.length + own.length < most) {
      last.own.push(...own)
    } else groups.push({ title, own })
  }
  if (groups.length < 2) return [{ title: '', lines }]
  return groups.map(({ title, own }) => ({ title, lines: [...native, ...own] }))
}

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
