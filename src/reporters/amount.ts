/** Figures with their units as people read them. Files for machines keep the metric's own unit. */
import { figure } from '../core/judge/words.ts'
import type { MetricResult } from '../core/report/schema.ts'

const seconds: Record<string, number> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 }
const timeUnits = [
  ['s', 1],
  ['ms', 1e-3],
  ['µs', 1e-6],
  ['ns', 1e-9],
] as const

/** Three significant digits, and separators instead of an exponent for what is large. */
const plainFigure = (value: number): string =>
  Math.abs(value) >= 1000 && Math.abs(value) < 1e15 ? Math.round(value).toLocaleString('en-US') : figure(value)

function timeUnit(inSeconds: number): (typeof timeUnits)[number] {
  return timeUnits.find(([, scale]) => inSeconds >= scale) ?? (inSeconds === 0 ? timeUnits[0] : timeUnits[3])
}

function shown(value: number, unit: string, chosen?: (typeof timeUnits)[number]): string {
  const scale = seconds[unit]
  if (scale === undefined) return unit === 'count' ? plainFigure(value) : `${plainFigure(value)} ${unit}`
  const [name, of] = chosen ?? timeUnit(value * scale)
  return `${plainFigure((value * scale) / of)} ${name}`
}

/** `1,234 events/s`; a time in the unit that suits it: 0.0123 s is `12.3 ms`. */
export const formatQuantity = (value: number, unit: string): string => shown(value, unit)

/** Figures to be compared by eye: times all in the unit that suits the middle one, unless they are too far apart. */
export function formatColumn(values: readonly (number | null)[], unit: string): string[] {
  const given = values.filter((value) => value !== null && value > 0).sort((a, b) => a! - b!) as number[]
  return values.map((value) => (value === null ? '–' : shown(value, unit, commonUnit(given, unit))))
}

function commonUnit(sorted: readonly number[], unit: string): (typeof timeUnits)[number] | undefined {
  const scale = seconds[unit]
  if (scale === undefined || sorted.length === 0) return undefined
  const common = timeUnit(sorted[Math.floor(sorted.length / 2)]! * scale)
  const [least, most] = [sorted[0]!, sorted.at(-1)!].map((value) => (value * scale) / common[1]) as [number, number]
  return least >= 0.001 && most < 1e6 ? common : undefined
}

const fixed = (value: number, decimals: number): string =>
  value >= 10 || value < 0.01 ? figure(value) : value.toFixed(decimals)

/** Two decimals, or three where an interval is so narrow that two would hide it. */
const decimalsFor = (low: number | null, high: number | null): number =>
  low !== null && high !== null && high - low < 0.02 ? 3 : 2

/** A ratio and its 90 % interval: `0.93` and `[0.91, 0.95]`, with the decimals that the narrowest of a column needs. */
export function formatRatios(column: readonly MetricResult['ratioToNative'][]): { ratio: string; interval: string }[] {
  const decimals = Math.max(2, ...column.map((one) => (one ? decimalsFor(one.low, one.high) : 2)))
  return column.map((one) => {
    if (!one) return { ratio: '', interval: '' }
    const { ratio, low, high } = one
    const bounds = low === null || high === null ? '' : `[${fixed(low, decimals)}, ${fixed(high, decimals)}]`
    return { ratio: fixed(ratio, decimals), interval: bounds }
  })
}

/** A ratio as people say it: `11.6 % less`, `3.2 times`. */
export function formatChange(ratio: number): string {
  if (ratio >= 2) return `${figure(ratio)} times as much`
  const percent = Math.abs(ratio - 1) * 100
  return percent < 0.05 ? 'the same' : `${figure(Number(percent.toFixed(1)))} % ${ratio < 1 ? 'less' : 'more'}`
}

/** `45 s`, `4 min 10 s`, `1 h 5 min`. */
export function duration(ms: number): string {
  const all = Math.round(ms / 1000)
  if (all < 60) return `${all} s`
  const minutes = Math.floor(all / 60)
  if (minutes < 60) return all % 60 === 0 || minutes >= 10 ? `${minutes} min` : `${minutes} min ${all % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
