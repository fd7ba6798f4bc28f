import type { Metric } from '../../dsl/metric.ts'
import type { Direction, Outcome, Reason } from '../model/verdict.ts'
import { beyond, type Interval } from '../stats/index.ts'
import { plainRatio, worseSign } from './samples.ts'

/** An interval against a margin. docs/explanation/statistics.md has the table, with its sources. */

export interface Decision {
  readonly outcome: Outcome
  readonly direction: Direction
  readonly reason: Reason | null
}

const holds: Decision = { outcome: 'holds', direction: null, reason: null }
const contradicted = (direction: 'worse' | 'better'): Decision => ({ outcome: 'contradicted', direction, reason: null })

/** The fewest rounds with which a one-sided 5 % signed-rank test can decide: 2^-5 < 0.05 <= 2^-4. */
export const minRounds = 5

export const tooFewRounds = { code: 'too-few-rounds', needed: minRounds } as const satisfies Reason

const inconclusive = (interval: Interval): Decision => ({
  outcome: 'inconclusive',
  direction: null,
  reason: !Number.isFinite(interval.low) ? tooFewRounds : { code: 'interval-crosses-margin' },
})

/**
 * The margin of `percent` as a difference of logarithms: ln(1 + p) if a lower value is better, -ln(1 - p) if a higher
 * one is.
 */
export const logMargin = (percent: number, metric: Pick<Metric, 'better'>): number =>
  metric.better === 'lower' ? Math.log1p(percent / 100) : -Math.log1p(-percent / 100)

/** What contradicts a claim: the center of the differences lies beyond a threshold. */
export interface Alternative {
  readonly direction: 'worse' | 'better'
  readonly threshold: number
  readonly side: 'greater' | 'less'
  /** Half of the margin, if the claim has one. */
  readonly half?: number
}

/**
 * Whether equal platforms satisfy the claim, so that contradicting it for them is a false alarm. For a limit, equality
 * of platforms means nothing. Equal platforms do not satisfy an order.
 */
export const holdsWhenEqual = ({ threshold, side }: Alternative): boolean =>
  side === 'greater' ? threshold > 0 : threshold < 0

/** A matcher as it is judged: the decision for an interval, and the alternatives that would contradict it. */
export interface DecisionRule {
  judge(interval: Interval): Decision
  readonly against: readonly Alternative[]
  /** The difference of logarithms that the claim allows; undefined for a limit in a unit. */
  readonly margin?: number
  /** Whether a value equal to the threshold satisfies the claim: the matchers with "at most" and "at least". */
  readonly isInclusive?: boolean
  /** Whether equality with the threshold does not satisfy the claim: a platform is not better than itself. */
  readonly isStrict?: boolean
}

const isWorse = (threshold: number): Alternative => ({ direction: 'worse', threshold, side: 'greater' })
const isBetter = (threshold: number): Alternative => ({ direction: 'better', threshold, side: 'less' })

/** Non-inferiority: not worse by more than δ. */
export const nonInferiority = (margin: number): DecisionRule => ({
  judge: (interval) => {
    if (beyond(margin, interval.high)) return holds
    return beyond(interval.low, margin) ? contradicted('worse') : inconclusive(interval)
  },
  against: [{ ...isWorse(margin), half: margin / 2 }],
  margin,
})

/** Worse by at most a factor, which a value equal to it satisfies. */
export const limitedGrowth = (by: number): DecisionRule => ({ ...nonInferiority(Math.log(by)), isInclusive: true })

/** Equivalence, as two one-sided tests (Schuirmann 1987). */
export const equivalence = (margin: number): DecisionRule => ({
  judge: (interval) => {
    if (beyond(interval.low, -margin) && beyond(margin, interval.high)) return holds
    if (beyond(interval.low, margin)) return contradicted('worse')
    return beyond(-margin, interval.high) ? contradicted('better') : inconclusive(interval)
  },
  against: [
    { ...isWorse(margin), half: margin / 2 },
    { ...isBetter(-margin), half: -margin / 2 },
  ],
  margin,
})

const below = (threshold: number): DecisionRule => ({
  judge: (interval) => {
    if (beyond(threshold, interval.high)) return holds
    return beyond(interval.low, threshold) ? contradicted('worse') : inconclusive(interval)
  },
  against: [isWorse(threshold)],
})

const above = (threshold: number): DecisionRule => ({
  judge: (interval) => {
    if (beyond(interval.low, threshold)) return holds
    return beyond(threshold, interval.high) ? contradicted('better') : inconclusive(interval)
  },
  against: [isBetter(threshold)],
})

