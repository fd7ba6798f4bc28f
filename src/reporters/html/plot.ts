import { figure } from '../../core/judge/words.ts'
import type { MetricResult } from '../../core/report/schema.ts'
import { escapeHtml } from '../escape.ts'
import type { MetricTable } from '../rows.ts'
import { sanitize, truncate } from '../text.ts'
import { largest, line, type Scale, scale, smallest } from './scale.ts'
import { verdictClass } from './tone.ts'

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
