import type { Metric } from '../../dsl/metric.ts'
import type { ScheduledPlan } from '../model/plan.ts'
import type { ClaimVerdict, Estimate, Reason } from '../model/verdict.ts'
import {
  alphaShare,
  type InterimData,
  type Interval,
  moderatedPValue,
  pValueOverLooks,
  ratioInterval,
  ratioPValue,
  type SequentialPlan,
  signedRankInterval,
  signedRankPValue,
  spendAlpha,
  type VariancePrior,
} from '../stats/index.ts'
import type { ComparableCases, PriorOf } from './comparable-cases.ts'
import {
  type Alternative,
  asRatio,
  type Decision,
  type DecisionRule,
  holdsWhenEqual,
  judgeEquality,
  perClaimAlpha,
  tooFewRounds,
  type ValueInterval,
} from './rules.ts'
import {
  type Difference,
  isCollapse,
  logOrCollapsed,
  pairedDifferences,
  type Samples,
  type Series,
  worseSign,
} from './samples.ts'

/** The interim looks at a series of rounds, and the tests of one claim over all of them. */

/** The data of one look. */
export interface InterimLook extends InterimData {
  /** The error rate of each bound of its interval. */
  readonly alpha: number
  /** The error rate of the test at half of the margin. */
  readonly atHalf: number
  /** What comparable cases say about the variance at this look. */
  readonly prior: VariancePrior | undefined
}

/** The looks that were reached, at least one. Without a plan, or with a single look: one, at all rounds. */
export function reachedLooks(
  rounds: readonly Difference[],
  visited: number,
  plan: SequentialPlan | undefined,
  prior: PriorOf = () => undefined,
): [InterimLook, ...InterimLook[]] {
  const all = rounds.map(({ d }) => d)
  if (!plan || plan.looks.length === 1) {
    const { atMargin: alpha, atHalf } = perClaimAlpha
    return [{ d: all, share: 1, alpha, atHalf, prior: prior(Infinity) }]
  }
  const halves = spendAlpha(plan.looks, perClaimAlpha.atHalf)
  const look = (index: number, d: readonly number[]): InterimLook => ({
    d,
    share: alphaShare(plan, index),
    alpha: plan.alphas[index]!,
    atHalf: halves[index]!,
    prior: prior(plan.looks[index]!),
  })
  const [first, ...rest] = plan.looks.flatMap((count, index) => {
    const d = rounds.filter(({ round }) => round < count).map((one) => one.d)
    return count <= visited && d.length > 0 ? [look(index, d)] : []
  })
  return first ? [first, ...rest] : [look(0, all)]
}

export const intervalAt = ({ d, alpha }: InterimLook): Interval => signedRankInterval(d, { alpha })

/** The p-values of "the center lies beyond a shift". */
export interface PValues {
  /** By ranks: keeps its error rate for every distribution of the noise. */
  readonly ranks: number
  /** The smallest p-value that ranks of so many rounds can give. */
  readonly smallestPossible: number
  /** By the moderated t on the differences, for when ranks cannot be small enough. */
  readonly moderated: number
}

/** The p-values over all looks that were reached. */
export const pValuesOf = (looks: readonly InterimLook[], shift: number, side: 'greater' | 'less'): PValues => ({
  ranks: pValueOverLooks(looks, ({ d }) => signedRankPValue(d, shift, side)),
  smallestPossible: pValueOverLooks(looks, ({ d }) => 2 ** -d.length),
  moderated: pValueOverLooks(looks, ({ d, prior }) => moderatedPValue(d, shift, side, prior)),
})

/**
 * The p-value to compare with `rate` among `size` tests: by ranks if there are enough rounds for ranks to reach `rate`.
 * Otherwise by the moderated t, or five rounds could never fail a run that has two claims. The choice depends on counts
 * only, never on the values.
 */
export const pValueAtRate = ({ ranks, smallestPossible, moderated }: PValues, rate: number, size = 1): number =>
  smallestPossible * size <= rate ? ranks : moderated

/** More additional rounds than this are no advice: the platform lies at the threshold, or the host is too noisy. */
export const mostExtraRounds = 200

/**
 * About how many more rounds it takes until the interval excludes the nearest threshold: its width shrinks with the
 * root of the number of rounds. null if the interval has no bounds yet.
 */
