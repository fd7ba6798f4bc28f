import type { Matcher } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { ParamValue } from '../../dsl/workload.ts'
import type { Estimate, Reason } from '../model/verdict.ts'
import { beyond, hodgesLehmann, median, type SequentialPlan } from '../stats/index.ts'
import { applyDependence, applyHostLoad } from './adjustments.ts'
import type { JointDependence, PriorOf } from './comparable-cases.ts'
import { type Decision, logMargin, minRounds, ofLogs, perClaimAlpha, tooFewRounds } from './rules.ts'
import {
  type Difference,
  lacksValues,
  type NotComparable,
  pairedDifferences,
  type Series,
  worseSign,
} from './samples.ts'
import {
  type ComparisonResult,
  notEvaluated,
  type PValues,
  pValueAtRate,
  pValuesOf,
  reachedLooks,
  type Test,
} from './tests.ts'

/**
 * Claims over a parameter: where a platform is best, whether it is constant, and whether its peak is as good as that of
 * another platform.
 */

export type SeriesMatcher = Extract<Matcher, { readonly kind: 'peaksAt' | 'constant' }>
export type PeakMatcher = Extract<Matcher, { readonly kind: 'peakWithin' }>

/** The metric at one value of the parameter. */
export interface SeriesPoint {
  readonly value: ParamValue
  readonly series: Series
}

/** The p-values of what would contradict a claim and of what would make it hold. */
interface Tested {
  readonly against: PValues
  readonly inFavor: PValues
  /** The claim is contradicted only if this test passes too; see `perClaimAlpha`. */
  readonly atHalf?: PValues
  /** Absent if equality of the points contradicts the claim too. */
  readonly whenEqual?: PValues
  /** Whether the points that decide the claim differ by exactly its margin in every round. */
  readonly equalsMargin: boolean
  readonly estimate: Estimate
}

/** How a series is tested. */
export interface SeriesContext {
  readonly looks: SequentialPlan | undefined
  /** What comparable cases say about the variance of two points, by their places. */
  priorOf(a: number, b: number): PriorOf
  /** Whether these rounds of all comparable cases depend on each other. */
  dependenceOf(rounds: readonly number[]): JointDependence | undefined
  /** Identifies the samples: equal for two claims about the same ones. */
  readonly id: string
}

/** @param name the platform */
export function judgeSeries(
  matcher: SeriesMatcher,
  name: string,
  points: readonly SeriesPoint[],
  metric: Metric,
  { looks, priorOf, dependenceOf, id }: SeriesContext,
): ComparisonResult {
  const inside = points.map(({ value }) => isInside(matcher, value))
  if (points.length < 2 || (matcher.kind === 'peaksAt' && new Set(inside).size < 2))
    return notEvaluated({ code: 'too-few-points' })
  if (points.some(({ series }) => series.digests.size > 1)) return notEvaluated({ code: 'different-work' })
  const pairs = pairsOf(points, metric, looks, priorOf)
  if ('why' in pairs) return notEvaluated(whyNot(pairs, matcher.over, [{ platform: name, points }]))
  const tested =
    matcher.kind === 'peaksAt'
      ? peak(matcher.over, points, inside, pairs, metric)
      : constant(matcher.over, logMargin(matcher.percent, metric), points, pairs, metric)
  const tests: Test[] = [
    {
      direction: 'worse',
      atMargin: { id: `${id}\0${JSON.stringify(matcher)}`, p: tested.against },
      whenEqual: tested.whenEqual && { id: `${id}\0${JSON.stringify(matcher)}`, p: tested.whenEqual },
    },
  ]
  const judged: ComparisonResult = {
    ...decisionOf(tested, pairs.fewest),
    estimate: { ...tested.estimate, rounds: pairs.fewest },
    tests,
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
  }
  const isFlat = matcher.kind === 'constant'
  const margin = isFlat ? logMargin(matcher.percent, metric) : 0
  const drifted = applyDependence(judged, pairs.differences, isFlat ? [margin, -margin] : [0], ofLogs, dependenceOf)
  return applyHostLoad(
    drifted,
    points.map(({ series }) => series),
    isFlat,
  )
}

