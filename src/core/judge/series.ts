import type { Matcher } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { ParamValue } from '../../dsl/workload.ts'
import { hodgesLehmann, median, type SequentialPlan } from '../stats/index.ts'
import { applyHostLoad } from './adjustments.ts'
import { logMargin, minRounds, perClaimAlpha } from './rules.ts'
import { pairedDifferences, type Series, worseSign } from './samples.ts'
import {
  type ComparisonResult,
  notEvaluated,
  type PValues,
  pValueAtRate,
  pValuesOf,
  reachedLooks,
  type Test,
} from './tests.ts'

/** Claims about one platform over a parameter: where it is best, and whether it is flat. docs/statistics.md, "Series". */

export type SeriesMatcher = Extract<Matcher, { readonly over: string }>

/** The metric at one value of the parameter. */
export interface SeriesPoint {
  readonly value: ParamValue
  readonly series: Series
}

/** What a claim rests on: the p-value of what would contradict it, and of what would make it hold. */
interface Tested {
  readonly against: PValues
  readonly inFavour: PValues
  /** Contradicted only where this passes too; see `rates.ts`. */
  readonly atHalf?: PValues
  readonly whenEqual: PValues
  readonly measured: ComparisonResult['measured']
  readonly of: string
}

/** @param id of the samples: equal for two claims about the same ones */
export function judgeSeries(
  matcher: SeriesMatcher,
  points: readonly SeriesPoint[],
  metric: Metric,
  looks: SequentialPlan | undefined,
  id: string,
): ComparisonResult {
  const inside = points.map(({ value }) => isInside(matcher, value))
  if (points.length < 2 || (matcher.kind === 'peaksAt' && new Set(inside).size < 2))
    return notEvaluated('too-few-points')
  if (points.some(({ series }) => series.digests.size > 1)) return notEvaluated('different-work')
  const pairs = pairsOf(points, metric, looks)
  if (typeof pairs === 'string') return notEvaluated(pairs)
  const tested =
    matcher.kind === 'peaksAt'
      ? peak(matcher.over, points, inside, pairs, metric)
      : flat(matcher.over, logMargin(matcher.percent, metric), points, pairs, metric)
  const tests: Test[] = [
    {
      direction: 'worse',
      atMargin: { id: `${id}\0${JSON.stringify(matcher)}`, p: tested.against },
      whenEqual: { id: `${id}\0${JSON.stringify(matcher)}`, p: tested.whenEqual },
    },
  ]
  const judged: ComparisonResult = {
    ...outcomeOf(tested, pairs.fewest),
    measured: tested.measured && { ...tested.measured, rounds: pairs.fewest },
    of: tested.of,
    tests,
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
  }
  return applyHostLoad(
    judged,
    points.map(({ series }) => series),
  )
}

const isInside = (matcher: SeriesMatcher, value: ParamValue): boolean =>
  matcher.kind === 'peaksAt' && Number(value) >= matcher.from && Number(value) <= matcher.to

function outcomeOf(
  { against, inFavour, atHalf }: Tested,
  rounds: number,
): Pick<ComparisonResult, 'verdict' | 'direction' | 'reason'> {
  const doubt = (reason: string) => ({ verdict: 'inconclusive', direction: null, reason }) as const
  const passes = (p: PValues, rate: number) => pValueAtRate(p, rate) <= rate
  if (rounds < minRounds) return doubt('too-few-rounds')
  if (passes(inFavour, perClaimAlpha.atMargin)) return { verdict: 'holds', direction: null, reason: null }
  if (!passes(against, perClaimAlpha.atMargin)) return doubt('interval-crosses-margin')
  if (atHalf && !passes(atHalf, perClaimAlpha.atHalf)) return doubt('within-half-margin')
  return { verdict: 'contradicted', direction: 'worse', reason: null }
}

interface Pairs {
  /** The fewest rounds that two of the points have in common. */
  readonly fewest: number
  /** That point `a` is worse than point `b` by more than `shift` (of logarithms), or (`less`) by less. */
  p(a: number, b: number, shift: number, side: 'greater' | 'less'): PValues
  /** By how much it is (Hodges and Lehmann's estimate). */
  worseBy(a: number, b: number): number
}

