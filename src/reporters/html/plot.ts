import { figure } from '../../core/judge/words.ts'
import { markup } from '../escape.ts'
import type { MetricTable } from '../rows.ts'
import { cut, plain } from '../text.ts'
import { toneOf } from './tone.ts'

const width = 880
const left = 190
const right = 24
const rowHeight = 24
const axisHeight = 28
const interval = 'stroke="currentColor" stroke-width="3" stroke-linecap="round" opacity=".45"'

/** Marks of a logarithmic axis from `low` to `high`: as round as fit without crowding. */
function ticks(low: number, high: number): number[] {
  const span = Math.log10(high / low)
  if (span > 2) {
    const first = Math.ceil(Math.log10(low))
    const step = Math.ceil(span / 8)
    return Array.from({ length: Math.ceil(span / step) + 1 }, (_, at) => 10 ** (first + at * step)).filter(
      (one) => one <= high,
    )
  }
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20].find((one) => (high - low) / one <= 8) ?? 50
  const first = Math.ceil(low / step)
  return Array.from({ length: 9 }, (_, at) => (first + at) * step).filter((one) => one > 0 && one <= high)
}

/** A dot and its 90 % interval per platform, as ×native on a logarithmic axis; empty where nothing can be compared. */
export function plot({ rows, metric }: MetricTable): string {
  const shown = rows.flatMap(({ platform, verdict, vsNative }) =>
    vsNative ? [{ platform, verdict, ...vsNative }] : [],
  )
  if (shown.length === 0) return ''
  const values = shown.flatMap(({ ratio, low, high }) => [ratio, low ?? ratio, high ?? ratio])
  const positive = values.filter((value) => value > 0)
  const low = Math.min(0.95, ...positive) * 0.98
  const high = Math.max(1.05, ...positive) * 1.02
  const x = (value: number) => {
    const share = Math.log(Math.max(value, low) / low) / Math.log(high / low)
    return (left + share * (width - left - right)).toFixed(1)
  }
  const bottom = shown.length * rowHeight + 8
  const grid = ticks(low, high).map((value) => {
    const text = `<text class="axis" x="${x(value)}" y="${bottom + 16}" text-anchor="middle">${figure(value)}×</text>`
    return line(x(value), x(value), 0, bottom, 'class="grid"') + text
  })
  const marks = shown.map(({ platform, verdict, ratio, low: from, high: to }, at) => {
    const y = at * rowHeight + 16
    const whisker = from === null || to === null ? '' : line(x(from), x(to), y, y, interval)
    const name = `<text x="${left - 12}" y="${y + 4}" text-anchor="end">${markup(cut(plain(platform), 26))}</text>`
    const dot = `<circle cx="${x(ratio)}" cy="${y}" r="4.5" fill="currentColor"/>`
    return `<g class="${toneOf(verdict)}">${name}${whisker}${dot}</g>`
  })
  const native = line(x(1), x(1), 0, bottom, 'class="native"')
  const label = `${metric}: each platform as a multiple of native, with its 90 % interval`
  const start = `<svg viewBox="0 0 ${width} ${bottom + axisHeight}" role="img" aria-label="${markup(label)}">`
  return `${start}${grid.join('')}${native}${marks.join('')}</svg>`
}

function line(x1: string, x2: string, y1: number, y2: number, look: string): string {
  return `<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}" ${look}/>`
}
