import type { FindingId } from '../../dsl/finding-id.ts'
import type { Metric } from '../../dsl/metric.ts'
import { isHostOverloaded } from '../judge/adjustments.ts'
import { exitCodes } from '../judge/exit-code.ts'
import { judge } from '../judge/judge.ts'
import { isOfMergedShards } from '../judge/report.ts'
import { logMargin } from '../judge/rules.ts'
import {
  isCollapse,
  logOrCollapsed,
  pairedDifferences,
  plainRatio,
  type Difference as RoundDifference,
  Samples,
  type Series,
  worseSign,
} from '../judge/samples.ts'
import type { BenchInfo } from '../model/claim.ts'
import type { BenchCase } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { benchById, benchInfo, infoOf } from '../model/suite.ts'
import { type ClaimVerdict, isDecided } from '../model/verdict.ts'
import { beyond, type Interval, median, ratioInterval } from '../stats/index.ts'
import { assertSameHost, type Difference, hostDifferences } from './fingerprint.ts'
import { selectedFiles } from './lost-benches.ts'
import { type ProfileChange, profileChanges } from './profile-changes.ts'
import {
  canReach,
  classifyRows,
  falseDiscoveryRate,
  type Row,
  type RowReason,
  ratiosOf,
  type UnadjustedRow,
  type WhichRun,
} from './row-changes.ts'

/**
 * Two run records against each other: what got worse, what got better, what was lost, what is new in attack profiles,
 * and what is unclear.
 */

/** A claim that the baseline decides and the current run does not. */
export interface LostVerdict {
  readonly bench: BenchInfo
  readonly finding: FindingId | null
  readonly metric: string
  readonly params: BenchCase['params']
  readonly platforms: readonly string[]
  readonly before: ClaimVerdict['outcome']
  readonly now: ClaimVerdict['outcome']
}

/** A run that did not finish. */
export interface UnfinishedRun {
  readonly status: Exclude<RunRecord['status'], 'finished'>
  /** Whether it is of several shards, of which one may have been killed. It is judged like one without this shard. */
  readonly isMerged: boolean
}

/** Two runs, compared result by result. */
export interface Comparison {
  readonly baseline: string
  readonly current: string
  readonly marginPercent: number
  readonly rows: readonly Row[]
  /** The attack profiles of both runs, with the names that only the current one has. */
  readonly profiles: readonly ProfileChange[]
  /** What was overlooked because of `--allow-different-hosts`. */
  readonly hostDifferences: readonly Difference[]
  /** Cases on platforms, and metrics of cases, that only one of the runs has. Those that are lost have rows. */
  readonly onlyIn: { readonly baseline: readonly string[]; readonly current: readonly string[] }
  /** How a run ended that did not finish. It may lack results. */
  readonly unfinished: { readonly [Run in WhichRun]?: UnfinishedRun }
  /** Whether damaged lines of a record were left out. */
  readonly isDamaged: boolean
  /** Claims that the baseline decides and the current run does not. They fail with `--strict`. */
  readonly lostVerdicts: readonly LostVerdict[]
  /** Whether a regression of any row could be found: its rounds are enough, and nothing forbids to trust them. */
  readonly canTell: boolean
}

/** How two records are compared. */
export interface CompareOptions {
  readonly marginPercent: number
  /** Platforms that may be missing now. */
  readonly allowMissing?: readonly string[] | undefined
  /** Cases to compare by value instead of by the ratio to native, because native did other work in the older run. */
  readonly byValue?: ReadonlySet<string>
}

/** What of a run is compared. */
type Measured = Pick<RunRecord, 'plan' | 'samples'> & Partial<Pick<RunRecord, 'problems'>>

/** A run with an index of its samples. */
interface IndexedRun {
  readonly plan: RunRecord['plan']
  readonly problems: RunRecord['problems']
  readonly samples: Samples
}

/** Whether two results that share a case are of the same work. */
type SameWork = (bench: string, a: Series, b: Series) => boolean

const indexed = ({ plan, problems = [], samples }: Measured): IndexedRun => ({
  plan,
  problems,
  samples: new Samples(samples),
})

/** Compares the metrics of all results that both runs have, also if their work differs. Pure. `a` is the older. */
export const compareResults = (a: Measured, b: Measured, options: CompareOptions): Row[] =>
  classifyRows(unadjustedRows(indexed(a), indexed(b), options, () => true))

/**
 * What is the same work. The digests of samples have the limits and the image of the host. Of two hosts, the digests of
 * benches decide.
 */
