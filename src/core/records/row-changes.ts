import type { Metric } from '../../dsl/metric.ts'
import { groupBy } from '../../util/group-by.ts'
import { type Difference, hasCollapsed } from '../judge/samples.ts'
import { type PValues, pValueAtRate } from '../judge/tests.ts'
import type { BenchInfo } from '../model/claim.ts'
import type { BenchCase } from '../model/plan.ts'
import {
  benjaminiHochberg,
  beyond,
  type Dependence,
  median,
  moderatedShiftPValue,
  PlatformNoise,
  pooledVariance,
  poolVariances,
  ratioPValue,
  testDependence,
  testJointDependence,
  type VariancePrior,
} from '../stats/index.ts'

/** What changed in one metric of one result between two runs. */

export type Change = 'regressed' | 'improved' | 'same' | 'unclear' | 'lost'

/** One of the two runs. */
export type WhichRun = 'baseline' | 'current'

/** Why a row is unclear or lost. */
export type RowReason =
  | { readonly code: 'platform-unavailable' | 'sample-errors' | 'zero-value' | 'different-work' }
  | { readonly code: 'different-metric'; readonly baseline: Metric; readonly current: Metric }
  | { readonly code: 'not-measured' | 'host-overloaded'; readonly run: WhichRun }
  | {
      readonly code: 'dependent-rounds'
      readonly run: WhichRun
      /** Of neighboring rounds, -1 to 1. */
      readonly correlation: number
      /** Number of rows that show it together; 1: the row alone. */
      readonly comparisons: number
    }

/** One metric of one result in both runs. */
export interface Row {
  readonly bench: BenchInfo
  readonly case: string
  readonly params: BenchCase['params']
  readonly metric: string
  readonly platform: string
  /**
   * What the ratio is of: the ratios to native of each run, which leave the host's speed out, or the values themselves.
   */
  readonly of: 'ratio-to-native' | 'value'
  /** b ÷ a with its 90 % interval; null where there is nothing to compare, or no finite bound. */
  readonly ratio: { readonly estimate: number; readonly low: number | null; readonly high: number | null } | null
  /** Rounds of a and of b. */
  readonly rounds: readonly [number, number]
  readonly change: Change
  /** Why it is unclear or lost; null if that is a matter of the interval. */
  readonly reason: RowReason | null
  /** Adjusted over all rows (Benjamini-Hochberg): that b is worse, or better, than the margin allows. */
  readonly adjustedP: { readonly worse: number; readonly better: number } | null
  /** Whether the row can fail the run. The row of native describes the host, and fails it only if native is lost. */
  readonly failsRun: boolean
  /** Whether the estimate is worse than the margin allows, or became 0 for the worse, whatever the test finds. */
  readonly looksWorse: boolean
  /** The run in which other processes had most of the CPUs. */
  readonly overloaded: WhichRun | null
}

export const falseDiscoveryRate = 0.05

/** The logarithms of both runs round by round, signed so that more is worse. */
export interface Values {
  readonly baseline: readonly Difference[]
  readonly current: readonly Difference[]
}

/** A row before it is adjusted for the others. */
export type UnadjustedRow = Omit<Row, 'change' | 'adjustedP'> & {
  readonly values: Values | null
  /** Whether rounds were measured in their order. Those of imported values may only count them. */
  readonly isOrdered: boolean
  /** ln of what is allowed. */
  readonly margin: number
  readonly isLost?: boolean
  readonly same: boolean
}

const logsOf = (rounds: readonly Difference[]): number[] => rounds.map(({ d }) => d)

/** The logarithms of some rounds as ratios. */
export const ratiosOf = (rounds: readonly Difference[]): number[] => rounds.map(({ d }) => Math.exp(d))

/** Equal for rows of the same bench and metric: their noise is comparable. */
const keyOf = ({ bench, metric, of }: UnadjustedRow): string => JSON.stringify([bench.id, metric, of])

/** The fewest other rows of a platform that show how noisy it is. */
const minNoiseRows = 3

/**
 * What other rows of the same bench and metric say about the variance, times the noise of the platform in the other
 * cases; if there are none, the median of all rows. It is the prior of claims.
 */
function priorsOf(all: readonly RowVariance[]): (row: UnadjustedRow) => VariancePrior | undefined {
  const pools = new Map(
    [...groupBy(all, ({ row }) => keyOf(row)).values()].flatMap((group) =>
      group.map(({ row }) => [row, poolVariances(group, (one) => one.row === row)] as const),
    ),
  )
  const noises = new Map<string, PlatformNoise>()
  const noiseKey = ({ platform, of }: UnadjustedRow) => JSON.stringify([platform, of])
  for (const { row, variance } of all) {
    const pool = pools.get(row)
    if (!pool) continue
    const noise = noises.get(noiseKey(row)) ?? new PlatformNoise()
    noises.set(noiseKey(row), noise)
    noise.add([row.case], variance, pool.variance)
  }
  return (row) => {
    const pool = pools.get(row)
    if (pool) {
      const factor = noises.get(noiseKey(row))?.factorWithout([row.case], minNoiseRows)
      return factor === undefined ? pool : { variance: pool.variance * factor }
    }
    const alike = all.filter((one) => one.row !== row && one.row.of === row.of)
    return alike.length >= 2 ? { variance: median(alike.map(({ variance }) => variance)) } : undefined
  }
}

interface RowVariance {
  readonly row: UnadjustedRow
  readonly variance: number
  readonly degrees: number
}

