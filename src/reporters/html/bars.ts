import type { MetricResult } from '../../core/model/report.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { figure, formatQuantity } from '../format.ts'
import type { MetricTable, Row } from '../metric-table.ts'
import { samplesList, samplesText, verdictClass } from './elements.ts'
import { drawMark, marksLegend, signBefore } from './marks.ts'
import { createScale, largest, round, type Scale, smallest } from './scale.ts'
import {
  figureHtml,
  horizontal,
  type Layout,
  onWide,
  platformLabel,
  responsive,
  svg,
  svgText,
  vertical,
  verticalGrid,
} from './svg.ts'
import { type Html, html, joinHtml, pathData } from './tag.ts'

/** The two charts of a metric: bars of the medians, and the ratios to native with their intervals. */

interface BarLayout extends Layout {
  readonly rowHeight: number
}

const wide: BarLayout = { width: 460, left: 124, isInteractive: true, rowHeight: 26 }
const narrow: BarLayout = { width: 340, left: 108, isInteractive: false, rowHeight: 20 }
/** The y coordinate above which a chart has only labels. */
const top = 16
const yOf = (row: number, { rowHeight }: BarLayout): number => row * rowHeight + 32
const bottomOf = (rows: number, { rowHeight }: BarLayout): number => rows * rowHeight + 20

/** A bar from 0 to the median, and a line from the lowest to the highest sample. */
export const plainBar = (median: number, samples: readonly number[], x: Scale, y: number, height: number): Html =>
  html`${rectangle(median, x, y, height)}${horizontal(x.at(smallest(samples)), x.at(largest(samples)), y, 'range')}`

/** A plain bar with caps and a dot per sample. */
export function barHtml(median: number, samples: readonly number[], x: Scale, y: number, height: number): Html {
  const ends = [smallest(samples), largest(samples)] as const
  const cap = height / 4
  const caps = ends.map((end) => vertical(x.at(end), y - cap, y + cap, 'range'))
  const dots = pathData(samples.map((value) => `M${x.at(value)} ${y}h0`).join(''))
  return html`${plainBar(median, samples, x, y, height)}${caps}<path class="samples" d="${dots}"/>`
}

/** The outline of the baseline's bar. */
export const baselineBar = (median: number, x: Scale, y: number, height: number): Html =>
  rectangle(median, x, y, height, 'before')

/** A rectangle from 0 to `value`, at least 1 long so that it stays visible. */
function rectangle(value: number, x: Scale, y: number, height: number, className?: string): Html {
  const start = x.at(0)
  const length = Math.max(1, round(x.at(value) - start))
  const classAttribute = className !== undefined && html`class="${className}" `
  return html`<rect ${classAttribute}x="${start}" y="${y - height / 2}" width="${length}" height="${height}" rx="2"/>`
}

