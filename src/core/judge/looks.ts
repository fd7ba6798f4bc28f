/** The looks that a series of rounds was given, and what a test of it is worth over all of them. */
import {
  alphaShare,
  type InterimData,
  type Interval,
  pValueOverLooks,
  type SequentialPlan,
  signedRankInterval,
  signedRankPValue,
  spendAlpha,
  studentPValue,
} from '../stats/index.ts'
import { perClaimAlpha } from './rates.ts'
import type { Difference } from './samples.ts'

/** The data of a look. */
export interface InterimLook extends InterimData {
  /** The rate of each bound of its interval. */
  readonly alpha: number
  /** The rate at which it may be contradicted though the truth lies at half of the margin. */
  readonly atHalf: number
}

/** The looks that were reached, at least one. Without a plan, or with a single look: one, of all there is. */
export function reachedLooks(
  rounds: readonly Difference[],
  visited: number,
  plan: SequentialPlan | undefined,
): [InterimLook, ...InterimLook[]] {
  const all = rounds.map(({ d }) => d)
  if (!plan || plan.looks.length === 1)
    return [{ d: all, share: 1, alpha: perClaimAlpha.atMargin, atHalf: perClaimAlpha.atHalf }]
  const halves = spendAlpha(plan.looks, perClaimAlpha.atHalf)
  const look = (index: number, d: readonly number[]): InterimLook => ({
    d,
    share: alphaShare(plan, index),
    alpha: plan.alphas[index]!,
    atHalf: halves[index]!,
  })
  const [first, ...rest] = plan.looks.flatMap((count, index) => {
    const d = rounds.filter(({ round }) => round < count).map((one) => one.d)
    return count <= visited && d.length > 0 ? [look(index, d)] : []
  })
  return first ? [first, ...rest] : [look(0, all)]
}

export const intervalAt = ({ d, alpha }: InterimLook): Interval => signedRankInterval(d, { alpha })

/** What is known of "the centre lies beyond a shift". */
export interface PValues {
  /** By ranks: promises its error rate whatever the noise. */
  readonly ranks: number
  /** The smallest that ranks of so many rounds can give. */
  readonly smallestPossible: number
  /** By Student's t on the differences: for when ranks cannot be small enough. */
  readonly student: number
}

/** The same over all looks that were reached. */
export const pValuesOf = (looks: readonly InterimLook[], shift: number, side: 'greater' | 'less'): PValues => ({
  ranks: pValueOverLooks(looks, (d) => signedRankPValue(d, shift, side)),
  smallestPossible: pValueOverLooks(looks, (d) => 2 ** -d.length),
  student: pValueOverLooks(looks, (d) => studentPValue(d, shift, side)),
})

/**
 * The p-value to hold against `rate` among `size` tests: by ranks where the rounds are enough for ranks to reach it; where
 * they are not, by Student's t on the logarithms, or five rounds could never fail a run that has two claims. Which of the
 * two depends on counts alone, never on the figures.
 */
export const pValueAtRate = ({ ranks, smallestPossible, student }: PValues, rate: number, size = 1): number =>
  smallestPossible * size <= rate ? ranks : student

/**
 * About how many more rounds it takes until the interval is clear of the nearest threshold, as its width shrinks with the
 * root of their number; null where the estimate lies so near that rounds do not settle it.
 */
export function moreRounds({ estimate, low, high, n }: Interval, thresholds: readonly number[]): number | null {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return null
  const needs = thresholds.map((threshold) => {
    const half = estimate < threshold ? high - estimate : estimate - low
    const away = Math.abs(estimate - threshold)
    return away === 0 ? Infinity : Math.ceil(n * (half / away) ** 2) - n
  })
  const most = Math.max(1, ...needs)
  return most <= 10_000 ? most : null
}