const varianceOf = (row: UnadjustedRow): RowVariance[] => {
  if (!row.values || hasCollapsed(row.values.current)) return []
  const { baseline, current } = row.values
  const degrees = current.length + baseline.length - 2
  return [{ row, variance: pooledVariance(logsOf(current), logsOf(baseline)), degrees }]
}

/** The p-values that the current run is beyond `shift` (of logarithms) from the baseline. */
function pValues(
  { baseline, current }: Values,
  shift: number,
  side: 'greater' | 'less',
  prior?: VariancePrior,
): PValues {
  return {
    ranks: ratioPValue(ratiosOf(current), ratiosOf(baseline), Math.exp(shift), side),
    smallestPossible: smallestPossible(baseline.length, current.length),
    moderated: moderatedShiftPValue(logsOf(current), logsOf(baseline), shift, side, prior),
  }
}

/** Of Mann-Whitney: one of the ways to split the rounds. */
function smallestPossible(m: number, n: number): number {
  let ways = 1
  for (let i = 1; i <= m; i++) ways = (ways * (n + i)) / i
  return 1 / ways
}

/** Whether so many rounds can give so small a p-value by ranks. */
export const canReach = ({ baseline, current }: Values, rate: number): boolean =>
  smallestPossible(baseline.length, current.length) <= rate

/**
 * Adjusts over the rows that can fail the run, each direction separately; other rows are judged alone. A row must also
 * be beyond the margin by ranks, as claims must.
 */
export function classifyRows(all: readonly UnadjustedRow[]): Row[] {
  const family = all.filter(({ values, failsRun }) => values && failsRun)
  const priorOf = priorsOf(all.flatMap(varianceOf))
  const tested = new Map(
    all.flatMap((row) => {
      if (!row.values) return []
      const prior = priorOf(row)
      const worse = pValues(row.values, row.margin, 'greater', prior)
      const better = pValues(row.values, -row.margin, 'less', prior)
      return [[row, { worse, better }] as const]
    }),
  )
  const adjusted = (side: 'worse' | 'better') => {
    const p = family.map((row) => pValueAtRate(tested.get(row)![side], falseDiscoveryRate, family.length))
    const q = benjaminiHochberg(p)
    return new Map(family.map((row, at) => [row, q[at]!]))
  }
  const [worse, better] = [adjusted('worse'), adjusted('better')]
  const dependenceOf = jointDependence(all)
  return all.map((row) => {
    const { values, same, isLost, isOrdered: _, margin, ...rest } = row
    const p = tested.get(row)
    if (!values || !p) return { ...rest, change: isLost ? 'lost' : 'unclear', adjustedP: null }
    const own = (one: PValues) => pValueAtRate(one, falseDiscoveryRate)
    const q = { worse: worse.get(row) ?? own(p.worse), better: better.get(row) ?? own(p.better) }
    const isFound = (side: 'worse' | 'better') => q[side] <= falseDiscoveryRate && p[side].ranks <= falseDiscoveryRate
    const change = isFound('worse') ? 'regressed' : isFound('better') ? 'improved' : same ? 'same' : 'unclear'
    const doubt = change === 'unclear' ? null : doubtOf(change, row, values, dependenceOf)
    return { ...rest, change: doubt ? 'unclear' : change, reason: doubt ?? rest.reason, adjustedP: q }
  })
}

type JointTest = (row: UnadjustedRow, run: WhichRun, rounds: readonly Difference[]) => JointResult | undefined
type JointResult = Dependence & { readonly comparisons: number }

/** Tests the rounds of one run of all rows of the same bench and metric that have these rounds. */
function jointDependence(all: readonly UnadjustedRow[]): JointTest {
  const groups = groupBy(all, keyOf)
  const known = new Map<string, JointResult | undefined>()
  return (row, run, rounds) => {
    const wanted = rounds.map(({ round }) => round)
    const group = keyOf(row)
    const key = JSON.stringify([group, run, wanted])
    if (!known.has(key)) {
      const series = groups.get(group)!.flatMap((other) => {
        if (!other.values || !other.isOrdered) return []
        const found = other.values[run].filter(({ round }) => wanted.includes(round))
        return found.length === wanted.length ? [logsOf(found)] : []
      })
      // Each run has a test of the row alone and one of all rows together.
      const joint = testJointDependence(series, 4)
      known.set(key, joint && { ...joint, comparisons: series.length })
    }
    return known.get(key)
  }
}

/** Why a change cannot be trusted: docs/explanation/comparing-runs.md. */
function doubtOf(change: Change, row: UnadjustedRow, values: Values, dependenceOf: JointTest): RowReason | null {
  if (row.overloaded && change !== 'same') return { code: 'host-overloaded', run: row.overloaded }
  const [before, now] = [rangeOf(values.baseline), rangeOf(values.current)]
  const widest = Math.max(before.most - before.least, now.most - now.least)
  const { margin } = row
  if (beyond(now.least - before.most - margin, widest) || beyond(before.least - now.most - margin, widest)) return null
  if (!row.isOrdered) return null
  for (const run of ['baseline', 'current'] as const) {
    const joint = dependenceOf(row, run, values[run])
    const own = testDependence(logsOf(values[run]), joint ? 4 : 2)
    const found = own?.isDependent ? { ...own, comparisons: 1 } : joint
    if (found?.isDependent)
      return { code: 'dependent-rounds', run, correlation: found.correlation, comparisons: found.comparisons }
  }
  return null
}

function rangeOf(rounds: readonly Difference[]): { readonly least: number; readonly most: number } {
  const logs = logsOf(rounds)
  return { least: Math.min(...logs), most: Math.max(...logs) }
}
