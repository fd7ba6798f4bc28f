import { sanitize, truncate } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import { formatTick, largest, line, needsLogScale, scale, smallest } from './scale.ts'

/** A chart of lines, one for each platform: what series and distributions share. */

const width = 900
const [left, right, top, bottom] = [64, 150, 14, 44]
/** Between the names of two lines. */
const nameGap = 15
/** Between the whiskers of two lines at the same place, and the most that all of them spread over. */
const dodge = { step: 3, most: 24 }
const inset = dodge.most / 2 + 2

interface Point {
  readonly x: number
  readonly y: number
  /** The lowest and highest sample. */
  readonly range?: readonly [number, number]
  readonly tip: string
}

export interface Line {
  readonly platform: string
  readonly points: readonly Point[]
  /** Of the run that this one is shown against. */
  readonly before?: readonly Point[]
  /** Drawn as steps, as a distribution is. */
  readonly steps?: boolean
}

export interface LineChart {
  readonly label: string
  readonly caption: string
  readonly lines: readonly Line[]
  /** The lines of all charts that share the axes; these ones alone where it is left out. */
  readonly within?: readonly Line[]
  readonly x: { readonly title: string; readonly show?: (value: number) => string; readonly marks?: readonly number[] }
  readonly y: { readonly title: string; readonly high?: number }
}

/** The look of the n-th line: native is dashed and has no colour; the first 32 others each have a colour and dashes of their own. */
const lineStyle = (platform: string, at: number): string =>
  platform === 'native' ? 'line-native' : `line-${at % 8} dash-${Math.floor(at / 8) % 4}`

export function lineChart({ label, caption, lines, within = lines, x: xAxis, y: yAxis }: LineChart): string {
  const shown = lines.filter(({ points }) => points.length > 0)
  if (shown.length === 0) return ''
  const height = Math.max(320, top + bottom + shown.length * nameGap)
  const all = within.flatMap(({ points, before = [] }) => [...points, ...before])
  const xs = all.map(({ x }) => x)
  const ys = all.flatMap(({ y, range }) => [y, ...(range ?? [])])
  const xLog = needsLogScale(xs, 7)
  const yLog = yAxis.high === undefined && needsLogScale(ys, 30)
  const [xLow, xHigh] = [smallest(xs), largest(xs)]
  const pad = xLog ? 1.02 : 0
  const x = scale({
    low: xLog ? xLow / pad : xLow === xHigh ? xLow - 1 : xLow,
    high: xLog ? xHigh * pad : xHigh === xLow ? xHigh + 1 : xHigh,
    from: left + inset,
    to: width - right - inset,
    log: xLog,
    marks: 8,
  })
  const y = scale({
    low: yLog ? smallest(ys) * 0.9 : Math.min(0, smallest(ys)),
    high: (yAxis.high ?? largest(ys) * (yLog ? 1.1 : 1.04)) || 1,
    from: height - bottom,
    to: top,
    log: yLog,
    marks: 5,
  })
  const marks = xAxis.marks && xAxis.marks.length <= 12 ? xAxis.marks : x.ticks
  const grid = [
    ...y.ticks.map(
      (value) =>
        line(left, width - right, y.at(value), y.at(value), 'class="grid"') +
        `<text class="axis" x="${left - 8}" y="${(Number(y.at(value)) + 4).toFixed(1)}" text-anchor="end">${formatTick(value)}</text>`,
    ),
    ...marks.map(
      (value) =>
        line(x.at(value), x.at(value), top, height - bottom, 'class="grid"') +
        `<text class="axis" x="${x.at(value)}" y="${height - bottom + 16}" text-anchor="middle">${escapeHtml((xAxis.show ?? formatTick)(value))}</text>`,
    ),
    `<text class="axis" x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">${escapeHtml(xAxis.title)}</text>`,
    `<text class="axis" transform="translate(13 ${(height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yAxis.title)}</text>`,
  ]
  const ends = spread(
    shown.map(({ points }) => Number(y.at(points.at(-1)!.y))),
    height - 6,
  )
  // The same platform looks the same in all charts that share the axes.
  const names = [...new Set(within.map(({ platform }) => platform))].filter((name) => name !== 'native')
  const lookAt = (platform: string) => names.indexOf(platform)
  const drawn = shown.map(({ platform, points, before, steps }, at) => {
    const look = lineStyle(platform, lookAt(platform))
    // Aside of each other, so that the whiskers of many lines at one place can be told apart.
    const step = Math.min(dodge.step, dodge.most / shown.length)
    const aside = steps ? 0 : (at - (shown.length - 1) / 2) * step
    const pathOf = (through: readonly Point[]) =>
      through
        .map((one, nth) => {
          const [px, py] = [(Number(x.at(one.x)) + aside).toFixed(1), y.at(one.y)]
          return nth === 0 ? `M${px} ${py}` : steps ? `H${px}V${py}` : `L${px} ${py}`
        })
        .join('')
    const path = pathOf(points)
    const former = before ? `<path class="before" d="${pathOf(before)}"/>` : ''
    const dots = points.map((one) => {
      const place = (Number(x.at(one.x)) + aside).toFixed(1)
      const whisker = one.range ? line(place, place, y.at(one.range[0]), y.at(one.range[1]), 'class="range"') : ''
      const dot = `<circle cx="${place}" cy="${y.at(one.y)}" r="3.5"><title>${escapeHtml(`${platform}: ${one.tip}`)}</title></circle>`
      return whisker + (steps && points.length > 60 ? '' : dot)
    })
    const name = `<text x="${width - right + 26}" y="${(ends[at]! + 4).toFixed(1)}">${escapeHtml(truncate(sanitize(platform), 17))}</text>`
    const key = line(
      width - right + 6,
      width - right + 20,
      ends[at]!.toFixed(1),
      ends[at]!.toFixed(1),
      'class="stroke"',
    )
    return `<g class="${look}">${former}<path class="stroke" d="${path}"/>${dots.join('')}${key}${name}</g>`
  })
  const open = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`${label}; the table beneath has the figures`)}">`
  // On a narrow screen it scrolls: scaled down, its text could not be read.
  return `<figure class="wide"><div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}">${open}${grid.join('')}${drawn.join('')}</svg></div>
<figcaption>${escapeHtml(caption)}${shown.some(({ before }) => before) ? ' Thin and dotted: the baseline.' : ''}</figcaption></figure>`
}

/** Heights for labels near `wanted`, none below `lowest`, in the same order, that do not lie over each other. */
function spread(wanted: readonly number[], lowest: number): number[] {
  const order = wanted.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at)
  let last = Number.NEGATIVE_INFINITY
  for (const one of order) {
    one.at = Math.max(one.at, last + nameGap, top + 4)
    last = one.at
  }
  // What was pushed beneath the chart goes up again, with all that it then meets.
  let floor = lowest
  for (const one of order.reverse()) {
    one.at = Math.min(one.at, floor)
    floor = one.at - nameGap
  }
  const placed: number[] = []
  for (const { at, index } of order) placed[index] = at
  return placed
}
