import type { MetricResult } from '../../core/model/report.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import { figure, formatQuantity } from '../format.ts'
import type { MetricTable } from '../metric-table.ts'
import { samplesText, verdictClass } from './elements.ts'
import { formatTick, largest, line, type Scale, scale, smallest } from './scale.ts'

/** A bar and what is drawn on it: what single pictures and panels share. */

/** As long as the median; a line from the lowest to the highest sample, with caps; a dot per sample. */
export function barOf(median: number, samples: readonly number[], x: Scale, y: number, height: number): string {
  const start = Number(x.at(0))
  const ends = [smallest(samples), largest(samples)]
  const bar = `<rect x="${start}" y="${y - height / 2}" width="${barWidth(median, x)}" height="${height}" rx="2"/>`
  const range = line(x.at(ends[0]!), x.at(ends[1]!), y, y, 'class="range"')
  const cap = height / 4
  const caps = ends.map((end) => line(x.at(end), x.at(end), y - cap, y + cap, 'class="range"')).join('')
  const dots = `<path class="samples" d="${samples.map((value) => `M${x.at(value)} ${y}h0`).join('')}"/>`
  return bar + range + caps + dots
}

/** From 0 to `value`; never so thin that it cannot be seen. */
export const barWidth = (value: number, x: Scale): string =>
  Math.max(1, Number(x.at(value)) - Number(x.at(0))).toFixed(1)

const width = 460
const left = 124
const right = 84
const rowHeight = 26

/**
 * A bar per platform as long as its median, an error bar from its lowest to its highest sample, a dot per sample, native's
 * median as a dashed line, and the baseline's median as an outline. A row tells its samples when it has the focus or the
 * mouse.
 */
export function bars({ rows, metric, unit }: MetricTable): string {
  const shown = rows.filter(({ result }) => result.samples.length > 0 && result.median !== null)
  const absent = rows.filter((row) => !shown.includes(row)).map(({ platform }) => sanitize(platform, 60))
  if (shown.length === 0) return ''
  const values = shown.flatMap(({ result, before }) => [
    ...result.samples.map(({ value }) => value),
    ...(before ? [before.median!] : []),
  ])
  const high = largest(values)
  const x = scale({
    low: Math.min(0, smallest(values)),
    high: high > 0 ? high : 1,
    from: left,
    to: width - right,
    marks: 4,
  })
  const bottom = shown.length * rowHeight + 20
  const grid = x.ticks.map(
    (value) =>
      line(x.at(value), x.at(value), 16, bottom, 'class="grid"') +
      `<text class="axis" x="${x.at(value)}" y="${bottom + 16}" text-anchor="middle">${formatTick(value)}</text>`,
  )
  const start = Number(x.at(0))
  const marks = shown.map(({ platform, verdict, median, result, before }, at) => {
    const y = at * rowHeight + 32
    const own = result.samples.map(({ value }) => value)
    const name = `<text x="${left - 10}" y="${y + 4}" text-anchor="end">${escapeHtml(truncate(sanitize(platform), 17))}</text>`
    const former = before
      ? `<rect class="before" x="${start}" y="${y - 10.5}" width="${barWidth(before.median!, x)}" height="21" rx="2"/>`
      : ''
    const figureText = `<text x="${width - right + 8}" y="${y + 4}">${escapeHtml(sanitize(median, 16))}</text>`
    const list = samplesText(own, unit)
    const then = before ? `; baseline ${formatQuantity(before.median!, unit)}` : ''
    const about = `${platform}: median ${median}${then}; ${list}`
    const told = truncate(sanitize(`${platform}${then}: ${list.slice(list.indexOf(': ') + 2)}`), 72)
    const tip = `<text class="tip" x="4" y="${bottom + 36}">${escapeHtml(told)}</text>`
    const hit = `<rect class="hit" x="0" y="${y - 12}" width="${width}" height="24"/>`
    const open = `<g class="row ${verdictClass(verdict)}" tabindex="0" role="img">`
    return `${open}<title>${escapeHtml(about)}</title>${hit}${former}${barOf(result.median!, own, x, y, 16)}${name}${figureText}${tip}</g>`
  })
  const native = shown.find(({ platform }) => platform === 'native')?.result.median
  const dashed = native == null ? '' : line(x.at(native), x.at(native), 16, bottom, 'class="native"')
  const label = `${metric}: the median of each platform${native == null ? '' : `; native is ${formatQuantity(native, unit)}`}`
  const svg = `<svg viewBox="0 0 ${width} ${bottom + 42}" role="group" aria-label="${escapeHtml(label)}">`
  const outline = shown.some(({ before }) => before) ? ' Outlined: the baseline.' : ''
  return `<figure>${svg}${grid.join('')}${marks.join('')}${dashed}</svg>
<figcaption>Median${unit === 'count' ? '' : ` in ${escapeHtml(unit)}`}; dots are samples.${native == null ? '' : ' Dashed: native.'}${outline} Hover or focus a row for its samples.${absent.length > 0 ? ` Without any sample: ${escapeHtml(absent.join(', '))}.` : ''}</figcaption></figure>`
}