/** Better by at least the factor `by`. */
export const superiority = (by: number): DecisionRule => ({ ...below(-Math.log(by)), isStrict: by === 1 })

/** Worse by at least the factor `by`. */
export const inferiority = (by: number): DecisionRule => ({ ...above(Math.log(by)), isStrict: by === 1 })

/** A value that is no worse than a limit, for differences from the limit. A value equal to the limit satisfies it. */
export const noWorseThanLimit: DecisionRule = { ...below(0), isInclusive: true }

/** A value that is no better than a limit. A value equal to the limit satisfies it. */
export const noBetterThanLimit: DecisionRule = { ...above(0), isInclusive: true }

/**
 * What values exactly at a threshold decide. If no round violates an inclusive limit, the claim holds: for a value
 * beyond the limit, that happens less often than 2^-n. An interval that is a margin itself stays inconclusive, and more
 * rounds like those do not change that.
 * @param rounds the differences of the rounds behind the interval; none if they do not pair
 */
export function judgeEquality(
  { against, isInclusive = false }: DecisionRule,
  decision: Decision,
  { low, high }: Interval,
  rounds: readonly number[],
): Decision {
  if (decision.reason?.code !== 'interval-crosses-margin') return decision
  const violates = (d: number) =>
    against.some(({ side, threshold }) => (side === 'greater' ? beyond(d, threshold) : beyond(threshold, d)))
  if (isInclusive && rounds.length > 0 && !rounds.some(violates)) return holds
  const isEqual = ({ threshold }: Alternative) => !beyond(high, threshold) && !beyond(threshold, low)
  return against.some(isEqual) ? { ...decision, reason: { code: 'equals-margin' } } : decision
}

/**
 * Of the parts of a claim with the same outcome, the one that stands for all. More rounds do not decide a part with
 * values exactly at its margin, but may decide another part.
 */
export const decisivePart = <T extends Decision>(parts: readonly T[]): T | undefined =>
  parts.find(({ reason }) => reason?.code !== 'equals-margin') ?? parts[0]

/** A value with its interval, without what kind of value it is. */
export interface ValueInterval {
  readonly value: number
  readonly low: number | null
  readonly high: number | null
  readonly rounds: number
}

/** Converts signed differences back into the value. */
function convertBack(interval: Interval, back: (d: number) => number): ValueInterval {
  const bounds = [back(interval.low), back(interval.high)].sort((a, b) => a - b) as [number, number]
  const open = !bounds.every(Number.isFinite) || !Number.isFinite(interval.low) || !Number.isFinite(interval.high)
  return {
    value: back(interval.estimate),
    low: open ? null : bounds[0],
    high: open ? null : bounds[1],
    rounds: interval.n,
  }
}

/** An interval of signed log differences as the ratio, in the metric's own direction. */
export const asRatio = (interval: Interval, metric: Pick<Metric, 'better'>): ValueInterval =>
  convertBack(interval, (d) => plainRatio(Math.exp(worseSign(metric) * d)))

/** A difference of logarithms in percent. */
export const ofLogs = (d: number): number => 100 * Math.expm1(d)

/** A limit, and the unit of the differences from it: the limit itself, so that rounding errors are about 1e-16. */
export interface Limit {
  readonly value: number
  readonly scale: number
}

/** @param value of the limit; if it is 0, the differences are in the unit of the metric */
export const limitAt = (value: number): Limit => ({ value, scale: Math.abs(value) || 1 })

/** An interval of signed differences from a limit as the value itself. */
export const asValue = (interval: Interval, metric: Pick<Metric, 'better'>, { value, scale }: Limit): ValueInterval =>
  convertBack(interval, (d) => value + worseSign(metric) * scale * d)

/**
 * How often a verdict may be wrong. An error rate at the margin says little about equal platforms: if the noise is
 * large compared with the margin, equal platforms lie practically at it. So each rate has its own test, and a claim
 * fails a run only if it passes all of them. This is an intersection-union test, which needs no further correction (R.
 * L. Berger, Technometrics 24 (1982) 295-300). docs/evidence/statistics.md has what this costs.
 */

/** Error rates of one claim. */
export const perClaimAlpha = {
  /** If the true difference lies at the margin, on either side. */
  atMargin: 0.05,
  /** Contradicted although the true difference lies at half of the margin. */
  atHalf: 0.005,
} as const

/** Error rates of the whole run: that at least one claim fails it. */
export const familywiseAlpha = {
  /** If the true difference of each claim lies at its margin or within it. */
  atMargin: 0.05,
  /** If all platforms are equal. */
  whenEqual: 0.01,
} as const