export function extraRoundsNeeded(
  { estimate, low, high, n }: Interval,
  thresholds: readonly number[],
): ClaimVerdict['extraRoundsNeeded'] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return null
  const needs = thresholds.map((threshold) => {
    const half = estimate < threshold ? high - estimate : estimate - low
    const away = Math.abs(estimate - threshold)
    return away === 0 ? Infinity : Math.ceil(n * (half / away) ** 2) - n
  })
  const most = Math.max(1, ...needs)
  return most <= mostExtraRounds ? most : 'too-many'
}

export interface HypothesisTest {
  /** Identifies the samples: equal for two claims about the same ones. */
  readonly id: string
  readonly rounds: readonly Difference[]
  /** Rounds in which both were measured, failed ones included. */
  readonly visited: number
  readonly rule: DecisionRule
  readonly prior: PriorOf
}

/** The decision of the looks. */
export interface LookResult {
  readonly decision: Decision
  /** Signed differences at the look that decided, or at the last one. */
  readonly interval: Interval
}

export interface TestResult extends LookResult {
  readonly tests: readonly Test[]
}

export function runTest(
  { id, rounds, visited, rule, prior }: HypothesisTest,
  plan: SequentialPlan | undefined,
): TestResult {
  const looks = reachedLooks(rounds, visited, plan, prior)
  const tests = rule.against.map((side) => hypothesisTest(id, side, (shift, way) => pValuesOf(looks, shift, way)))
  return { ...decideAtLooks(rule, looks), tests }
}

/** The decision of the first look that decides, where the run stopped; otherwise of the last look. */
export function decideAtLooks(rule: DecisionRule, looks: readonly [InterimLook, ...InterimLook[]]): LookResult {
  let result: LookResult | undefined
  for (const [at, look] of looks.entries()) {
    const interval = intervalAt(look)
    const judged = judgeEquality(rule, rule.judge(interval), interval, look.d)
    result = { interval, decision: requireHalfMargin(rule, judged, exceeds(looks.slice(0, at + 1))) }
    if (result.decision.outcome !== 'inconclusive') break
  }
  return result!
}

/**
 * A claim is contradicted only if the interval excludes the margin and a stricter test excludes half the margin.
 * @param exceeds whether the center is beyond a shift, at the error rate of half the margin
 */
export function requireHalfMargin(
  { against }: DecisionRule,
  decision: Decision,
  exceeds: (shift: number, side: Alternative['side']) => boolean,
): Decision {
  if (decision.outcome !== 'contradicted') return decision
  const side = against.find(({ direction }) => direction === decision.direction)
  if (side?.half === undefined || exceeds(side.half, side.side)) return decision
  return { outcome: 'inconclusive', direction: null, reason: { code: 'within-half-margin' } }
}

/** Whether one of the looks crossed its bound. The looks spend alpha on crossing at all, so a crossing is final. */
const exceeds = (looks: readonly InterimLook[]) => (shift: number, side: Alternative['side']) =>
  looks.some((look) => pValueAtRate(pValuesOf([{ ...look, share: 1 }], shift, side), look.atHalf) <= look.atHalf)

/** Tests one way to contradict a claim. `id` identifies the samples; `p`: of "the center lies beyond a shift". */
export const hypothesisTest = (
  id: string,
  side: Alternative,
  p: (shift: number, side: Alternative['side']) => PValues,
): Test => ({
  direction: side.direction,
  atMargin: { id: `${id}\0${side.direction}\0${side.threshold}`, p: p(side.threshold, side.side) },
  whenEqual: holdsWhenEqual(side) ? { id: `${id}\0${side.direction}`, p: p(0, side.side) } : undefined,
})

/** What was planned and measured. */
export interface Measured {
  readonly plan: ScheduledPlan
  readonly samples: Samples
}

/** Everything that judging a claim needs. */
export interface JudgeInput extends Measured {
  readonly comparable: ComparableCases
  /** Ids of the plan's cases. */
  readonly caseIds: ReadonlySet<string>
}

export interface ComparisonResult extends Decision {
  readonly estimate: Estimate | null
  /** The tests of everything that would contradict the claim; none without data. */
  readonly tests: readonly Test[]
  /** About how many more rounds would decide it; null if unknown. */
  readonly extraRoundsNeeded: ClaimVerdict['extraRoundsNeeded']
  /** The interval that was judged, as signed differences, and the margin of the claim. */
  readonly interval: Interval | null
  readonly margin: number | null
  /** Whether the claim is that the platform is worse. */
  readonly wantsWorse?: boolean
  /** Whether the decision rests on what a source states, not on samples. */
  readonly published?: boolean
}

