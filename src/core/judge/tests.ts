import type { Metric } from '../../dsl/metric.ts'
import type { ScheduledPlan } from '../model/plan.ts'
import type { Estimate } from '../model/verdict.ts'
import {
  alphaShare,
  type InterimData,
  type Interval,
  pValueOverLooks,
  ratioInterval,
  ratioPValue,
  type SequentialPlan,
  signedRankInterval,
  signedRankPValue,
  spendAlpha,
  studentPValue,
} from '../stats/index.ts'
import { type Alternative, asRatio, type DecisionRule, holdsWhenEqual, type Outcome, perClaimAlpha } from './rules.ts'
import { type Difference, type Samples, type Series, worseSign } from './samples.ts'

/** The looks that a series of rounds was given, and what a test of it is worth over all of them. */

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

/** One claim on one series of differences: what the looks decide, and the tests that it must stand among others. */

export interface HypothesisTest {
  /** Of the samples: equal for two claims about the same ones. */
  readonly id: string
  readonly rounds: readonly Difference[]
  /** Rounds that both were visited in, failed ones included. */
  readonly visited: number
  readonly rule: DecisionRule
}

/** What the looks decide. */
export interface LookResult {
  readonly outcome: Outcome
  /** Of the look that decided, as signed differences; of the last one where none did. */
  readonly interval: Interval
}

export interface TestResult extends LookResult {
  readonly tests: readonly Test[]
}

export function runTest({ id, rounds, visited, rule }: HypothesisTest, plan: SequentialPlan | undefined): TestResult {
  const looks = reachedLooks(rounds, visited, plan)
  const tests = rule.against.map((side) => hypothesisTest(id, side, (shift, way) => pValuesOf(looks, shift, way)))
  return { ...decided(rule, looks), tests }
}

/** The first look that decides is the verdict, as it was when the run stopped there; else the last. */
export function decided(rule: DecisionRule, looks: readonly [InterimLook, ...InterimLook[]]): LookResult {
  let told: LookResult | undefined
  for (const [at, look] of looks.entries()) {
    const interval = intervalAt(look)
    told = { interval, outcome: requireHalfMargin(rule, rule.judge(interval), exceeds(looks.slice(0, at + 1))) }
    if (told.outcome.verdict !== 'inconclusive') break
  }
  return told!
}

/**
 * What is beyond the margin is contradicted when it is also, and far more surely, beyond half of it.
 * @param isBeyond whether the centre is beyond a shift, at the rate that is promised there
 */
export function requireHalfMargin(
  { against }: DecisionRule,
  outcome: Outcome,
  exceeds: (shift: number, side: Alternative['side']) => boolean,
): Outcome {
  if (outcome.verdict !== 'contradicted') return outcome
  const side = against.find(({ direction }) => direction === outcome.direction)
  if (side?.half === undefined || exceeds(side.half, side.side)) return outcome
  return { verdict: 'inconclusive', direction: null, reason: 'within-half-margin' }
}

/** Whether one of the looks crossed its bound: what they spend is spent on crossing at all, so that it stays crossed. */
const exceeds = (looks: readonly InterimLook[]) => (shift: number, side: Alternative['side']) =>
  looks.some((look) => pValueAtRate(pValuesOf([{ ...look, share: 1 }], shift, side), look.atHalf) <= look.atHalf)

/** One way to contradict a claim, tested. `id`: of the samples. `p`: of "the centre lies beyond a shift". */
export const hypothesisTest = (
  id: string,
  side: Alternative,
  p: (shift: number, side: Alternative['side']) => PValues,
): Test => ({
  direction: side.direction,
  atMargin: { id: `${id}\0${side.direction}\0${side.threshold}`, p: p(side.threshold, side.side) },
  whenEqual: holdsWhenEqual(side) ? { id: `${id}\0${side.direction}`, p: p(0, side.side) } : undefined,
})

/** What a claim is judged by, and what judging one gives. */

/** Everything that a claim is judged by. */
export interface JudgeInput {
  readonly plan: ScheduledPlan
  readonly samples: Samples
}

export interface ComparisonResult extends Omit<Outcome, 'reason'> {
  readonly reason: string | null
  readonly measured: Estimate | null
  readonly of: string
  /** What would contradict the claim, tested; none where there is no data. */
  readonly tests: readonly Test[]
  /** About how many more rounds would decide it; null where that cannot be told. */
  readonly extraRoundsNeeded: number | null
  /** The interval that was judged, as signed differences, and the margin of the claim. */
  readonly interval: Interval | null
  readonly margin: number | null
  /** Whether it claims that the platform is the worse one. */
  readonly wantsWorse?: boolean
  /** What there is to see where no figure is: that it was stated in words. */
  readonly seen?: string
}

export const notEvaluated = (reason: string): ComparisonResult => ({
  verdict: 'not-evaluated',
  direction: null,
  reason,
  measured: null,
  of: '',
  tests: [],
  extraRoundsNeeded: null,
  interval: null,
  margin: null,
})

/** Two series that were not measured in the same rounds: values of an import. */

/**
 * Judges by the Hodges–Lehmann shift of all pairs, with Mann–Whitney bounds: wider than of pairs of rounds, because what the
 * host did meanwhile does not cancel out. A median of several is not to be had: which values belong together is not known.
 */
export function judgeUnpaired(a: Series, b: Series, metric: Metric, rule: DecisionRule, of: string): ComparisonResult {
  if (new Set([...a.digests, ...b.digests]).size > 1) return notEvaluated('different-work')
  const [own, other] = [[...a.rounds.values()], [...b.rounds.values()]]
  if (own.length === 0 || other.length === 0) return notEvaluated('too-few-rounds')
  if ([...own, ...other].includes(0)) return notEvaluated('zero-value')
  const interval = signed(ratioInterval(own, other), metric)
  const sign = worseSign(metric)
  const p = (shift: number, side: Alternative['side']) => {
    const way = sign === 1 ? side : side === 'greater' ? 'less' : 'greater'
    return ratioPValue(own, other, Math.exp(sign * shift), way)
  }
  const id = ['unpaired', of, ...own, ...other].join('\0')
  return {
    ...requireHalfMargin(rule, rule.judge(interval), (shift, side) => p(shift, side) <= perClaimAlpha.atHalf),
    measured: asRatio(interval, metric),
    of: `${of}, unpaired`,
    interval,
    margin: rule.margin ?? null,
    extraRoundsNeeded: null,
    tests: rule.against.map((side) =>
      hypothesisTest(id, side, (shift, way) => ({ ranks: p(shift, way), student: p(shift, way), smallestPossible: 0 })),
    ),
  }
}

/** A ratio's interval as signed differences of logarithms: above 0 is worse. */
function signed({ estimate, low, high, n }: Interval, metric: Metric): Interval {
  const [least, most] = [Math.log(low), Math.log(high)]
  return worseSign(metric) === 1
    ? { estimate: Math.log(estimate), low: least, high: most, n }
    : { estimate: -Math.log(estimate), low: -most, high: -least, n }
}

/** Many claims of one run that could fail it: Holm's correction of what is contradicted. See docs/statistics.md. */

/** One way in which a claim could fail the run. */
export interface Test {
  readonly direction: 'worse' | 'better'
  readonly atMargin: Hypothesis
  /** That equal platforms would have given this; undefined where equal platforms do contradict the claim. */
  readonly whenEqual: Hypothesis | undefined
}

export interface Hypothesis {
  /** Equal for two claims that ask the same of the same samples. */
  readonly id: string
  readonly p: PValues
}
