import type { MetricResult, Report } from '../core/model/report.ts'
import { type ClaimVerdict, type Estimate, type ReasonCode, reasonCodes } from '../core/model/verdict.ts'
import type { StopReason } from '../core/reporter.ts'

/** Verdicts as sentences that a tired person understands. */

/** Three significant digits, without an exponent where people do not expect one. */
export function figure(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-3)) return value.toExponential(2)
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

/** `1.23 [1.18, 1.29]`, or without the bounds where there are none. */
export function interval({ estimate, low, high }: Estimate): string {
  return low === null || high === null ? figure(estimate) : `${figure(estimate)} [${figure(low)}, ${figure(high)}]`
}

export const reasonText = (reason: string): string => {
  const [code, ...about] = reason.split(':')
  const meaning = reasonCodes[code as ReasonCode] as string | undefined
  return [about.join(':'), meaning ?? code].filter(Boolean).join(': ')
}

export interface Wording {
  readonly verdict: ClaimVerdict['verdict']
  readonly direction: ClaimVerdict['direction']
  readonly reason: string | null
  readonly platform: string
  readonly metric: string
  readonly claim: string
  readonly measured: Estimate | null
  readonly extraRoundsNeeded?: number | null
  /** What the measured figure is: `×native`, or a unit. */
  readonly of: string
  /** What there is to see where no figure is. */
  readonly seen?: string
}

/** One sentence: what was claimed, what was measured, and why it is not decided. */
export function sentence({
  verdict,
  direction,
  reason,
  platform,
  metric,
  claim,
  measured,
  extraRoundsNeeded: moreRounds,
  of,
  seen: otherwise = 'not measured',
}: Wording): string {
  const what = `${metric} of ${platform}`
  const seen = measured ? `${interval(measured)} ${of}` : otherwise
  const more = moreRounds ? `, about ${figure(moreRounds)} more would do` : ''
  switch (verdict) {
    case 'holds':
      return `${what} is ${claim}: ${seen}`
    case 'contradicted':
      return `${what} is ${direction === 'better' ? 'better than claimed' : 'worse than claimed'} (${claim}): ${seen}`
    case 'inconclusive':
      return `${what} may or may not be ${claim}: ${seen}; ${reasonText(reason ?? '')}${more}`
    case 'not-evaluated':
      return `${what} cannot be judged (${claim}): ${reasonText(reason ?? '')}`
  }
}

/** What a run that ran out of time left open, in a sentence; undefined when that is nothing. */
export function undecidedText(claims: readonly ClaimVerdict[], rounds: number): string | undefined {
  const open = claims.filter(({ verdict }) => verdict === 'inconclusive')
  if (open.length === 0) return undefined
  const needs = open.flatMap(({ extraRoundsNeeded: moreRounds }) => moreRounds ?? []).sort((a, b) => a - b)
  const half = needs[Math.ceil(needs.length / 2) - 1]
  const more =
    half === undefined
      ? 'how many rounds they need cannot be told yet'
      : `about ${half} more rounds would decide half of the ${needs.length} that can be told of, about ${needs.at(-1)} all of them`
  return `${open.length} of ${claims.length} claims stayed undecided after ${rounds} rounds; ${more}`
}

const stopTexts = {
  'time-up': 'the time is up',
  'all-decided': 'every claim is decided, or as precise as it gets',
  'first-failure': 'a verdict fails the run',
} as const

/** Why a run ended before its last round, and what is still undecided. Undefined if it ended after its last round. */
export function formatStop({ why, rounds }: StopReason, { claims, profile }: Report): string | undefined {
  if (why === 'all-rounds') return undefined
  const open = undecidedText(claims, rounds)
  return `stopped: ${stopTexts[why]} after ${rounds} of ${profile.rounds} rounds${open ? `: ${open}` : ''}`
}

/** Figures with their units as people read them. Files for machines keep the metric's own unit. */

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
