import { scaleLinear, scaleLog } from 'd3-scale'
import { curveLinear, curveStepAfter, line } from 'd3-shape'
import { figure } from '../format.ts'
import { type Html, pathData } from './tag.ts'

/** Axes and paths: where the page draws a value, and which values an axis marks. */

export interface Scale {
  /** The coordinate of a value, rounded to a tenth of a pixel. */
  at(value: number): number
  readonly ticks: readonly number[]
}

export interface ScaleOptions {
  readonly low: number
  readonly high: number
  /** The coordinate of `low`. */
  readonly from: number
  /** The coordinate of `high`. */
  readonly to: number
  readonly log?: boolean
  /** About how many ticks fit. */
  readonly tickCount?: number
}

/** Rounds a coordinate to a tenth of a pixel. */
export const round = (coordinate: number): number => Math.round(coordinate * 10) / 10

/** Creates a linear or logarithmic scale. A logarithmic one draws values below `low` at `low`. */
export function createScale({ low, high, from, to, log = false, tickCount = 6 }: ScaleOptions): Scale {
  if (!(high > low)) return { at: () => round(from), ticks: [low] }
  const linear = scaleLinear([low, high], [from, to])
  // With less than a decade between the ends, powers of ten would leave the axis almost without ticks.
  const ticks = log && high / low > 8 ? logTicks(low, high, tickCount) : linearTicks(linear, tickCount)
  if (!log) return { at: (value) => round(linear(value)), ticks }
  const logarithmic = scaleLog([low, high], [from, to])
  return { at: (value) => round(logarithmic(Math.max(value, low))), ticks }
}

/** d3 takes a count as a hint and may return up to twice as many ticks. Labels have less room than that. */
function linearTicks(scale: { ticks(count: number): number[] }, tickCount: number): number[] {
  for (let count = tickCount; count > 1; count--) {
    const ticks = scale.ticks(count)
    if (ticks.length <= tickCount + 1) return ticks
  }
  return scale.ticks(1)
}

/** Powers of ten, with their doubles and fivefolds if those fit. */
function logTicks(low: number, high: number, tickCount: number): number[] {
  const all = scaleLog([low, high], [0, 1]).ticks(tickCount)
  const leadingDigit = (value: number) => Number(value.toExponential(6)[0])
  const some = all.filter((value) => [1, 2, 5].includes(leadingDigit(value)))
  return some.length <= tickCount + 2 ? some : all.filter((value) => leadingDigit(value) === 1)
}

/** Path data through the points; as steps, it goes sideways before it goes up. */
export function linePath(points: readonly (readonly [x: number, y: number])[], steps = false): Html {
  const path = line()
    .digits(1)
    .curve(steps ? curveStepAfter : curveLinear)
  return pathData(path(points.map(([x, y]): [number, number] => [x, y])) ?? '')
}

/** Whether values are so far apart that a linear axis would hide the small ones. */
export const needsLogScale = (values: readonly number[], factor: number): boolean => {
  const low = smallest(values)
  return low > 0 && largest(values) / low > factor
}

// Math.min(...values) overflows the stack for large records.
export const smallest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
export const largest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)

/** From which value on a unit is used, what it stands for, and its prefix. `2,500` is easier to read than `2.5 k`. */
const decimalUnits = [
  { from: 1e9, factor: 1e9, prefix: 'G' },
  { from: 1e6, factor: 1e6, prefix: 'M' },
  { from: 1e4, factor: 1e3, prefix: 'k' },
] as const

const binaryUnits = [
  [2 ** 30, 'Gi'],
  [2 ** 20, 'Mi'],
  [2 ** 10, 'Ki'],
] as const

/** A value on an axis: `250 k`, `1.5 M`. */
export function formatTick(value: number): string {
  const unit = decimalUnits.find(({ from }) => Math.abs(value) >= from)
  return unit ? `${figure(value / unit.factor)} ${unit.prefix}` : figure(value)
}

/** A parameter on an axis. Whole multiples of 1024 get a binary prefix, as buffer sizes do: `4 Ki`, `16 Mi`. */
export function formatParameter(value: number): string {
  const unit = binaryUnits.find(([factor]) => value >= factor && value % factor === 0)
  return unit ? `${value / unit[0]} ${unit[1]}` : formatTick(value)
}
