import type { Metric } from '../../dsl/metric.ts'
import type { Estimate, ReasonCode, Verdict } from '../model/verdict.ts'
import type { Interval } from '../stats/index.ts'
import { worseSign } from './samples.ts'

/** An interval against a margin. The table is in docs/statistics.md, with its sources. */

export interface Outcome {
  readonly verdict: Verdict
  readonly direction: 'worse' | 'better' | null
  readonly reason: ReasonCode | null
}

const holds: Outcome = { verdict: 'holds', direction: null, reason: null }
const contradicted = (direction: 'worse' | 'better'): Outcome => ({ verdict: 'contradicted', direction, reason: null })

/** The fewest rounds of which a one-sided 5 % signed-rank test can say anything: 2⁻⁵ < 0.05 ≤ 2⁻⁴. */
export const minRounds = 5

const inconclusive = (interval: Interval): Outcome => ({
  verdict: 'inconclusive',
  direction: null,
  reason: interval.n < minRounds || !Number.isFinite(interval.low) ? 'too-few-rounds' : 'interval-crosses-margin',
})

/** The margin δ of `percent` as a difference of logarithms: ln(1+p) where less is better, −ln(1−p) where more is. */
export const logMargin = (percent: number, metric: Pick<Metric, 'better'>): number =>
  metric.better === 'lower' ? Math.log1p(percent / 100) : -Math.log1p(-percent / 100)

/** What contradicts a claim: the centre of the differences lies beyond a threshold. */
export interface Alternative {
  readonly direction: 'worse' | 'better'
  readonly threshold: number
  readonly side: 'greater' | 'less'
  /** Half of the margin, where the claim has one. */
  readonly half?: number
}

/** Whether equal platforms satisfy the claim, so that a failure of theirs is a false one. */
export const holdsWhenEqual = ({ threshold, side }: Alternative): boolean =>
  side === 'greater' ? threshold >= 0 : threshold <= 0

/** A matcher as it is judged: what an interval says of it, and what would contradict it. */
export interface DecisionRule {
  judge(interval: Interval): Outcome
  readonly against: readonly Alternative[]
  /** How much more than nothing the claim allows; undefined for a limit in a unit. */
  readonly margin?: number
}

const isWorse = (threshold: number): Alternative => ({ direction: 'worse', threshold, side: 'greater' })
const isBetter = (threshold: number): Alternative => ({ direction: 'better', threshold, side: 'less' })

/** Non-inferiority: not worse by more than δ. */
export const nonInferiority = (margin: number): DecisionRule => ({
  judge: (interval) => {
    if (interval.high < margin) return holds
    return interval.low > margin ? contradicted('worse') : inconclusive(interval)
  },
  against: [{ ...isWorse(margin), half: margin / 2 }],
  margin,
})

/** Equivalence, as two one-sided tests (Schuirmann 1987). */
export const equivalence = (margin: number): DecisionRule => ({
  judge: (interval) => {
    if (interval.low > -margin && interval.high < margin) return holds
    if (interval.low > margin) return contradicted('worse')
    return interval.high < -margin ? contradicted('better') : inconclusive(interval)
  },
  against: [
    { ...isWorse(margin), half: margin / 2 },
    { ...isBetter(-margin), half: -margin / 2 },
  ],
  margin,
})

/** Better by the factor `by` or more. */
export const superiority = (by: number): DecisionRule => ({
  judge: (interval) => {
    if (interval.high < -Math.log(by)) return holds
    return interval.low > -Math.log(by) ? contradicted('worse') : inconclusive(interval)
  },
  against: [isWorse(-Math.log(by))],
})

/** Worse by the factor `by` or more. */
export const inferiority = (by: number): DecisionRule => ({
  judge: (interval) => {
    if (interval.low > Math.log(by)) return holds
    return interval.high < Math.log(by) ? contradicted('better') : inconclusive(interval)
  },
  against: [isBetter(Math.log(by))],
})

/** Signed differences as the figure that they are differences of, through `back`. */
function estimateOf(interval: Interval, back: (d: number) => number): Estimate {
  const bounds = [back(interval.low), back(interval.high)].sort((a, b) => a - b) as [number, number]
  const open = !bounds.every(Number.isFinite) || !Number.isFinite(interval.low) || !Number.isFinite(interval.high)
  return {
    estimate: back(interval.estimate),
    low: open ? null : bounds[0],
    high: open ? null : bounds[1],
    rounds: interval.n,
  }
}

/** An interval of signed log differences as the ratio, in the metric's own direction. */
export const asRatio = (interval: Interval, metric: Pick<Metric, 'better'>): Estimate =>
  estimateOf(interval, (d) => Math.exp(worseSign(metric) * d))

/** An interval of signed differences from `limit` as the value itself. */
export const asValue = (interval: Interval, metric: Pick<Metric, 'better'>, limit: number): Estimate =>
  estimateOf(interval, (d) => limit + worseSign(metric) * d)

/**
 * How often a verdict may be wrong. What is promised at the margin says little of platforms that are equal: where the noise
 * is great against the margin, equal platforms lie as good as at it. So each promise is a test of its own, and what fails a
 * run has passed them all (an intersection–union test: R. L. Berger, Technometrics 24 (1982) 295–300, by which no further
 * correction is due). docs/statistics.md has what this costs.
 */

/** Of one claim. */
export const perClaimAlpha = {
  /** When the truth lies at the margin, to either side. */
  atMargin: 0.05,
  /** Contradicted though the truth lies at half of the margin. */
  atHalf: 0.005,
} as const

/** Of even one claim of a run that fails it. */
export const familywiseAlpha = {
  /** When the truth of each lies at its margin or within. */
  atMargin: 0.05,
  /** When all platforms are equal. */
  whenEqual: 0.01,
} as const
