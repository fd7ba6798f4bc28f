import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, MetricResult, Report } from '../../core/model/report.ts'
import { quantile } from '../../core/stats/index.ts'
import { groupBy } from '../../util/group-by.ts'
import { formatColumn, formatQuantity, formatRatios } from '../format.ts'
import type { BaselineLookup } from '../metric-table.ts'
import type { Anchors } from './anchors.ts'
import { cell, details, headerCell, samplesText, table } from './elements.ts'
import { type Line, lineChart } from './line-chart.ts'
import { formatParameter, largest, smallest } from './scale.ts'
import { type Html, html, lines as joinLines } from './tag.ts'
import { claimsForChart } from './verdicts.ts'

/** Charts with a line per platform: a metric over a parameter, and the distribution of start-up times. */

type PlatformFamily = Report['platforms'][number]['family']

/** The most lines in one chart that a reader can follow. */
const maxLines = 9

const familyTitles: readonly (readonly [title: string, family: PlatformFamily])[] = [
  ['containers', 'container'],
  ['secure containers', 'secure-container'],
  ['hypervisors', 'hypervisor'],
  ['unikernels', 'unikernel'],
]

export interface Group<T> {
  /** Empty if one chart shows all lines. */
  readonly title: string
  readonly lines: readonly T[]
}

/**
 * Groups lines that share a chart: all of them if they are few, by family otherwise.
 *
 * Native is in every group. Containers and secure containers share a group if it stays small enough.
 * @param always groups by family even if there are few lines, as the paper's Figures 13 to 15 do
 */
export function groupByFamily<T extends { readonly platform: string }>(
  lines: readonly T[],
  { platforms }: Pick<Report, 'platforms'>,
  always = false,
): Group<T>[] {
  const all = [{ title: '', lines }]
  if (lines.length <= maxLines && !always) return all
  const families = new Map(platforms.map(({ name, family }) => [name, family]))
  const native = lines.filter(({ platform }) => platform === 'native')
  const groups: { title: string; members: T[] }[] = []
  for (const [title, family] of familyTitles) {
    const members = lines.filter(({ platform }) => families.get(platform) === family)
    if (members.length === 0) continue
    const last = groups.at(-1)
    const containers = last?.title === 'containers' && family === 'secure-container'
    if (last && containers && last.members.length + members.length < maxLines) last.members.push(...members)
    else groups.push({ title, members })
  }
  if (groups.length < 2) return all
  return groups.map(({ title, members }) => ({ title, lines: [...native, ...members] }))
}

/** Whether a bench measures start-up, by its kind or its tag. */
export const isStartup = ({ kind, tags }: CaseResult): boolean => kind === 'boot' || tags?.includes('startup') === true

/** The quantiles in the table of a distribution. */
const quantiles = [0, 0.25, 0.5, 0.75, 0.9, 1]
const quantileTitles = ['fastest', '25 %', 'median', '75 %', '90 %', 'slowest']

/** For each metric of a start-up bench, the share of boots or samples at or below each value. */
export function distributionHtml(bench: CaseResult, report: Pick<Report, 'platforms'>, before: BaselineLookup): Html {
  const metrics = [...new Set(bench.results.flatMap((result) => Object.keys(result.metrics)))]
  return joinLines(
    ...metrics.flatMap((metric) =>
      groupByFamily(bench.results, report, true).map(({ title, lines }) =>
        distributionChart({ ...bench, results: [...lines] }, metric, title, before),
      ),
    ),
  )
}

/** All that was measured, in ascending order: the observations of a sample if it has several. */
const observationsOf = (result: MetricResult | undefined): number[] =>
  (result?.samples ?? []).flatMap(({ value, observations }) => observations ?? [value]).sort((a, b) => a - b)

