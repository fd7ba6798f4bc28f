import { figure } from '../format.ts'

/** Axes: where a value is drawn, and which values are marked. */

export interface Scale {
  /** The place of a value, with a decimal, fit for an attribute. */
  at(value: number): string
  readonly ticks: readonly number[]
}

export interface ScaleOptions {
  readonly low: number
  readonly high: number
  /** Where low and high are drawn. */
  readonly from: number
  readonly to: number
  readonly log?: boolean
  /** About how many marks fit. */
  readonly marks?: number
}

export function scale({ low, high, from, to, log = false, marks = 6 }: ScaleOptions): Scale {
  const share = (value: number) =>
    log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low)
  return {
    at: (value) => (from + (high > low ? share(value) : 0) * (to - from)).toFixed(1),
    ticks: log && high / low > 8 ? powers(low, high, marks) : steps(low, high, marks),
  }
}

/** Whether values are so far apart that a linear axis would hide the small ones. */
export const needsLogScale = (values: readonly number[], factor: number): boolean => {
  const low = smallest(values)
  return low > 0 && largest(values) / low > factor
}

/** Powers of ten, with their 2 and 5 where those fit. */
function powers(low: number, high: number, marks: number): number[] {
  const span = Math.log10(high / low)
  const factors = span * 3 <= marks + 2 ? [1, 2, 5] : [1]
  const step = Math.max(1, Math.ceil(span / marks))
  const first = Math.floor(Math.log10(low))
  return Array.from({ length: Math.ceil(span / step) + 2 }, (_, at) => 10 ** (first + at * step))
    .flatMap((power) => factors.map((factor) => Number((factor * power).toPrecision(6))))
    .filter((one) => one >= low * 0.999 && one <= high * 1.001)
}

function steps(low: number, high: number, marks: number): number[] {
  const span = high - low
  if (!(span > 0)) return [low]
  const rough = 10 ** Math.floor(Math.log10(span / marks))
  const step = [1, 2, 5, 10].map((one) => one * rough).find((one) => span / one <= marks) ?? rough * 10
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => Number(((first + at) * step).toPrecision(12)))
}

// Math.min(...values) overflows the stack for large records.
export const smallest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
export const largest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)

const suffixes = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

/** A figure for an axis: `250 k`, `1.5 M`. */
export function formatTick(value: number): string {
  const found = suffixes.find(([scale]) => Math.abs(value) >= scale * 10)
  return found ? `${figure(value / found[0])} ${found[1]}` : figure(value)
}

/** Buffer sizes and the like: `4 Ki`, `16 Mi` where it is a whole number of them. */
export function parameter(value: number): string {
  const binary = [
    [2 ** 30, 'Gi'],
    [2 ** 20, 'Mi'],
    [2 ** 10, 'Ki'],
  ] as const
  const found = binary.find(([scale]) => value >= scale && value % scale === 0)
  return found ? `${value / found[0]} ${found[1]}` : formatTick(value)
}

export const line = (
  x1: string | number,
  x2: string | number,
  y1: string | number,
  y2: string | number,
  look: string,
) => `<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}" ${look}/>`
