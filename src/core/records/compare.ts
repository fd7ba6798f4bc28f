import type { Metric } from '../../dsl/metric.ts'
import { IsobenchError } from '../../util/errors.ts'
import { isHostOverloaded } from '../judge/adjustments.ts'
import { exitCodes } from '../judge/exit-code.ts'
import { judge } from '../judge/judge.ts'
import { logMargin } from '../judge/rules.ts'
import { differences, Samples, type Series, worseSign } from '../judge/samples.ts'
import { type PValues, pValueAtRate } from '../judge/tests.ts'
import type { BenchInfo } from '../model/claim.ts'
import type { BenchCase } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { type ClaimVerdict, isDecided } from '../model/verdict.ts'
import {
  benjaminiHochberg,
  beyond,
  type Interval,
  median,
  moderatedShiftPValue,
  pooledVariance,
  poolVariances,
  ratioInterval,
  ratioPValue,
  testDependence,
  type VariancePrior,
} from '../stats/index.ts'
import { type Difference, type FingerprintInput, hostDifferences } from './fingerprint.ts'

/** Two run records against each other: what got worse, what got better, what was lost, and what is unclear. */

export type Change = 'regressed' | 'improved' | 'same' | 'unclear' | 'lost'

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
  /** Why it is unclear or lost, where that is not a matter of the interval. */
  readonly reason: string | null
  /** Adjusted over all rows (Benjamini-Hochberg): that b is worse, or better, than the margin allows. */
  readonly adjustedP: { readonly worse: number; readonly better: number } | null
  /** Whether the row can fail the run. The row of native describes the host, and fails it only if native is lost. */
  readonly failsRun: boolean
}

/** A claim that the baseline decides and the current run does not. */
export interface LostVerdict {
  readonly bench: BenchInfo
  readonly finding: number | null
  readonly metric: string
  readonly params: BenchCase['params']
  readonly platforms: readonly string[]
  readonly before: ClaimVerdict['outcome']
  readonly now: ClaimVerdict['outcome']
}

export interface Comparison {
  readonly baseline: string
  readonly current: string
  readonly marginPercent: number
  readonly rows: readonly Row[]
  /** What was overlooked because of `--allow-different-hosts`. */
  readonly hostDifferences: readonly Difference[]
  /** Benches and platforms that only one of the runs has. */
  readonly onlyIn: { readonly baseline: readonly string[]; readonly current: readonly string[] }
  /** Claims that the baseline decides and the current run does not. They fail with `--strict`. */
  readonly lostVerdicts: readonly LostVerdict[]
  /** Whether the rounds are enough to find a regression of any row. */
  readonly canTell: boolean
}

export const falseDiscoveryRate = 0.05

/** How two records are compared. */
export interface CompareOptions {
  readonly marginPercent: number
  readonly allowDifferentHosts: boolean
  /** Platforms that may be missing now. */
  readonly allowMissing?: readonly string[] | undefined
}

/** The logarithms of both runs, signed so that more is worse. */
interface Values {
  readonly before: readonly number[]
  readonly now: readonly number[]
}

type UnadjustedRow = Omit<Row, 'change' | 'adjustedP'> & {
  readonly values: Values | null
  /** ln of what is allowed. */
  readonly margin: number
  readonly isLost?: boolean
  readonly same: boolean
  /** The run in which other processes had most of the CPUs. */
  readonly overloaded: 'before' | 'now' | null
}