export const notEvaluated = (reason: Reason): ComparisonResult => ({
  outcome: 'not-evaluated',
  direction: null,
  reason,
  estimate: null,
  tests: [],
  extraRoundsNeeded: null,
  interval: null,
  margin: null,
})

/**
 * Judges two series that were not measured in the same rounds, such as imported values: by the Hodges-Lehmann shift of
 * all pairs, with Mann-Whitney bounds. They are wider than those of paired rounds, because the host's drift does not
 * cancel out.
 * @param reference identifies the reference in the tests
 */
export function judgeUnpaired(
  a: Series,
  b: Series,
  metric: Metric,
  rule: DecisionRule,
  reference: string,
  estimate: (interval: ValueInterval) => Estimate,
): ComparisonResult {
  if (new Set([...a.digests, ...b.digests]).size > 1) return notEvaluated({ code: 'different-work' })
  const [own, other] = [[...a.rounds.values()], [...b.rounds.values()]]
  if (own.length === 0 || other.length === 0) return notEvaluated(tooFewRounds)
  const ratios = unpairedRatios(a, b, metric)
  if (!ratios) return notEvaluated({ code: 'zero-value' })
  const interval = signed(ratioInterval(...ratios), metric)
  const sign = worseSign(metric)
  const p = (shift: number, side: Alternative['side']) => {
    const way = sign === 1 ? side : side === 'greater' ? 'less' : 'greater'
    return ratioPValue(...ratios, Math.exp(sign * shift), way)
  }
  const id = ['unpaired', reference, ...own, ...other].join('\0')
  const judged = judgeEquality(rule, rule.judge(interval), interval, [])
  return {
    ...requireHalfMargin(rule, judged, (shift, side) => p(shift, side) <= perClaimAlpha.atHalf),
    estimate: estimate(asRatio(interval, metric)),
    interval,
    margin: rule.margin ?? null,
    extraRoundsNeeded: null,
    tests: rule.against.map((side) =>
      hypothesisTest(id, side, (shift, way) => ({
        ranks: p(shift, way),
        // Ranks alone: rounds that do not pair have no variance in common with those that do.
        moderated: 1,
        smallestPossible: 0,
      })),
    ),
  }
}

/**
 * The values of two series that were not measured in the same rounds. A 0 that can be compared counts as the smallest
 * positive value. Undefined if another value is 0.
 */
function unpairedRatios(a: Series, b: Series, metric: Metric): [number[], number[]] | undefined {
  const [own, other] = [[...a.rounds.values()], [...b.rounds.values()]]
  if (other.includes(0) || (own.includes(0) && !isCollapse(metric))) return undefined
  return [own.map((value) => Math.exp(logOrCollapsed(value))), other]
}

/** The signed log differences of two series at the last look, paired if they can be; undefined if not comparable. */
export function intervalBetween(
  a: Series,
  b: Series,
  metric: Metric,
  looks: SequentialPlan | undefined,
): Interval | undefined {
  if (a.unpaired || b.unpaired) {
    const isComparable = a.rounds.size > 0 && b.rounds.size > 0 && new Set([...a.digests, ...b.digests]).size <= 1
    const ratios = isComparable ? unpairedRatios(a, b, metric) : undefined
    return ratios && signed(ratioInterval(...ratios), metric)
  }
  const rounds = pairedDifferences(a, b, metric)
  return Array.isArray(rounds)
    ? intervalAt(reachedLooks(rounds, Math.min(a.visited, b.visited), looks).at(-1)!)
    : undefined
}

/** A ratio's interval as signed differences of logarithms: a positive one is worse. */
function signed({ estimate, low, high, n }: Interval, metric: Metric): Interval {
  const [least, most] = [Math.log(low), Math.log(high)]
  return worseSign(metric) === 1
    ? { estimate: Math.log(estimate), low: least, high: most, n }
    : { estimate: -Math.log(estimate), low: -most, high: -least, n }
}

/** One way in which a claim could fail the run, for Holm's correction over all claims of the run. */
export interface Test {
  readonly direction: 'worse' | 'better'
  readonly atMargin: Hypothesis
  /** That equal platforms gave this result; undefined if equal platforms contradict the claim. */
  readonly whenEqual: Hypothesis | undefined
}

export interface Hypothesis {
  /** Equal for two claims that ask the same about the same samples. */
  readonly id: string
  readonly p: PValues
}
