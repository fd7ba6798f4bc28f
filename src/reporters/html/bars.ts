import type { MetricResult } from '../../core/model/report.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { figure, formatQuantity } from '../format.ts'
import type { MetricTable } from '../metric-table.ts'
import { samplesList, samplesText, verdictClass } from './elements.ts'
import { createScale, largest, round, type Scale, smallest } from './scale.ts'
import { figureHtml, horizontal, platformLabel, svg, svgText, vertical, verticalGrid } from './svg.ts'
import { type Html, html, pathData } from './tag.ts'

/** The two charts of a metric: bars of the medians, and the ratios to native with their intervals. */

const width = 460
const left = 124
const rowHeight = 26
/** The y coordinate above which a chart has only labels. */
const top = 16
const yOf = (row: number): number => row * rowHeight + 32
const bottomOf = (rows: number): number => rows * rowHeight + 20

/** A bar from 0 to the median, a line with caps from the lowest to the highest sample, and a dot per sample. */
export function barHtml(median: number, samples: readonly number[], x: Scale, y: number, height: number): Html {
  const ends = [smallest(samples), largest(samples)] as const
  const cap = height / 4
  const caps = ends.map((end) => vertical(x.at(end), y - cap, y + cap, 'range'))
  const dots = pathData(samples.map((value) => `M${x.at(value)} ${y}h0`).join(''))
  return html`${rectangle(median, x, y, height)}
${horizontal(x.at(ends[0]), x.at(ends[1]), y, 'range')}${caps}<path class="samples" d="${dots}"/>`
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

/**
 * A bar for each platform, with its samples.
 *
 * Native's median is a dashed line, and the baseline's median an outline.
 * @returns undefined if no platform has a median
 */
export function barChart({ rows, metric, unit }: MetricTable): Html | undefined {
  const right = 84
  const shown = rows.filter(({ result }) => result.samples.length > 0 && result.median !== null)
  const missing = rows.filter((row) => !shown.includes(row)).map(({ platform }) => sanitize(platform, 60))
  if (shown.length === 0) return undefined
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
    tickCount: 4,
  })
  const bottom = bottomOf(shown.length)
  const bars = shown.map(({ platform, verdict, median, result, before }, row) => {
    const y = yOf(row)
    const samples = result.samples.map(({ value }) => value)
    const baseline = before ? `; baseline ${formatQuantity(before.median!, unit)}` : ''
    const tip = truncate(sanitize(`${platform}${baseline}: ${samplesList(samples)}`), 72)
    return interactiveRow(
      verdictClass(verdict),
      `${platform}: median ${median}${baseline}; ${samplesText(samples, unit)}`,
      { x: 0, y, width, height: 24 },
      [
        before ? baselineBar(before.median!, x, y, 21) : undefined,
        barHtml(result.median!, samples, x, y, 16),
        platformLabel({ x: left - 10, y: y + 4, anchor: 'end' }, platform),
        svgText({ x: width - right + 8, y: y + 4 }, sanitize(median, 16)),
        svgText({ x: 4, y: bottom + 36, className: 'tip' }, tip),
      ],
    )
  })
  const native = shown.find(({ platform }) => platform === 'native')?.result.median ?? null
  const nativeLine = native === null ? undefined : vertical(x.at(native), top, bottom, 'native')
  const nativeText = native === null ? '' : `; native is ${formatQuantity(native, unit)}`
  const label = `${metric}: the median of each platform${nativeText}`
  const picture = svg({ width, height: bottom + 42, role: 'group', label }, [
    verticalGrid(x, { top, bottom }),
    bars,
    nativeLine,
  ])
  const caption = [
    `Median${unit === 'count' ? '' : ` in ${unit}`}; dots are samples.`,
    native !== null && 'Dashed: native.',
    shown.some(({ before }) => before) && 'Outlined: the baseline.',
    'Hover or focus a row for its samples.',
    missing.length > 0 && `Without any sample: ${missing.join(', ')}.`,
  ]
  return figureHtml(picture, caption.filter(Boolean).join(' '))
}

/**
 * The ratio to native of each platform with its 90 % interval, on a logarithmic axis.
 * @returns undefined if no platform has a ratio
 */
export function ratioChart({ rows, metric, margins }: MetricTable): Html | undefined {
  const right = 22
  const shown = rows.flatMap(({ platform, verdict, ratioToNative, before }) =>
    ratioToNative ? [{ platform, verdict, ...ratioToNative, baseline: before?.ratioToNative ?? undefined }] : [],
  )
  if (shown.length === 0) return undefined
  const values = [1, ...margins.map(({ ratio }) => ratio)]
  for (const { ratio, low, high, baseline } of shown) {
    values.push(ratio, low ?? ratio, high ?? ratio)
    if (baseline) values.push(baseline.low ?? baseline.ratio, baseline.high ?? baseline.ratio)
  }
  const positive = values.filter((value) => value > 0)
  const x = createScale({
    low: Math.min(0.95, smallest(positive)) * 0.98,
    high: Math.max(1.05, largest(positive)) * 1.02,
    from: left,
    to: width - right,
    log: true,
    tickCount: 5,
  })
  const bottom = bottomOf(shown.length)
  const marks = shown.map(({ platform, verdict, ratio, low, high, baseline }, row) => {
    const y = yOf(row)
    return html`<g class="${verdictClass(verdict)}">${[
      platformLabel({ x: left - 10, y: y + 4, anchor: 'end' }, platform),
      baseline ? baselineMark(baseline, x, y + 9) : undefined,
      low !== null && high !== null && horizontal(x.at(low), x.at(high), y, 'interval'),
    ]}${verdictMark(verdictClass(verdict), x.at(ratio), y)}</g>`
  })
  const labels = mergeLabels(margins.map(({ ratio, label }) => ({ x: x.at(ratio), label })))
  const label = `${metric}: each platform as a multiple of native, with its 90 % interval; the table has the figures`
  const picture = svg({ width, height: bottom + 28, role: 'img', label }, [
    verticalGrid(x, { top, bottom }, (value) => `${figure(value)}×`),
    vertical(x.at(1), top, bottom, 'native'),
    margins.map(({ ratio }) => vertical(x.at(ratio), top, bottom, 'margin')),
    labels.map((one) => svgText({ x: one.x, y: 11, anchor: 'middle', className: 'axis' }, one.label)),
    marks,
  ])
  const caption = [
    'Multiple of native, 90 % interval. Dashed: native.',
    marksText,
    shown.some(({ baseline }) => baseline) && 'Hollow: the baseline.',
    margins.length > 0 && 'Dotted: margins of claims.',
  ]
  return figureHtml(picture, caption.filter(Boolean).join(' '))
}

/** A mark with a shape for each verdict, for readers who do not see the color. */
function verdictMark(className: string, x: number, y: number): Html {
  switch (className) {
    case 'good':
      return html`<circle class="mark" cx="${x}" cy="${y}" r="4.5"/>`
    case 'doubt':
      return html`<path class="mark" d="${pathData(`M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z`)}"/>`
    case 'bad': {
      const cross = `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`
      return html`<path class="mark cross" d="${pathData(cross)}"/>`
    }
    default:
      return html`<circle class="mark open" cx="${x}" cy="${y}" r="4.5"/>`
  }
}

/** What the marks mean. */
const marksText = 'Disc: holds. Diamond: in doubt, or better than claimed. Cross: worse than claimed. Ring: no verdict.'

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