/** The steps of a distribution in percent. */
function stepsOf(values: readonly number[], unit: string): Line['points'] {
  const steps = values.map((x, index) => {
    const share = ((index + 1) / values.length) * 100
    return { x, y: share, tip: `${share.toFixed(0)} % within ${formatColumn([x], unit)[0]}` }
  })
  return [{ x: values[0]!, y: 0, tip: 'the fastest' }, ...steps]
}

function distributionChart(bench: CaseResult, metric: string, group: string, before: BaselineLookup): Html | undefined {
  const distributions = bench.results.flatMap(({ platform, metrics }) => {
    const result = metrics[metric]
    const values = observationsOf(result)
    return result && values.length > 0 ? [{ platform, values, unit: result.unit }] : []
  })
  if (distributions.length === 0) return undefined
  const unit = distributions[0]!.unit
  const lines = distributions.map(({ platform, values }): Line => {
    const baseline = observationsOf(before(bench, platform, metric))
    const former = baseline.length > 0 && { before: stepsOf(baseline, unit) }
    return { platform, points: stepsOf(values, unit), ...former, steps: true }
  })
  const title = `Distribution of ${metric}${group && `: ${group}`}`
  const chart = lineChart({
    label: title,
    caption:
      'The share of all that was measured that is at or below each value. Further left is sooner. Dashed: native.',
    lines,
    x: { title: `${metric}, ${unit}` },
    y: { title: 'share, %', high: 100 },
  })
  const rows = distributions.map(({ platform, values }) => {
    const cells = formatColumn(
      quantiles.map((share) => quantile(values, share)),
      unit,
    ).map((text) => cell(text, 'number'))
    return { cells: [headerCell(platform), ...cells, cell(values.length, 'number')] }
  })
  return html`<h4 class="wrap-anywhere">${title}</h4>
${chart}
${details('The same as a table', table(title, ['platform', ...quantileTitles, 'measured'], rows))}`
}

/** The numeric parameter with the most values, if one has at least two. */
function axisOf(cases: readonly CaseResult[]): string | undefined {
  const valuesOf = (name: string) => new Set(cases.map(({ params }) => params[name]))
  return Object.keys(cases[0]?.params ?? {})
    .filter((name) => valuesOf(name).size > 1 && [...valuesOf(name)].every((value) => typeof value === 'number'))
    .sort((a, b) => valuesOf(b).size - valuesOf(a).size)[0]
}

/** What one line chart shows: a metric over a parameter, with all other parameters fixed. */
export interface Series {
  readonly axis: string
  readonly metric: string
  /** The other parameters in words; empty if there are none. */
  readonly others: string
  /** In the order of the axis. */
  readonly cases: readonly CaseResult[]
}

/** The series of a bench: one for each metric and each set of the parameters beside the axis. */
export function seriesOf(cases: readonly CaseResult[]): Series[] {
  const axis = axisOf(cases)
  if (axis === undefined) return []
  const groups = groupBy(cases, ({ params: { [axis]: _, ...others } }) => describeParams(others))
  const metrics = [...new Set(cases.flatMap(({ results }) => results.flatMap((result) => Object.keys(result.metrics))))]
  return [...groups].flatMap(([others, group]) => {
    const sorted = [...group].sort((a, b) => Number(a.params[axis]) - Number(b.params[axis]))
    return metrics.map((metric) => ({ axis, metric, others, cases: sorted }))
  })
}

const axisValues = ({ axis, cases }: Series): number[] => cases.map(({ params }) => Number(params[axis]))

const platformsOf = ({ cases }: Series): string[] => [
  ...new Set(cases.flatMap(({ results }) => results.map(({ platform }) => platform))),
]

const metricResult = ({ metric }: Series, benchCase: CaseResult, platform: string): MetricResult | undefined =>
  benchCase.results.find((result) => result.platform === platform)?.metrics[metric]

function unitOf({ metric, cases }: Series): string {
  const results = cases.flatMap((benchCase) => benchCase.results)
  return results.flatMap(({ metrics }) => metrics[metric]?.unit ?? [])[0] ?? ''
}