/**
 * The peak of one platform against the peak of another.
 *
 * The maxima of the rounds are not compared, because the maximum of noisy values is biased upwards. Instead, every
 * value of the reference must be reached by one of the platform's values, whichever that is.
 * @param name the platform
 * @param reference the reference, by the same values of the parameter
 */
export function judgePeaks(
  matcher: PeakMatcher,
  name: string,
  points: readonly SeriesPoint[],
  reference: readonly SeriesPoint[],
  metric: Metric,
  { looks, priorOf, dependenceOf, id }: SeriesContext,
): ComparisonResult {
  if (points.length < 2) return notEvaluated({ code: 'too-few-points' })
  const isSameWork = points.every(
    ({ series }, at) => new Set([...series.digests, ...reference[at]!.series.digests]).size <= 1,
  )
  if (!isSameWork) return notEvaluated({ code: 'different-work' })
  const all = [...points, ...reference]
  const pairs = pairsOf(all, metric, looks, priorOf)
  if ('why' in pairs) {
    const sides = [
      { platform: name, points },
      { platform: matcher.platform, points: reference },
    ]
    return notEvaluated(whyNot(pairs, matcher.over, sides))
  }
  const tested = peaks(matcher, name, all, pairs, metric)
  const test = `${id}\0${JSON.stringify(matcher)}`
  const judged: ComparisonResult = {
    ...decisionOf(tested, pairs.fewest),
    estimate: { ...tested.estimate, rounds: pairs.fewest },
    tests: [
      {
        direction: 'worse',
        atMargin: { id: test, p: tested.against },
        whenEqual: tested.whenEqual && { id: test, p: tested.whenEqual },
      },
    ],
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
  }
  const between = points.flatMap((_, a) => reference.map((_, b) => pairs.differencesOf(a, points.length + b)))
  return applyHostLoad(
    applyDependence(judged, between, [logMargin(matcher.percent, metric)], ofLogs, dependenceOf),
    all.map(({ series }) => series),
    true,
  )
}

const isInside = (matcher: SeriesMatcher, value: ParamValue): boolean =>
  matcher.kind === 'peaksAt' && Number(value) >= matcher.from && Number(value) <= matcher.to

/** The points of one platform. */
export interface PlatformPoints {
  readonly platform: string
  readonly points: readonly SeriesPoint[]
}

/**
 * Why the points of one or more platforms cannot be compared, and at which values of the parameter.
 * @param over the parameter
 */
export function whyNot({ why }: NotComparable, over: string, all: readonly PlatformPoints[]): Reason {
  if (why === 'different-work' || why === 'zero-value') return { code: why }
  const known = new Set(all.flatMap(({ points }) => points.map(({ value }) => value)))
  const where = (isMeant: (series: Series) => boolean) => {
    const meant = all.flatMap(({ platform, points }) =>
      points.flatMap(({ value, series }) => (isMeant(series) ? [{ platform, value }] : [])),
    )
    const values = [...new Set(meant.map(({ value }) => value))]
    const at = values.length > 0 && values.length < known.size ? { at: { parameter: over, values } } : {}
    return { platforms: [...new Set(meant.map(({ platform }) => platform))], ...at }
  }
  const causes = [
    { code: 'workload-unsupported', ...where(({ unsupported }) => unsupported === true) },
    { code: 'sample-errors', ...where(({ rounds, errors }) => rounds.size === 0 && errors.length > 0) },
    { code: 'not-observed', ...where(lacksValues) },
  ] as const
  const cause = causes.find(({ platforms }) => platforms.length > 0)
  if (cause) return cause
  if (why === 'sample-errors') return { code: why, ...where(({ errors }) => errors.length > 0) }
  const { at } = where(({ rounds }) => rounds.size === 0)
  return { ...tooFewRounds, ...(at && { at }) }
}

