import { createScale, formatTick, largest, linePath, needsLogScale, round, type Scale, smallest } from './scale.ts'
import { figureHtml, horizontal, platformLabel, scrolling, svg, svgText, vertical, verticalGrid } from './svg.ts'
import { type Html, html } from './tag.ts'

/** A chart with a line per platform, for series over a parameter and for distributions. */

const width = 900
const [left, right, top, bottom] = [64, 150, 14, 44]
/** The least distance between the names of two lines. */
const nameGap = 15
/** The distance between the whiskers of two lines at the same x, and the most that all of them may spread over. */
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
  /** The same line in the baseline. */
  readonly before?: readonly Point[]
  /** Drawn as steps, as a distribution is. */
  readonly steps?: boolean
}

export interface LineChart {
  readonly label: string
  readonly caption: string
  readonly lines: readonly Line[]
  /** The lines of all charts that share the axes; `lines` by default. */
  readonly sharedLines?: readonly Line[]
  readonly x: {
    readonly title: string
    readonly format?: (value: number) => string
    /** The values to mark instead of round ones, if they are few. */
    readonly ticks?: readonly number[]
  }
  /** `high` is the end of the axis if the values do not decide it. */
  readonly y: { readonly title: string; readonly high?: number }
}

/** The look of the n-th line. Native is dashed and has no color; the first 32 others each have their own look. */
const lineStyle = (platform: string, index: number): string =>
  platform === 'native' ? 'line-native' : `line-${index % 8} dash-${Math.floor(index / 8) % 4}`

/** @returns undefined if no line has a point */
export function lineChart({
  label,
  caption,
  lines,
  sharedLines = lines,
  x: xAxis,
  y: yAxis,
}: LineChart): Html | undefined {
  const shown = lines.filter(({ points }) => points.length > 0)
  if (shown.length === 0) return undefined
  const height = Math.max(320, top + bottom + shown.length * nameGap)
  const points = sharedLines.flatMap((line) => [...line.points, ...(line.before ?? [])])
  const x = xScale(points.map((point) => point.x))
  const y = yScale(
    points.flatMap((point) => [point.y, ...(point.range ?? [])]),
    height,
    yAxis.high,
  )
  const ends = spread(
    shown.map((line) => y.at(line.points.at(-1)!.y)),
    height - 6,
  )
  // The same platform looks the same in all charts that share the axes.
  const names = [...new Set(sharedLines.map(({ platform }) => platform))].filter((name) => name !== 'native')
  const drawn = shown.map((line, index) => {
    // Lines are set apart so that the whiskers of many lines at one x stay visible.
    const step = Math.min(dodge.step, dodge.most / shown.length)
    const shift = line.steps ? 0 : (index - (shown.length - 1) / 2) * step
    const key = html`${horizontal(width - right + 6, width - right + 20, ends[index]!, 'stroke')}${platformLabel(
      { x: width - right + 26, y: round(ends[index]! + 4) },
      line.platform,
    )}`
    const content = [lineHtml(line, x, y, shift), key]
    return html`<g class="${lineStyle(line.platform, names.indexOf(line.platform))}">${content}</g>`
  })
  const description = `${label}; the table beneath has the figures`
  const picture = svg({ width, height, role: 'img', label: description }, [axes(x, y, height, xAxis, yAxis), drawn])
  const text = shown.some(({ before }) => before) ? `${caption} Thin and dotted: the baseline.` : caption
  return figureHtml(scrolling(label, picture), text, 'wide')
}

function xScale(values: readonly number[]): Scale {
  const log = needsLogScale(values, 7)
  const [low, high] = [smallest(values), largest(values)]
  const padding = low === high ? 1 : 0
  return createScale({
    low: log ? low / 1.02 : low - padding,
    high: log ? high * 1.02 : high + padding,
    from: left + inset,
    to: width - right - inset,
    log,
    tickCount: 8,
  })
}

function yScale(values: readonly number[], height: number, high: number | undefined): Scale {
  const log = high === undefined && needsLogScale(values, 30)
  return createScale({
    low: log ? smallest(values) * 0.9 : Math.min(0, smallest(values)),
    high: (high ?? largest(values) * (log ? 1.1 : 1.04)) || 1,
    from: height - bottom,
    to: top,
    log,
    tickCount: 5,
  })
}

/** The grid and the titles of both axes. */
function axes(x: Scale, y: Scale, height: number, xAxis: LineChart['x'], yAxis: LineChart['y']): Html[] {
  const ticks = xAxis.ticks && xAxis.ticks.length <= 12 ? xAxis.ticks : x.ticks
  const rows = y.ticks.map((value) => {
    const label = { x: left - 8, y: round(y.at(value) + 4), anchor: 'end', className: 'axis' } as const
    return html`${horizontal(left, width - right, y.at(value), 'grid')}${svgText(label, formatTick(value))}`
  })
  const middle = (height - bottom) / 2
  return [
    ...rows,
    ...verticalGrid(x, { top, bottom: height - bottom }, xAxis.format, ticks),
    svgText({ x: (left + width - right) / 2, y: height - 8, anchor: 'middle', className: 'axis' }, xAxis.title),
    html`<g transform="translate(13 ${middle}) rotate(-90)">${svgText(
      { x: 0, y: 0, anchor: 'middle', className: 'axis' },
      yAxis.title,
    )}</g>`,
  ]
}

/** The line, its points with whiskers, and the baseline's line behind it. */
function lineHtml({ platform, points, before, steps = false }: Line, x: Scale, y: Scale, shift: number): Html {
  const xOf = (value: number) => round(x.at(value) + shift)
  const pathOf = (through: readonly Point[]) =>
    linePath(
      through.map((point) => [xOf(point.x), y.at(point.y)] as const),
      steps,
    )
  // Dots of many steps would hide the line.
  const dotted = !(steps && points.length > 60)
  const marks = points.map((point) => {
    const cx = xOf(point.x)
    const title = `${platform}: ${point.tip}`
    return [
      point.range && vertical(cx, y.at(point.range[0]), y.at(point.range[1]), 'range'),
      dotted && html`<circle cx="${cx}" cy="${y.at(point.y)}" r="3.5"><title>${title}</title></circle>`,
    ]
  })
  const baseline = before && html`<path class="before" d="${pathOf(before)}"/>`
  return html`${baseline}<path class="stroke" d="${pathOf(points)}"/>${marks}`
}

/** Moves labels near their wanted heights apart, so that none overlap and none is below `lowest`. Keeps the order. */
function spread(wanted: readonly number[], lowest: number): number[] {
  const labels = wanted.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y)
  let last = Number.NEGATIVE_INFINITY
  for (const label of labels) {
    label.y = Math.max(label.y, last + nameGap, top + 4)
    last = label.y
  }
  // Labels that were pushed below the chart move up again, with all labels that they then meet.
  let limit = lowest
  for (const label of labels.reverse()) {
    label.y = Math.min(label.y, limit)
    limit = label.y - nameGap
  }
  const placed: number[] = []
  for (const { y, index } of labels) placed[index] = round(y)
  return placed
}
