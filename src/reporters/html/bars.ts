import { formatQuantity } from '../amount.ts'
import { escapeHtml } from '../escape.ts'
import type { MetricTable } from '../rows.ts'
import { sanitize, truncate } from '../text.ts'
import { barOf, barWidth } from './bar.ts'
import { samplesText } from './parts.ts'
import { formatTick, largest, line, scale, smallest } from './scale.ts'
import { verdictClass } from './tone.ts'

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