/** Pure. `a` is the older. */
export function compareRecords(a: RunRecord, b: RunRecord, options: CompareOptions): Comparison {
  const [inA, inB] = [new Samples(a.samples), new Samples(b.samples)]
  const resultNames = (record: RunRecord) =>
    record.plan.cases.flatMap((point) =>
      record.plan.platforms.filter(({ available }) => available).map(({ name }) => `${point.id} on ${name}`),
    )
  const [inBaseline, inCurrent] = [resultNames(a), resultNames(b)]
  const namesOf = (record: RunRecord) => record.plan.platforms.map(({ name }) => name)
  const shared = namesOf(b).filter((name) => namesOf(a).includes(name))
  const unadjusted = b.plan.cases
    .filter(({ id }) => a.plan.cases.some((point) => point.id === id))
    .flatMap((point) => {
      const benchIn = ({ plan }: RunRecord) => plan.benches.find(({ id }) => id === point.bench)
      const bench = benchIn(b)!
      const [before, now] = [benchIn(a)?.metrics ?? {}, bench.metrics]
      const both = Object.entries(now).filter(
        ([name, { unit, better }]) => before[name]?.unit === unit && before[name]?.better === better,
      )
      return both.flatMap(([name, metric]) =>
        shared.flatMap((platform) => rowOf(point, bench, name, metric, platform, [inA, inB], b, options) ?? []),
      )
    })
  const isLost = (name: string) => unadjusted.some((row) => row.isLost && name === `${row.case} on ${row.platform}`)
  return {
    baseline: a.file,
    current: b.file,
    marginPercent: options.marginPercent,
    rows: classifyRows(unadjusted),
    hostDifferences: hostDifferences(a, b),
    onlyIn: {
      baseline: inBaseline.filter((name) => !inCurrent.includes(name) && !isLost(name)),
      current: inCurrent.filter((name) => !inBaseline.includes(name)),
    },
    lostVerdicts: lostVerdicts(a, b),
    canTell: unadjusted.some(({ values, failsRun }) => failsRun && values && canReach(values, falseDiscoveryRate)),
  }
}

/** @returns undefined if neither run measured it */
function rowOf(
  point: BenchCase,
  bench: BenchInfo,
  name: string,
  metric: Metric,
  platform: string,
  runs: readonly [Samples, Samples],
  { plan }: RunRecord,
  { marginPercent, allowDifferentHosts, allowMissing = [] }: CompareOptions,
): UnadjustedRow | undefined {
  const [a, b] = runs.map((samples) => samples.series(point.id, platform, name, 'native')) as [Series, Series]
  const natives = runs.map((samples) => samples.series(point.id, 'native', name, platform)) as [Series, Series]
  const paired = [differences(a, natives[0], metric), differences(b, natives[1], metric)]
  const relative = platform !== 'native' && paired.every(Array.isArray)
  const sign = worseSign(metric)
  const base = {
    bench: { id: bench.id, file: bench.file, name: bench.name },
    case: point.id,
    params: point.params,
    metric: name,
    platform,
    of: relative ? ('ratio-to-native' as const) : ('value' as const),
    rounds: [a.rounds.size, b.rounds.size] as const,
    failsRun: platform !== 'native',
    margin: logMargin(marginPercent, metric),
  }
  const nothing = (reason: string): UnadjustedRow => ({
    ...base,
    ratio: null,
    reason,
    values: null,
    same: false,
    overloaded: null,
  })
  if (a.rounds.size === 0 && b.rounds.size === 0) return undefined
  if (a.rounds.size === 0) return nothing('not measured before')
  if (b.rounds.size === 0) {
    const works = plan.platforms.some(({ name, available }) => name === platform && available)
    const why = b.errors.length > 0 ? 'every sample failed' : 'not measured now'
    const lost = nothing(works ? why : 'the platform does not work now')
    return { ...lost, isLost: true, failsRun: !allowMissing.includes(platform) }
  }
  if ([a, b].some(({ rounds }) => [...rounds.values()].some((value) => !(value > 0))))
    return nothing('a figure of 0 has no ratio')
  if (!allowDifferentHosts && new Set([...a.digests, ...b.digests]).size > 1)
    return nothing('the work differs: the bench, the limits or the image changed')
  const logs = ({ rounds }: Series) => [...rounds.values()].map((value) => sign * Math.log(value))
  const [before, now] = relative ? (paired as [number[], number[]]) : [logs(a), logs(b)]
  const interval = ratioInterval(now.map(Math.exp), before.map(Math.exp))
  return {
    ...base,
    rounds: [before.length, now.length],
    ratio: asPlainRatio(interval, sign),
    reason: null,
    values: { before, now },
    same: beyond(Math.log(interval.low), -base.margin) && beyond(base.margin, Math.log(interval.high)),
    overloaded: wasOverloaded(b, natives[1]) ? 'now' : wasOverloaded(a, natives[0]) ? 'before' : null,
  }
}