/** A line per platform: the medians, with whiskers over the samples. */
export function seriesLines(series: Series, before: BaselineLookup): Line[] {
  const { axis, cases, metric } = series
  const values = axisValues(series)
  const unit = unitOf(series)
  return platformsOf(series).map((platform): Line => {
    const points = cases.flatMap((benchCase, index) => {
      const result = metricResult(series, benchCase, platform)
      if (!result || result.median === null) return []
      const x = values[index]!
      const samples = result.samples.map(({ value }) => value)
      const median = formatQuantity(result.median, unit)
      const tip = `${axis} ${formatParameter(x)}: median ${median}; ${samplesText(samples, unit)}`
      return [{ x, y: result.median, range: [smallest(samples), largest(samples)] as const, tip }]
    })
    const former = cases.flatMap((benchCase, index) => {
      const result = before(benchCase, platform, metric)
      return result ? [{ x: values[index]!, y: result.median!, tip: '' }] : []
    })
    return { platform, points, ...(former.length > 0 && { before: former }) }
  })
}

/**
 * @param sharedLines the lines of all charts that share the axes
 * @returns undefined if no line has a point
 */
export function seriesChart(
  series: Series,
  title: string,
  lines: readonly Line[],
  sharedLines = lines,
): Html | undefined {
  const { axis, metric, others } = series
  const label = `${metric} over ${axis}${others && `, ${others}`}`
  return lineChart({
    label: [label, title].filter(Boolean).join(': '),
    caption: 'Medians; whiskers reach from the lowest to the highest sample. Dashed: native.',
    lines,
    sharedLines,
    x: { title: axis, format: formatParameter, ticks: axisValues(series) },
    y: { title: `${metric}, ${unitOf(series)}` },
  })
}

/** The heading of a series: its metric, its axis, and the other parameters. */
export const seriesHeading = ({ metric, axis, others }: Series): Html =>
  html`<h4 class="wrap-anywhere">${metric} over ${axis}${others && html` <span class="muted">${others}</span>`}</h4>`

/**
 * The charts of each series with the claims about it and a table, in families if there are many lines.
 * @returns undefined if the bench has no series
 */
export function seriesHtml(
  report: Report,
  cases: readonly CaseResult[],
  before: BaselineLookup,
  anchors: Anchors,
): Html | undefined {
  const sections = seriesOf(cases).flatMap((series) => seriesSection(report, series, before, anchors) ?? [])
  return sections.length > 0 ? joinLines(...sections) : undefined
}

function seriesSection(report: Report, series: Series, before: BaselineLookup, anchors: Anchors): Html | undefined {
  const { axis, metric, cases } = series
  const lines = seriesLines(series, before)
  const charts = groupByFamily(lines, report).flatMap(({ title, lines: group }) => {
    const chart = seriesChart(series, title, group, lines)
    return chart ? [html`${title && html`<h5>${title}</h5>\n`}${chart}`] : []
  })
  if (charts.length === 0) return undefined
  const unit = unitOf(series)
  const rows = platformsOf(series).map((platform) => ({
    cells: [
      headerCell(platform),
      ...cases.map((benchCase) => {
        const result = metricResult(series, benchCase, platform)
        if (!result || result.median === null) return cell('–', 'number')
        return cell(medianAndRatio(formatQuantity(result.median, unit), result), 'number')
      }),
    ],
  }))
  const titles = ['platform', ...axisValues(series).map(formatParameter)]
  return html`${seriesHeading(series)}
${joinLines(...charts)}
${claimsForChart(report, cases, metric, anchors)}
${details('The same as a table', table(`${metric} over ${axis}`, titles, rows))}`
}

/** A median with its ratio to native below it. */
export function medianAndRatio(median: string, { ratioToNative }: Pick<MetricResult, 'ratioToNative'>): Html {
  const ratio = formatRatios([ratioToNative])[0]!.ratio
  return html`${median}${ratio && html`<br>${ratio}×`}`
}