function sameWork(a: RunRecord, b: RunRecord): SameWork {
  if (hostDifferences(a, b).length === 0)
    return (_, one, other) => new Set([...one.digests, ...other.digests]).size <= 1
  const digestIn = ({ plan }: RunRecord, bench: string) => benchById(plan.benches, bench)?.digest
  return (bench) => digestIn(a, bench) === digestIn(b, bench)
}

function unadjustedRows(a: IndexedRun, b: IndexedRun, options: CompareOptions, isSameWork: SameWork): UnadjustedRow[] {
  const namesOf = ({ plan }: IndexedRun) => plan.platforms.map(({ name }) => name)
  const shared = namesOf(b).filter((name) => namesOf(a).includes(name))
  const inOlder = new Set(a.plan.cases.map(({ id }) => id))
  const points = [...b.plan.cases.filter(({ id }) => inOlder.has(id)), ...lostCases(a.plan, b)]
  return points.flatMap((point) => {
    const [before, now] = [a, b].map(({ plan }) => benchById(plan.benches, point.bench))
    const info = infoOf(now ?? before!, b.plan.benches)
    return Object.entries(before!.metrics).flatMap(([name, metric]) => {
      const metrics = [metric, now?.metrics[name]] as const
      return shared.flatMap(
        (platform) => rowOf(point, info, name, metrics, platform, [a, b], options, isSameWork) ?? [],
      )
    })
  })
}

/**
 * The cases of the older run that the newer one lost: with a shard, because its bench lacks the parameters now, or
 * because the bench file lacks the bench now. A bench that the newer run did not select is not lost.
 */
function lostCases(a: RunRecord['plan'], { plan, problems }: Pick<IndexedRun, 'plan' | 'problems'>): BenchCase[] {
  const present = new Set(plan.cases.map(({ id }) => id))
  const benches = new Set(plan.benches.map(({ id }) => id))
  const excluded = new Map(plan.excluded.map(({ bench, reason }) => [bench, reason]))
  const files = selectedFiles({ plan, problems })
  const isLost = ({ bench }: BenchCase): boolean => {
    const reason = excluded.get(bench)
    if (reason !== undefined) return reason === 'shard-missing'
    // Another profile may give a bench other parameters.
    if (benches.has(bench)) return a.profileName === plan.profileName
    return files.has(benchInfo(bench, []).file)
  }
  return a.cases.filter((point) => !present.has(point.id) && isLost(point))
}

/** Pure. `a` is the older. */
export function compareRecords(a: RunRecord, b: RunRecord, options: CompareOptions): Comparison {
  const [inBaseline, inCurrent] = [resultNames(a.plan), resultNames(b.plan)]
  const [baseline, current] = [indexed(a), indexed(b)]
  const unadjusted = unadjustedRows(baseline, current, options, sameWork(a, b))
  const rows = classifyRows(unadjusted)
  const lost = new Set(unadjusted.flatMap((row) => (row.isLost ? [`${row.case} on ${row.platform}`] : [])))
  return {
    baseline: a.file,
    current: b.file,
    marginPercent: options.marginPercent,
    rows,
    profiles: profileChanges(baseline, current),
    hostDifferences: hostDifferences(a, b),
    onlyIn: {
      baseline: [...inBaseline].filter((name) => !inCurrent.has(name) && !lost.has(name)),
      current: [...[...inCurrent].filter((name) => !inBaseline.has(name)), ...newMetrics(a.plan, b.plan)],
    },
    unfinished: { ...unfinishedRun('baseline', a), ...unfinishedRun('current', b) },
    isDamaged: [a, b].some(({ plan }) => plan.damagedLines !== undefined),
    lostVerdicts: lostVerdicts(baseline, current),
    // Rows of an overloaded host, or of rounds that depend on each other, have a reason.
    canTell: unadjusted.some(
      ({ values, failsRun }, at) =>
        failsRun && values && canReach(values, falseDiscoveryRate) && rows[at]!.reason === null,
    ),
  }
}

const unfinishedRun = (run: WhichRun, { status, plan }: RunRecord): Comparison['unfinished'] =>
  status === 'finished' ? {} : { [run]: { status, isMerged: isOfMergedShards(plan) } }

function resultNames({ cases, platforms }: RunRecord['plan']): Set<string> {
  const available = platforms.filter((platform) => platform.available)
  return new Set(cases.flatMap(({ id }) => available.map(({ name }) => `${id} on ${name}`)))
}