function pairsOf(points: readonly SeriesPoint[], metric: Metric, looks: SequentialPlan | undefined): Pairs | string {
  const table: { d: number[]; looks: ReturnType<typeof reachedLooks> }[][] = []
  for (const { series: a } of points) {
    const row: (typeof table)[number] = []
    for (const { series: b } of points) {
      // The parameter is part of the work, so that two points never have one digest.
      const rounds = pairedDifferences({ ...a, digests: new Set() }, { ...b, digests: new Set() }, metric)
      if (!Array.isArray(rounds)) return rounds.reason
      row.push({ d: rounds.map(({ d }) => d), looks: reachedLooks(rounds, Math.min(a.visited, b.visited), looks) })
    }
    table.push(row)
  }
  return {
    fewest: Math.min(...table.flat().map(({ d }) => d.length)),
    p: (a, b, shift, side) => pValuesOf(table[a]![b]!.looks, shift, side),
    worseBy: (a, b) => hodgesLehmann(table[a]![b]!.d),
  }
}

const combined = (all: readonly PValues[], by: (...values: number[]) => number): PValues => ({
  ranks: by(...all.map(({ ranks }) => ranks)),
  smallestPossible: by(...all.map(({ smallestPossible: smallest }) => smallest)),
  student: by(...all.map(({ student }) => student)),
})
/** All of several must be so: an intersection–union test, without a correction. */
const every = (all: readonly PValues[]): PValues => combined(all, Math.max)
/** One of several is so: Bonferroni. */
const some = (all: readonly PValues[]): PValues => {
  const best = combined(all, Math.min)
  return combined([best], (value) => Math.min(1, value! * all.length))
}

/** The points that are not the best one, each because another one beats it; those that are left are where the best may be. */
function peak(
  over: string,
  points: readonly SeriesPoint[],
  inside: readonly boolean[],
  { p }: Pairs,
  metric: Metric,
): Tested {
  const beaten = points.map((_, at) =>
    some(points.flatMap((_, other) => (other === at ? [] : [p(at, other, 0, 'greater')]))),
  )
  const having = (wanted: boolean) => every(beaten.filter((_, at) => inside[at] === wanted))
  const against = having(true)
  const left = points.filter((_, at) => pValueAtRate(beaten[at]!, perClaimAlpha.atMargin) > perClaimAlpha.atMargin)
  const cost = ({ series }: SeriesPoint) => worseSign(metric) * median([...series.rounds.values()])
  const best = points.reduce((one, next) => (cost(next) < cost(one) ? next : one))
  const values = [best, ...left].map(({ value }) => Number(value))
  return {
    against,
    inFavour: having(false),
    whenEqual: against,
    measured: { estimate: Number(best.value), low: Math.min(...values), high: Math.max(...values), rounds: 0 },
    of: over,
  }
}

/** Each point against each other one, both ways. */
function flat(
  over: string,
  margin: number,
  points: readonly SeriesPoint[],
  { p, worseBy }: Pairs,
  metric: Metric,
): Tested {
  const pairs = points.flatMap((_, a) => points.flatMap((_, b) => (a === b ? [] : [[a, b] as const])))
  const beyond = (shift: number) => some(pairs.map(([a, b]) => p(a, b, shift, 'greater')))
  const [worst, best] = pairs.reduce((one, next) => (worseBy(next[0], next[1]) > worseBy(one[0], one[1]) ? next : one))
  const estimate = Math.exp(worseSign(metric) * worseBy(worst, best))
  return {
    against: beyond(margin),
    inFavour: every(pairs.map(([a, b]) => p(a, b, margin, 'less'))),
    atHalf: beyond(margin / 2),
    whenEqual: beyond(0),
    measured: { estimate, low: null, high: null, rounds: 0 },
    of: `× ${over}=${points[best]!.value}, at ${over}=${points[worst]!.value}`,
  }
}
