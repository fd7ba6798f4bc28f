/** The looks that a series of rounds was given, and what a test of it is worth over all of them. */
import {
  type Interval,
  intervalAtLook,
  type LookPlan,
  pValueAtLook,
  signedRankPValue,
  studentPValue,
} from '../stats/index.ts'
import { intervalOf } from './compare.ts'
import type { Difference } from './samples.ts'

/** Whether the centre of the differences is beyond a threshold: what contradicts a claim. */
export interface Side {
  readonly direction: 'worse' | 'better'
  readonly threshold: number
  readonly side: 'greater' | 'less'
}

/** The intervals at the looks that were reached, at least one. Without a plan, or with a single look: of all there is. */
export function intervalsAt(rounds: readonly Difference[], visited: number, plan: LookPlan | undefined): Interval[] {
  const all = rounds.map(({ d }) => d)
  if (!plan || plan.looks.length === 1) return [intervalOf(all)]
  const reached = plan.looks.flatMap((look, index) => {
    const d = rounds.filter(({ round }) => round < look).map((one) => one.d)
    return look <= visited && d.length > 0 ? [intervalAtLook(d, plan, index)] : []
  })
  return reached.length > 0 ? reached : [intervalAtLook(all, plan, 0)]
}

/** A one-sided test over all looks that were reached. */
export interface Test extends Side {
  /** Equal for two claims that test the same thing of the same samples. */
  readonly id: string
  /** By ranks: promises its error rate whatever the noise. */
  readonly ranks: number
  /** The smallest that ranks of so many rounds can give. */
  readonly smallest: number
  /** By Student's t on the differences: for when ranks cannot be small enough. */
  readonly student: number
}

export function testOf(
  id: string,
  side: Side,
  rounds: readonly Difference[],
  visited: number,
  plan: LookPlan | undefined,
): Test {
  const d = rounds.map((one) => one.d)
  const given = { ...side, id }
  const index = plan && plan.looks.length > 1 ? plan.looks.findLastIndex((look) => look <= visited) : -1
  if (!plan || index < 0) {
    return {
      ...given,
      ranks: signedRankPValue(d, side.threshold, side.side),
      smallest: 2 ** -d.length,
      student: studentPValue(d, side.threshold, side.side),
    }
  }
  // The same union bound as pValueAtLook's: each look may spend its share of the rounds.
  const last = plan.looks.at(-1)!
  const spread = (p: (upTo: readonly number[]) => number) =>
    Math.min(
      1,
      ...plan.looks.slice(0, index + 1).map((look, k) => {
        const share = (look - (plan.looks[k - 1] ?? 0)) / last
        return p(d.slice(0, look)) / share
      }),
    )
  return {
    ...given,
    ranks: pValueAtLook(d, side.threshold, plan, index, side.side),
    smallest: spread((upTo) => 2 ** -upTo.length),
    student: spread((upTo) => studentPValue(upTo, side.threshold, side.side)),
  }
}

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