/** The metrics that only the newer plan has, of cases that both have. */
function newMetrics(a: RunRecord['plan'], b: RunRecord['plan']): string[] {
  const inOlder = new Set(a.cases.map(({ id }) => id))
  return b.cases.flatMap(({ id, bench }) => {
    const former = benchById(a.benches, bench)?.metrics ?? {}
    const added = Object.keys(benchById(b.benches, bench)?.metrics ?? {}).filter((name) => !Object.hasOwn(former, name))
    return inOlder.has(id) ? added.map((name) => `${id} · ${name}`) : []
  })
}

const notMeasuredNow = { code: 'not-measured', run: 'current' } as const

/** @returns undefined if neither run measured it */
function rowOf(
  point: BenchCase,
  bench: BenchInfo,
  name: string,
  [metric, metricNow]: readonly [Metric, Metric | undefined],
  platform: string,
  runs: readonly [IndexedRun, IndexedRun],
  { marginPercent, allowMissing = [], byValue }: CompareOptions,
  isSameWork: SameWork,
): UnadjustedRow | undefined {
  const [a, b] = runs.map(({ samples }) => samples.series(point.id, platform, name, 'native')) as [Series, Series]
  const natives = runs.map(({ samples }) => samples.series(point.id, 'native', name, platform)) as [Series, Series]
  const paired = [pairedDifferences(a, natives[0], metric), pairedDifferences(b, natives[1], metric)]
  // The rounds of imported values may only count them, and pair with nothing.
  const isUnpaired = [a, b, ...natives].some(({ unpaired }) => unpaired)
  const relative = platform !== 'native' && !isUnpaired && paired.every(Array.isArray) && !byValue?.has(point.id)
  const sign = worseSign(metric)
  const base = {
    bench,
    case: point.id,
    params: point.params,
    metric: name,
    platform,
    of: relative ? ('ratio-to-native' as const) : ('value' as const),
    rounds: [a.rounds.size, b.rounds.size] as const,
    failsRun: platform !== 'native',
    margin: logMargin(marginPercent, metric),
    isOrdered: !isUnpaired,
  }
  const nothing = (reason: RowReason): UnadjustedRow => ({
    ...base,
    ratio: null,
    reason,
    values: null,
    same: false,
    looksWorse: false,
    overloaded: null,
  })
  if (a.rounds.size === 0 && b.rounds.size === 0) return undefined
  if (a.rounds.size === 0) return nothing({ code: 'not-measured', run: 'baseline' })
  if (b.rounds.size === 0 || !metricNow) {
    const works = runs[1].plan.platforms.some(({ name, available }) => name === platform && available)
    const why = b.errors.length > 0 ? ({ code: 'sample-errors' } as const) : notMeasuredNow
    const lost = nothing(works ? why : { code: 'platform-unavailable' })
    return { ...lost, isLost: true, failsRun: !allowMissing.includes(platform) }
  }
  if (metricNow.unit !== metric.unit || metricNow.better !== metric.better) {
    const reason = { code: 'different-metric', baseline: metric, current: metricNow } as const
    return { ...nothing(reason), isLost: true, failsRun: true }
  }
  if (!isSameWork(bench.id, a, b)) return nothing({ code: 'different-work' })
  const hasZero = ({ rounds }: Series) => [...rounds.values()].includes(0)
  if (hasZero(a) || (hasZero(b) && !isCollapse(metric)))
    return { ...nothing({ code: 'zero-value' }), looksWorse: sign * medianOf(b) > sign * medianOf(a) }
  const logs = ({ rounds }: Series): RoundDifference[] =>
    [...rounds]
      .map(([round, value]) => ({ round, d: sign * logOrCollapsed(value) }))
      .sort((one, next) => one.round - next.round)
  const [before, now] = relative ? (paired as [RoundDifference[], RoundDifference[]]) : [logs(a), logs(b)]
  const interval = ratioInterval(ratiosOf(now), ratiosOf(before))
  return {
    ...base,
    rounds: [before.length, now.length],
    ratio: asPlainRatio(interval, sign),
    reason: null,
    values: { baseline: before, current: now },
    looksWorse: beyond(Math.log(interval.estimate), base.margin),
    same: beyond(Math.log(interval.low), -base.margin) && beyond(base.margin, Math.log(interval.high)),
    overloaded: wasOverloaded(b, natives[1]) ? 'current' : wasOverloaded(a, natives[0]) ? 'baseline' : null,
  }
}

const medianOf = ({ rounds }: Series): number => median([...rounds.values()])

/** Native describes the host too, if it was measured beside the platform. */
const wasOverloaded = (...sides: readonly Series[]): boolean =>
  isHostOverloaded(sides.filter(({ rounds }) => rounds.size > 0))