const plotWidth = 460
const plotLeft = 124
const plotRight = 22
const plotRowHeight = 26
const axisHeight = 28
const interval = 'stroke="currentColor" stroke-width="3" stroke-linecap="round" opacity=".5"'

/** A dot and its 90 % interval per platform, as ×native on a logarithmic axis; empty where nothing can be compared. */
export function plot({ rows, metric, margins }: MetricTable): string {
  const shown = rows.flatMap(({ platform, verdict, ratioToNative: vsNative, before }) =>
    vsNative ? [{ platform, verdict, ...vsNative, former: before?.ratioToNative ?? undefined }] : [],
  )
  if (shown.length === 0) return ''
  const values = [1, ...margins.map(({ ratio }) => ratio)]
  values.push(...shown.flatMap(({ ratio, low, high }) => [ratio, low ?? ratio, high ?? ratio]))
  values.push(
    ...shown.flatMap(({ former }) => (former ? [former.low ?? former.ratio, former.high ?? former.ratio] : [])),
  )
  const positive = values.filter((value) => value > 0)
  const low = Math.min(0.95, smallest(positive)) * 0.98
  const high = Math.max(1.05, largest(positive)) * 1.02
  const x = scale({ low, high, from: plotLeft, to: plotWidth - plotRight, log: true, marks: 5 })
  const bottom = shown.length * plotRowHeight + 20
  const grid = x.ticks.map((value) => {
    const text = `<text class="axis" x="${x.at(value)}" y="${bottom + 16}" text-anchor="middle">${figure(value)}×</text>`
    return line(x.at(value), x.at(value), 16, bottom, 'class="grid"') + text
  })
  const marks = shown.map(({ platform, verdict, ratio, low: from, high: to, former }, at) => {
    const y = at * plotRowHeight + 32
    const whisker = from === null || to === null ? '' : line(x.at(from), x.at(to), y, y, interval)
    const name = `<text x="${plotLeft - 10}" y="${y + 4}" text-anchor="end">${escapeHtml(truncate(sanitize(platform), 17))}</text>`
    const dot = `<circle cx="${x.at(ratio)}" cy="${y}" r="4.5" fill="currentColor"/>`
    const then = former ? formerMark(former, x, y + 9) : ''
    return `<g class="${verdictClass(verdict)}">${name}${then}${whisker}${dot}</g>`
  })
  const limits = margins.map(({ ratio }) => line(x.at(ratio), x.at(ratio), 16, bottom, 'class="margin"'))
  const labels = apart(margins.map(({ ratio, label }) => ({ x: Number(x.at(ratio)), label }))).map(
    (one) => `<text class="axis" x="${one.x}" y="11" text-anchor="middle">${escapeHtml(one.label)}</text>`,
  )
  const native = line(x.at(1), x.at(1), 16, bottom, 'class="native"')
  const label = `${metric}: each platform as a multiple of native, with its 90 % interval; the table beneath has the figures`
  const start = `<svg viewBox="0 0 ${plotWidth} ${bottom + axisHeight}" role="img" aria-label="${escapeHtml(label)}">`
  return `<figure>${start}${grid.join('')}${native}${limits.join('')}${labels.join('')}${marks.join('')}</svg>
<figcaption>Multiple of native, 90 % interval. Dashed: native.${shown.some(({ former }) => former) ? ' Hollow: the baseline.' : ''}${margins.length > 0 ? ' Dotted: margins of claims.' : ''}</figcaption></figure>`
}

/** The baseline's, smaller and hollow, beneath. */
function formerMark({ ratio, low, high }: NonNullable<MetricResult['ratioToNative']>, x: Scale, y: number): string {
  const whisker = low === null || high === null ? '' : line(x.at(low), x.at(high), y, y, 'class="before"')
  return `${whisker}<circle class="before" cx="${x.at(ratio)}" cy="${y}" r="3"/>`
}

/** Labels that would lie over each other become one between them. */
function apart(labels: readonly { readonly x: number; readonly label: string }[]): { x: number; label: string }[] {
  const kept: { x: number; label: string }[] = []
  for (const { x, label } of [...labels].sort((a, b) => a.x - b.x)) {
    const last = kept.at(-1)
    if (last && x - last.x < 50) {
      last.label = `${last.label.replace(/ %$/, '')}, ${label}`
      last.x = (last.x + x) / 2
    } else kept.push({ x, label })
  }
  return kept
}