/** A row that shows its samples when it has the focus or the mouse. */
export const interactiveRow = (
  className: string,
  title: string,
  { x, y, width, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  content: readonly (Html | undefined)[],
): Html => html`<g class="row ${className}" tabindex="0" role="img"><title>${title}</title>
<rect class="hit" x="${x}" y="${y - height / 2}" width="${width}" height="${height}"/>${content}</g>`

/** The platforms that both charts of a metric draw. */
const drawnRows = ({ rows }: MetricTable): Row[] =>
  rows.filter(({ result }) => result.samples.length > 0 && result.median !== null)

/** Platforms that have a median, and native's. */
interface Bars {
  readonly table: MetricTable
  readonly shown: readonly Row[]
  readonly native: number | null
}

/**
 * A bar for each platform, with its samples.
 *
 * Native's median is a dashed line, and the baseline's median an outline.
 * @returns undefined if no platform has a median
 */
function barChart(table: MetricTable): Html | undefined {
  const { rows, unit } = table
  const shown = drawnRows(table)
  const missing = rows.filter((row) => !shown.includes(row)).map(({ platform }) => sanitize(platform, 60))
  if (shown.length === 0) return undefined
  const native = shown.find(({ platform }) => platform === 'native')?.result.median ?? null
  const bars: Bars = { table, shown, native }
  const caption = [
    `Median${unit === 'count' ? '' : ` in ${unit}`}; dots are samples.`,
    native !== null && 'Dashed: native.',
    shown.some(({ before }) => before) && 'Outlined: the baseline.',
    missing.length > 0 && `Without any sample: ${missing.join(', ')}.`,
    onWide('Hover or focus a row for its samples.'),
  ]
  return figureHtml(responsive(drawBars(bars, wide), drawBars(bars, narrow)), joinHtml(caption, ' '))
}

function drawBars({ table: { metric, unit }, shown, native }: Bars, layout: BarLayout): Html {
  const { width, left, isInteractive } = layout
  const right = 104
  const values = shown.flatMap(({ result, before }) => [
    ...result.samples.map(({ value }) => value),
    ...(before ? [before.median!] : []),
  ])
  const high = largest(values)
  const x = createScale({
    low: Math.min(0, smallest(values)),
    high: high > 0 ? high : 1,
    from: left,
    to: width - right,
    tickCount: isInteractive ? 4 : 2,
  })
  const bottom = bottomOf(shown.length, layout)
  const bars = shown.map(({ platform, verdict, median, result, before }, row) => {
    const y = yOf(row, layout)
    const samples = result.samples.map(({ value }) => value)
    const content = [
      before ? baselineBar(before.median!, x, y, 21) : undefined,
      barHtml(result.median!, samples, x, y, 16),
      platformLabel({ x: left - 10, y: y + 4, anchor: 'end' }, platform, left - 10),
      svgText({ x: width - right + 8, y: y + 4 }, signBefore(verdict) + sanitize(median, 16)),
    ]
    if (!isInteractive) return html`<g class="row ${verdictClass(verdict)}">${content}</g>`
    const baseline = before ? `; baseline ${formatQuantity(before.median!, unit)}` : ''
    const tip = truncate(sanitize(`${platform}${baseline}: ${samplesList(samples)}`), 72)
    return interactiveRow(
      verdictClass(verdict),
      `${platform}: median ${median}${baseline}; ${samplesText(samples, unit)}`,
      { x: 0, y, width, height: 24 },
      [...content, svgText({ x: 4, y: bottom + 36, className: 'tip' }, tip)],
    )
  })
  const nativeText = native === null ? '' : `; native is ${formatQuantity(native, unit)}`
  const label = `${metric}: the median of each platform${nativeText}`
  return svg({ width, height: bottom + (isInteractive ? 42 : 22), role: isInteractive ? 'group' : 'img', label }, [
    verticalGrid(x, { top, bottom }),
    bars,
    native === null ? undefined : vertical(x.at(native), top, bottom, 'native'),
  ])
}

/** The charts of a metric beside each other. On a phone there is one: that of the ratios has the medians too. */
export function metricCharts(table: MetricTable): Html {
  const [bars, ratios] = [barChart(table), ratioChart(table)]
  return html`<div class="pictures">${bars && ratios ? html`<div class="on-wide">${bars}</div>` : bars}${ratios}</div>`
}

/**
 * The ratio to native of each platform with its 90 % interval, on a logarithmic axis. Its rows are those of the bars.
 * @returns undefined if no platform has a ratio
 */
function ratioChart(table: MetricTable): Html | undefined {
  const shown = drawnRows(table)
  const compared = shown.filter(({ ratioToNative }) => ratioToNative)
  if (compared.length === 0) return undefined
  const caption = [
    'Multiple of native with its 90 % interval. Dashed: native.',
    table.margins.length > 0 && 'Dotted: margins of claims.',
    compared.some(({ before }) => before?.ratioToNative) && 'Hollow: the baseline.',
    marksLegend(compared.map(({ verdict }) => verdict)),
  ]
  return figureHtml(
    responsive(drawRatios(table, shown, wide), drawRatios(table, shown, narrow)),
    joinHtml(caption, ' '),
  )
}

function drawRatios({ metric, margins }: MetricTable, shown: readonly Row[], layout: BarLayout): Html {
  const { width, left, isInteractive: isWide } = layout
  // Without the bars beside it, it has the medians.
  const right = isWide ? 22 : 112
  const values = [1, ...margins.map(({ ratio }) => ratio)]
  for (const { ratioToNative, before } of shown)
    for (const one of [ratioToNative, ratioToNative && before?.ratioToNative])
      if (one) values.push(one.ratio, one.low ?? one.ratio, one.high ?? one.ratio)
  const positive = values.filter((value) => value > 0)
  const x = createScale({
    low: Math.min(0.95, smallest(positive)) * 0.98,
    high: Math.max(1.05, largest(positive)) * 1.02,
    from: left,
    to: width - right,
    log: true,
    tickCount: isWide ? 5 : 3,
  })
  const bottom = bottomOf(shown.length, layout)
  const marks = shown.map(({ platform, median, verdict, ratioToNative, before }, row) => {
    const y = yOf(row, layout)
    const { ratio = null, low = null, high = null } = ratioToNative ?? {}
    const baseline = ratioToNative && before?.ratioToNative
    return html`<g class="${verdictClass(verdict)}">${[
      platformLabel({ x: left - 10, y: y + 4, anchor: 'end' }, platform, left - 10),
      baseline && baselineMark(baseline, x, y + 9),
      low !== null && high !== null && horizontal(x.at(low), x.at(high), y, 'interval'),
      ratio !== null && drawMark(verdict, x.at(ratio), y),
      !isWide && svgText({ x: width - right + 10, y: y + 4 }, signBefore(verdict) + sanitize(median, 16)),
    ]}</g>`
  })
  const labels = mergeLabels(margins.map(({ ratio, label }) => ({ x: x.at(ratio), label })))
  const label = `${metric}: each platform as a multiple of native, with its 90 % interval; the table has the figures`
  return svg({ width, height: bottom + 28, role: 'img', label }, [
    verticalGrid(x, { top, bottom }, (value) => `${figure(value)}×`),
    vertical(x.at(1), top, bottom, 'native'),
    margins.map(({ ratio }) => vertical(x.at(ratio), top, bottom, 'margin')),
    labels.map((one) => svgText({ x: one.x, y: 11, anchor: 'middle', className: 'axis' }, one.label)),
    marks,
  ])
}

/** The baseline's ratio: smaller, hollow, and below the current one. */
function baselineMark({ ratio, low, high }: NonNullable<MetricResult['ratioToNative']>, x: Scale, y: number): Html {
  const interval = low !== null && high !== null && horizontal(x.at(low), x.at(high), y, 'before')
  return html`${interval}<circle class="before" cx="${x.at(ratio)}" cy="${y}" r="3"/>`
}

interface AxisLabel {
  readonly x: number
  readonly label: string
}

/** Merges labels that would overlap into one label between them. */
function mergeLabels(labels: readonly AxisLabel[]): AxisLabel[] {
  const merged: AxisLabel[] = []
  for (const { x, label } of [...labels].sort((a, b) => a.x - b.x)) {
    const last = merged.at(-1)
    if (last && x - last.x < 50)
      merged[merged.length - 1] = { x: round((last.x + x) / 2), label: `${last.label.replace(/ %$/, '')}, ${label}` }
    else merged.push({ x, label })
  }
  return merged
}