function decisionOf({ against, inFavor, atHalf, equalsMargin }: Tested, rounds: number): Decision {
  const doubt = (reason: Reason): Decision => ({ outcome: 'inconclusive', direction: null, reason })
  const passes = (p: PValues, rate: number) => pValueAtRate(p, rate) <= rate
  if (rounds < minRounds) return doubt(tooFewRounds)
  if (passes(inFavor, perClaimAlpha.atMargin)) return { outcome: 'holds', direction: null, reason: null }
  if (!passes(against, perClaimAlpha.atMargin))
    return doubt({ code: equalsMargin ? 'equals-margin' : 'interval-crosses-margin' })
  if (atHalf && !passes(atHalf, perClaimAlpha.atHalf)) return doubt({ code: 'within-half-margin' })
  return { outcome: 'contradicted', direction: 'worse', reason: null }
}

interface Pairs {
  /** The differences of each two points, once. */
  readonly differences: readonly (readonly Difference[])[]
  /** The differences of point `a` from point `b`. */
  differencesOf(a: number, b: number): readonly Difference[]
  /** The fewest rounds that two of the points have in common. */
  readonly fewest: number
  /** That point `a` is worse than point `b` by more than `shift` (of logarithms), or (`less`) by less. */
  p(a: number, b: number, shift: number, side: 'greater' | 'less'): PValues
  /** By how much it is worse (Hodges and Lehmann's estimate). */
  worseBy(a: number, b: number): number
  /** Whether it is worse by exactly `shift` in every round. */
  isWorseBy(a: number, b: number, shift: number): boolean
}

function pairsOf(
  points: readonly SeriesPoint[],
  metric: Metric,
  looks: SequentialPlan | undefined,
  priorOf: SeriesContext['priorOf'],
): Pairs | NotComparable {
  const table: { rounds: Difference[]; looks: ReturnType<typeof reachedLooks> }[][] = []
  for (const [at, { series: a }] of points.entries()) {
    const row: (typeof table)[number] = []
    for (const [other, { series: b }] of points.entries()) {
      // The parameter is part of the work, so two points never have the same digest.
      const rounds = pairedDifferences({ ...a, digests: new Set() }, { ...b, digests: new Set() }, metric)
      if (!Array.isArray(rounds)) return rounds
      const reached = reachedLooks(rounds, Math.min(a.visited, b.visited), looks, priorOf(at, other))
      row.push({ rounds, looks: reached })
    }
    table.push(row)
  }
  return {
    differences: table.flatMap((row, a) => row.slice(a + 1).map(({ rounds }) => rounds)),
    differencesOf: (a, b) => table[a]![b]!.rounds,
    fewest: Math.min(...table.flat().map(({ rounds }) => rounds.length)),
    p: (a, b, shift, side) => pValuesOf(table[a]![b]!.looks, shift, side),
    worseBy: (a, b) => hodgesLehmann(table[a]![b]!.rounds.map(({ d }) => d)),
    isWorseBy: (a, b, shift) => table[a]![b]!.rounds.every(({ d }) => !beyond(d, shift) && !beyond(shift, d)),
  }
}

const combined = (all: readonly PValues[], by: (...values: number[]) => number): PValues => ({
  ranks: by(...all.map(({ ranks }) => ranks)),
  smallestPossible: by(...all.map(({ smallestPossible: smallest }) => smallest)),
  moderated: by(...all.map(({ moderated }) => moderated)),
})
/** All of several must be true: an intersection-union test, without a correction. */
const every = (all: readonly PValues[]): PValues => combined(all, Math.max)
/** One of several is true: Bonferroni. */
const some = (all: readonly PValues[]): PValues => {
  const best = combined(all, Math.min)
  return combined([best], (value) => Math.min(1, value! * all.length))
}

