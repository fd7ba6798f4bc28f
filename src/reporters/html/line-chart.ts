import { createScale, formatTick, largest, linePath, needsLogScale, round, type Scale, smallest } from './scale.ts'
import {
  figureHtml,
  horizontal,
  type Layout,
  platformLabel,
  responsive,
  svg,
  svgText,
  vertical,
  verticalGrid,
} from './svg.ts'
import { type Html, html, pathData } from './tag.ts'

/** A chart with a line per platform, for series over a parameter and for distributions. */

interface LineLayout extends Layout {
  /** The room at the right. */
  readonly right: number
  /** The most ticks of the horizontal axis. */
  readonly ticks: number
  /** The names stand at the ends of the lines, or beneath the chart in so many columns. */
  readonly names: 'at-ends' | number
}

const wide: LineLayout = { width: 900, left: 64, right: 150, isInteractive: true, ticks: 12, names: 'at-ends' }
const narrow: LineLayout = { width: 340, left: 48, right: 10, isInteractive: false, ticks: 5, names: 2 }
const [top, bottom] = [14, 44]
/** The least distance between the names of two lines. */
const nameGap = 15
/** A line that is drawn as steps has all its points up to the first number, and beyond it about the second. */
const [mostPoints, fewPoints] = [60, 12]
/** The height of a row of names beneath a chart. */
const keyHeight = 18
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

/**
 * The look of the n-th line. Native is dashed and has no color; the first 32 others each have their own look. Lines
 * that differ in color also differ in the shape of their points.
 */
const lineStyle = (platform: string, index: number): string =>
  platform === 'native' ? 'line-native' : `line-${index % 8} dash-${Math.floor(index / 8) % 4}`

/** The shape of the points of the n-th line, around 0. Native (-1) has discs. */
const shapes: readonly string[] = [
  'M-3.4 -3.4H3.4V3.4H-3.4Z',
  'M0 -4.4L4.4 3.6L-4.4 3.6Z',
  'M0 -4.8L4.8 0L0 4.8L-4.8 0Z',
  'M0 4.4L4.4 -3.6L-4.4 -3.6Z',
  'M-1.5 -4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z',
  'M-4.5 -2H4.5V2H-4.5Z',
  'M-2 -4.5H2V4.5H-2Z',
  'M-4.2 -4.2L4.2 -4.2L-4.2 4.2L4.2 4.2Z',
]

/** A point of a line, with what it says under a pointer. */
function pointHtml(index: number, x: number, y: number, title?: string): Html {
  const content = title !== undefined && html`<title>${title}</title>`
  if (index < 0) return html`<circle cx="${x}" cy="${y}" r="3.5">${content}</circle>`
  const shape = pathData(shapes[index % shapes.length]!)
  return html`<path class="point" transform="translate(${x} ${y})" d="${shape}">${content}</path>`
}

/** @returns undefined if no line has a point */
export function lineChart(chart: LineChart): Html | undefined {
  const { caption, lines } = chart
  if (lines.every(({ points }) => points.length === 0)) return undefined
  const text = lines.some(({ before }) => before) ? `${caption} Thin and dotted: the baseline.` : caption
  return figureHtml(responsive(drawLines(chart, wide), drawLines(chart, narrow)), text)
}

function drawLines(chart: LineChart, layout: LineLayout): Html {
  const { label, lines, sharedLines = lines, y: yAxis } = chart
  const { width, right, names: place } = layout
  const shown = lines.filter(({ points }) => points.length > 0)
  const height = place === 'at-ends' ? Math.max(320, top + bottom + shown.length * nameGap) : 260
  const points = sharedLines.flatMap((line) => [...line.points, ...(line.before ?? [])])
  const x = xScale(
    points.map((point) => point.x),
    layout,
  )
  const y = yScale(
    points.flatMap((point) => [point.y, ...(point.range ?? [])]),
    height,
    yAxis.high,
  )
  const ends = spread(
    shown.map((line) => y.at(line.points.at(-1)!.y)),
    height - 6,
  )
  const keyOf = (index: number) => {
    if (place === 'at-ends') return { x: width - right + 6, y: ends[index]!, room: right - 26 }
    const room = width / place
    return { x: (index % place) * room + 4, y: height + 10 + Math.floor(index / place) * keyHeight, room: room - 32 }
  }
  // The same platform looks the same in all charts that share the axes.
  const names = [...new Set(sharedLines.map(({ platform }) => platform))].filter((name) => name !== 'native')
  const drawn = shown.map((line, index) => {
    // Lines are set apart so that the whiskers of many lines at one x stay visible.
    const step = Math.min(dodge.step, dodge.most / shown.length)
    const shift = line.steps ? 0 : (index - (shown.length - 1) / 2) * step
    const look = names.indexOf(line.platform)
    const { x: keyX, y: keyY, room } = keyOf(index)
    const key = [
      horizontal(keyX, keyX + 20, keyY, 'stroke'),
      pointHtml(look, keyX + 10, keyY),
      platformLabel({ x: keyX + 26, y: round(keyY + 4) }, line.platform, room),
    ]
    return html`<g class="${lineStyle(line.platform, look)}">${lineHtml(line, look, x, y, shift, layout)}${key}</g>`
  })
  const description = `${label}; the table beneath has the figures`
  const keyRows = place === 'at-ends' ? 0 : Math.ceil(shown.length / place)
  const content = [axes(x, y, height, chart, layout), drawn]
  return svg({ width, height: height + keyRows * keyHeight, role: 'img', label: description }, content)
}

function xScale(values: readonly number[], { width, left, right, ticks }: LineLayout): Scale {
  const log = needsLogScale(values, 7)
  const [low, high] = [smallest(values), largest(values)]
  const padding = low === high ? 1 : 0
  return createScale({
    low: log ? low / 1.02 : low - padding,
    high: log ? high * 1.02 : high + padding,
    from: left + inset,
    to: width - right - inset,
    log,
    tickCount: Math.min(8, ticks),
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
function axes(
  x: Scale,
  y: Scale,
  height: number,
  { x: xAxis, y: yAxis }: Pick<LineChart, 'x' | 'y'>,
  { width, left, right, ticks: most }: LineLayout,
): Html[] {
  const ticks = xAxis.ticks && xAxis.ticks.length <= most ? xAxis.ticks : x.ticks
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
function lineHtml(
  { platform, points, before, steps = false }: Line,
  look: number,
  x: Scale,
  y: Scale,
  shift: number,
  { isInteractive }: LineLayout,
): Html {
  const xOf = (value: number) => round(x.at(value) + shift)
  const pathOf = (through: readonly Point[]) =>
    linePath(
      through.map((point) => [xOf(point.x), y.at(point.y)] as const),
      steps,
    )
  // Points of many steps would hide the line: some are enough to recognize it.
  const most = isInteractive ? mostPoints : fewPoints
  const every = steps && points.length > most ? Math.ceil(points.length / fewPoints) : 1
  const marks = points.map((point, index) => {
    const cx = xOf(point.x)
    const title = isInteractive ? `${platform}: ${point.tip}` : undefined
    return [
      point.range && vertical(cx, y.at(point.range[0]), y.at(point.range[1]), 'range'),
      index % every === 0 && pointHtml(look, cx, y.at(point.y), title),
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