/** Native describes the host too, if it was measured beside the platform. */
const wasOverloaded = (...sides: readonly Series[]): boolean =>
  isHostOverloaded(sides.filter(({ rounds }) => rounds.size > 0))

/** Back into the metric's own direction: b ÷ a. */
function asPlainRatio({ estimate, low, high }: Interval, sign: 1 | -1): Row['ratio'] {
  const finite = low > 0 && high < Infinity
  const bounds = finite ? [low ** sign, high ** sign].sort((one, other) => one - other) : [null, null]
  return { estimate: estimate ** sign, low: bounds[0]!, high: bounds[1]! }
}

/** What other rows of the same bench and metric say about the variance; if there are none, the median of all rows. */
function priorOf(row: UnadjustedRow, all: readonly RowVariance[]): VariancePrior | undefined {
  const alike = all.filter((one) => one.row !== row && one.row.of === row.of)
  const comparable = alike.filter((one) => one.row.bench.id === row.bench.id && one.row.metric === row.metric)
  const ofRun = alike.length >= 2 ? { variance: median(alike.map(({ variance }) => variance)) } : undefined
  return poolVariances(comparable) ?? ofRun
}

interface RowVariance {
  readonly row: UnadjustedRow
  readonly variance: number
  readonly degrees: number
}

const varianceOf = (row: UnadjustedRow): RowVariance[] => {
  if (!row.values) return []
  const { before, now } = row.values
  return [{ row, variance: pooledVariance(now, before), degrees: now.length + before.length - 2 }]
}

/** The p-values that `now` is beyond `shift` times `before`. */
function pValues({ before, now }: Values, shift: number, side: 'greater' | 'less', prior?: VariancePrior): PValues {
  return {
    ranks: ratioPValue(now.map(Math.exp), before.map(Math.exp), Math.exp(shift), side),
    smallestPossible: smallestPossible(before.length, now.length),
    moderated: moderatedShiftPValue(now, before, shift, side, prior),
  }
}

/** Of Mann-Whitney: one of the ways to split the rounds. */
function smallestPossible(m: number, n: number): number {
  let ways = 1
  for (let i = 1; i <= m; i++) ways = (ways * (n + i)) / i
  return 1 / ways
}

const canReach = ({ before, now }: Values, rate: number): boolean => smallestPossible(before.length, now.length) <= rate

/**
 * Adjusts over the rows that can fail the run, each direction separately; other rows are judged alone. A row must also
 * be beyond the margin by ranks, as claims must.
 */