/** How many results other than native's a run has, and how many are of an overloaded host. */
export function overloadedResults(record: RunRecord): { readonly overloaded: number; readonly of: number } {
  const { plan, samples } = indexed(record)
  const states = plan.cases.flatMap(({ id, bench }) =>
    Object.keys(benchById(plan.benches, bench)?.metrics ?? {}).flatMap((metric) =>
      plan.platforms.flatMap(({ name }) => {
        const [own, native] = [name, 'native'].map((one) => samples.series(id, one, metric, 'native')) as [
          Series,
          Series,
        ]
        return name === 'native' || own.rounds.size === 0 ? [] : [wasOverloaded(own, native)]
      }),
    ),
  )
  return { overloaded: states.filter(Boolean).length, of: states.length }
}

/** Back into the metric's own direction: b ÷ a. */
function asPlainRatio({ estimate, low, high }: Interval, sign: 1 | -1): Row['ratio'] {
  const finite = low > 0 && high < Infinity
  const plain = (ratio: number) => plainRatio(ratio ** sign)
  const bounds = finite ? [plain(low), plain(high)].sort((one, other) => one - other) : [null, null]
  return { estimate: plain(estimate), low: bounds[0]!, high: bounds[1]! }
}

/** Claims of both runs that the older one decides and the newer one does not. */
function lostVerdicts(a: IndexedRun, b: IndexedRun): LostVerdict[] {
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

/**
 * Compares two records.
 * @throws {DifferentHostsError} if the hosts differ, unless `allowDifferentHosts` is set
 */
export function compareSameHost(
  a: RunRecord,
  b: RunRecord,
  { allowDifferentHosts, ...options }: CompareOptions & { readonly allowDifferentHosts: boolean },
): Comparison {
  if (!allowDifferentHosts) assertSameHost(a, b)
  return compareRecords(a, b, options)
}

/** What makes a comparison fail: rows that are worse than the margin allows, and results that are lost. */
export const regressions = ({ rows }: Comparison): Row[] =>
  rows.filter(({ failsRun, change }) => failsRun && (change === 'regressed' || change === 'lost'))

/** The names of attack profiles that make a comparison fail. */
export const newNames = ({ profiles }: Comparison): NonNullable<Report['exit']['newNames']> =>
  profiles.flatMap(({ case: id, platform, role, rounds: [, of], added }) =>
    added
      .filter(({ change }) => change === 'new')
      .map(({ name, rounds }) => ({ case: id, platform, role, name, rounds, of })),
  )

/** Whether a comparison fails. */
export const isFailing = (comparison: Comparison): boolean =>
  regressions(comparison).length > 0 || newNames(comparison).length > 0

/** Whether something may have regressed without being found, is no longer decided, or a record lacks a part. */
const isOpen = ({ rows, lostVerdicts, unfinished, isDamaged }: Comparison): boolean =>
  isDamaged ||
  unfinished.baseline !== undefined ||
  unfinished.current !== undefined ||
  lostVerdicts.length > 0 ||
  rows.some(({ failsRun, change }) => failsRun && change === 'unclear')

/** The exit code of a comparison. A run that ended early has the code that `isobench judge` gives it. */
export function comparisonExit(comparison: Comparison, strict: boolean): number {
  const { current } = comparison.unfinished
  if (current?.status === 'interrupted' || (current?.status === 'killed' && !current.isMerged))
    return exitCodes.interrupted
  if (isFailing(comparison)) return exitCodes.failed
  if (current?.status === 'stopped') return exitCodes.invalid
  if (!comparison.canTell) return exitCodes.nothing
  return strict && isOpen(comparison) ? exitCodes.inconclusive : exitCodes.clean
}

/**
 * The report of a run with a baseline: a regression or a new name fails it, and a comparison decides something without
 * any claim. A run is not clean if its rounds are too few to find a regression, or if platforms that it needs were not
 * measured.
 */
export function withBaseline(report: Report, comparison: Comparison, strict: boolean): Report {
  const failing = regressions(comparison).map(({ case: id, platform, metric }) => ({ case: id, platform, metric }))
  const { exit } = report
  const compared = comparisonExit(comparison, strict)
  const isReplaced =
    exit.code === exitCodes.clean ||
    (exit.code === exitCodes.nothing && !exit.unmeasured) ||
    (exit.code === exitCodes.inconclusive && compared === exitCodes.nothing) ||
    (compared === exitCodes.failed && exit.code !== exitCodes.interrupted)
  const code = isReplaced ? compared : exit.code
  return { ...report, exit: { ...exit, code, regressions: failing, newNames: newNames(comparison) } }
}