/** Which points are beaten by another one; the best may be any of those that are left. */
function peak(
  over: string,
  points: readonly SeriesPoint[],
  inside: readonly boolean[],
  { p, isWorseBy }: Pairs,
  metric: Metric,
): Tested {
  const beaten = points.map((_, at) =>
    some(points.flatMap((_, other) => (other === at ? [] : [p(at, other, 0, 'greater')]))),
  )
  const beatenSide = (wanted: boolean) => every(beaten.filter((_, at) => inside[at] === wanted))
  const against = beatenSide(true)
  const left = points.filter((_, at) => pValueAtRate(beaten[at]!, perClaimAlpha.atMargin) > perClaimAlpha.atMargin)
  const cost = ({ series }: SeriesPoint) => worseSign(metric) * median([...series.rounds.values()])
  const best = points.reduce((one, next) => (cost(next) < cost(one) ? next : one))
  const bestAt = points.indexOf(best)
  const values = [best, ...left].map(({ value }) => Number(value))
  return {
    against,
    inFavor: beatenSide(false),
    equalsMargin: points.some((_, at) => inside[at] !== inside[bestAt] && isWorseBy(at, bestAt, 0)),
    estimate: {
      kind: 'argmax',
      value: Number(best.value),
      low: Math.min(...values),
      high: Math.max(...values),
      rounds: 0,
      parameter: over,
    },
  }
}

/**
 * Whether each point of the reference, the second half of `all`, is reached by a point of the platform, the first half.
 */
function peaks(
  { percent, platform: reference }: PeakMatcher,
  platform: string,
  all: readonly SeriesPoint[],
  { p, worseBy, isWorseBy }: Pairs,
  metric: Metric,
): Tested {
  const own = all.slice(0, all.length / 2).map((_, at) => at)
  const theirs = own.map((at) => own.length + at)
  /** One of the reference's points is out of reach of all own points. */
  const beyondBy = (shift: number) => some(theirs.map((b) => every(own.map((a) => p(a, b, shift, 'greater')))))
  const margin = logMargin(percent, metric)
  const cost = (at: number) => worseSign(metric) * median([...all[at]!.series.rounds.values()])
  const best = (points: readonly number[]) => points.reduce((one, next) => (cost(next) < cost(one) ? next : one))
  return {
    against: beyondBy(margin),
    inFavor: every(theirs.map((b) => some(own.map((a) => p(a, b, margin, 'less'))))),
    atHalf: beyondBy(margin / 2),
    whenEqual: beyondBy(0),
    equalsMargin: isWorseBy(best(own), best(theirs), margin),
    estimate: {
      kind: 'ratio',
      value: Math.exp(worseSign(metric) * worseBy(best(own), best(theirs))),
      low: null,
      high: null,
      rounds: 0,
      platform,
      to: { platform: reference },
      paired: true,
    },
  }
}

/** Every point against every other one, both ways. */
function constant(
  over: string,
  margin: number,
  points: readonly SeriesPoint[],
  { p, worseBy, isWorseBy }: Pairs,
  metric: Metric,
): Tested {
  const pairs = points.flatMap((_, a) => points.flatMap((_, b) => (a === b ? [] : [[a, b] as const])))
  const beyondBy = (shift: number) => some(pairs.map(([a, b]) => p(a, b, shift, 'greater')))
  const [worst, best] = pairs.reduce((one, next) => (worseBy(next[0], next[1]) > worseBy(one[0], one[1]) ? next : one))
  const value = Math.exp(worseSign(metric) * worseBy(worst, best))
  return {
    against: beyondBy(margin),
    inFavor: every(pairs.map(([a, b]) => p(a, b, margin, 'less'))),
    atHalf: beyondBy(margin / 2),
    whenEqual: beyondBy(0),
    equalsMargin: isWorseBy(worst, best, margin),
    estimate: {
      kind: 'spread',
      value,
      low: null,
      high: null,
      rounds: 0,
      parameter: over,
      best: points[best]!.value,
      worst: points[worst]!.value,
    },
  }
}