function classifyRows(all: readonly UnadjustedRow[]): Row[] {
  const family = all.filter(({ values, failsRun }) => values && failsRun)
  const variances = all.flatMap(varianceOf)
  const tested = new Map(
    all.flatMap((row) => {
      if (!row.values) return []
      const prior = priorOf(row, variances)
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
  return all.map((row) => {
    const { values, same, overloaded, isLost, margin, ...rest } = row
    const p = tested.get(row)
    if (!values || !p) return { ...rest, change: isLost ? 'lost' : 'unclear', adjustedP: null }
    const own = (one: PValues) => pValueAtRate(one, falseDiscoveryRate)
    const q = { worse: worse.get(row) ?? own(p.worse), better: better.get(row) ?? own(p.better) }
    const isFound = (side: 'worse' | 'better') => q[side] <= falseDiscoveryRate && p[side].ranks <= falseDiscoveryRate
    const change = isFound('worse') ? 'regressed' : isFound('better') ? 'improved' : same ? 'same' : 'unclear'
    const doubt = change === 'unclear' ? null : doubtOf(change, values, margin, overloaded)
    return { ...rest, change: doubt ? 'unclear' : change, reason: doubt ?? rest.reason, adjustedP: q }
  })
}

/** Why a change cannot be trusted: docs/explanation/comparing-runs.md. */
function doubtOf(change: Change, values: Values, margin: number, overloaded: 'before' | 'now' | null): string | null {
  if (overloaded && change !== 'same')
    return `other processes had most of the CPUs in the ${overloaded === 'now' ? 'current run' : 'baseline'}`
  const series = [values.before, values.now]
  const [before, now] = series.map((all) => ({ least: Math.min(...all), most: Math.max(...all) })) as [Range, Range]
  const range = Math.max(before.most - before.least, now.most - now.least)
  const isFar = beyond(now.least - before.most - margin, range) || beyond(before.least - now.most - margin, range)
  const isDependent = series.some((all) => testDependence(all, series.length)?.isDependent)
  return isDependent && !isFar ? 'the rounds of a run depend on each other' : null
}

interface Range {
  readonly least: number
  readonly most: number
}

/** Claims of both runs that the older one decides and the newer one does not. */
function lostVerdicts(a: RunRecord, b: RunRecord): LostVerdict[] {
  const keyOf = ({ claim, finding, params, platforms }: Omit<ClaimVerdict, 'failsRun'>) => {
    const { location: _, ...rest } = claim
    return JSON.stringify([rest, finding, params, platforms])
  }
  const now = new Map(judge(b.plan, b.samples).claims.map((one) => [keyOf(one), one]))
  return judge(a.plan, a.samples).claims.flatMap((before) => {
    const found = now.get(keyOf(before))
    if (!found || !isDecided(before) || isDecided(found)) return []
    const { bench, finding, claim, params, platforms } = before
    return [{ bench, finding, metric: claim.metric, params, platforms, before: before.outcome, now: found.outcome }]
  })
}

/** Two runs were measured on different hosts. The command line prints the differences. */
export class DifferentHostsError extends IsobenchError {
  readonly code = 'ISOBENCH_USAGE'

  constructor(readonly differences: readonly Difference[]) {
    super('the two runs were measured on different hosts', 'add --allow-different-hosts to compare them all the same')
  }
}

/** @throws {DifferentHostsError} if the hosts differ */
export function assertSameHost(a: FingerprintInput, b: FingerprintInput): void {
  const differences = hostDifferences(a, b)
  if (differences.length > 0) throw new DifferentHostsError(differences)
}

/**
 * Compares two records.
 * @throws {DifferentHostsError} if the hosts differ, unless `allowDifferentHosts` is set
 */
export function compareSameHost(a: RunRecord, b: RunRecord, options: CompareOptions): Comparison {
  if (!options.allowDifferentHosts) assertSameHost(a, b)
  return compareRecords(a, b, options)
}

/** What makes a comparison fail: rows that are worse than the margin allows, and results that are lost. */
export const regressions = ({ rows }: Comparison): Row[] =>
  rows.filter(({ failsRun, change }) => failsRun && (change === 'regressed' || change === 'lost'))

/** Whether something may have regressed without being found, or is no longer decided. */
const isOpen = ({ rows, lostVerdicts }: Comparison): boolean =>
  lostVerdicts.length > 0 || rows.some(({ failsRun, change }) => failsRun && change === 'unclear')

/** The exit code of a comparison. */
export function comparisonExit(comparison: Comparison, strict: boolean): number {
  if (regressions(comparison).length > 0) return exitCodes.failed
  if (!comparison.canTell) return exitCodes.nothing
  return strict && isOpen(comparison) ? exitCodes.inconclusive : exitCodes.clean
}

/**
 * The report of a run with a baseline: a regression fails it, and a comparison decides something without any claim.
 * A run is not clean if its rounds are too few to find a regression.
 */
export function withBaseline(report: Report, comparison: Comparison, strict: boolean): Report {
  const failing = regressions(comparison).map(({ case: id, platform, metric }) => ({ case: id, platform, metric }))
  const { exit } = report
  const compared = comparisonExit(comparison, strict)
  const isReplaced =
    exit.code === exitCodes.clean ||
    exit.code === exitCodes.nothing ||
    (compared === exitCodes.failed && exit.code !== exitCodes.interrupted)
  return { ...report, exit: { ...exit, code: isReplaced ? compared : exit.code, regressions: failing } }
}
