import { isDeepStrictEqual } from 'node:util'
import { withLocation } from '../../dsl/errors.ts'
import { compareFindingIds, type FindingId } from '../../dsl/finding-id.ts'
import type { Metric } from '../../dsl/metric.ts'
import { groupBy } from '../../util/group-by.ts'
import { combineConfinement } from '../model/confinement.ts'
import { type BenchCase, isOfPlanFile, measuredOn, type ScheduledPlan, type ShardOfPlan } from '../model/plan.ts'
import {
  attackProfileOf,
  causeOf,
  errorOf,
  failureOf,
  isUnsupported,
  type RunRecord,
  type Sample,
  valuesOf,
} from '../model/record.ts'
import { type MetricResult, type PlatformResult, type Report, reportVersion } from '../model/report.ts'
import { type BenchData, type FindingData, infoOf, type Problem, type Suite } from '../model/suite.ts'
import { tracedRoles, unseenBy, usedByRole } from '../model/traced-calls.ts'
import type { Verdicts } from '../model/verdict.ts'
import { countOutliers, median, minRoundsForDependence } from '../stats/index.ts'
import { clientShare, isClientBound } from './adjustments.ts'
import { decideExit, withUnmeasured } from './exit-code.ts'
import { judge } from './judge.ts'
import { asRatio } from './rules.ts'
import { countedSamples, Samples } from './samples.ts'
import { suspicious } from './suspicion.ts'
import { intervalBetween, type Measured } from './tests.ts'

/** A problem for every bench and program that the image lacks. */
export function missingProgramProblems({ plan, samples }: Pick<RunRecord, 'plan' | 'samples'>): Problem[] {
  const missing = samples.flatMap((sample) => {
    const cause = causeOf(sample)
    return cause?.kind === 'missing-program' ? [{ id: sample.case, program: cause.program }] : []
  })
  if (missing.length === 0) return []
  const benchOf = new Map(plan.cases.map(({ id, bench }) => [id, bench]))
  return plan.benches.flatMap(({ id, name, file, location }) => {
    const programs = missing.flatMap((one) => (benchOf.get(one.id) === id ? [one.program] : []))
    return [...new Set(programs)].map((program) => ({
      file,
      message: `"${name}" runs ${program}, and the image has no such program`,
      fix: 'add its Debian package to image.packages in the config, or install it in your own root filesystem',
      ...(location && { location }),
    }))
  })
}

export interface Strictness {
  readonly strict: boolean
  readonly strictFindings?: boolean
  /** `complete`: every finding must be decided in all its parts. */
  readonly require?: 'complete' | undefined
  /** Numbers of the findings that are shown and decide the exit code; absent: everything. */
  readonly shown?: readonly FindingId[]
}

/**
 * Whether a record was merged from shards. One of which a shard was killed is judged like one without this shard.
 */
export const isOfMergedShards = ({ shard, excluded }: Pick<ScheduledPlan, 'shard' | 'excluded'>): boolean =>
  shard !== undefined && (shard.indices.length > 1 || excluded.some(({ reason }) => reason === 'shard-missing'))

/** Judges a record and builds its report. Pure. */
export function buildReport(record: RunRecord, { strict, strictFindings = false, require, shown }: Strictness): Report {
  const { environment } = record
  const plan: ScheduledPlan = record.plan
  const problems = [...record.problems, ...missingProgramProblems(record)]
  const samples = new Samples(record.samples)
  const isKilled = record.status === 'killed'
  const isMissingShard = plan.excluded.some(({ reason }) => reason === 'shard-missing')
  const isMergedShards = isOfMergedShards(plan)
  const { claims, findings, exit } = decideExit(judge(plan, samples), {
    strict,
    strictFindings,
    requireComplete: require === 'complete',
    interrupted: record.status === 'interrupted' || (isKilled && !isMergedShards),
    stopped: record.status === 'stopped',
    problems: problems.length,
    shown,
    isProvisional: plan.excluded.some(({ reason }) => reason === 'shard'),
    lacksShard: isMissingShard || (isKilled && isMergedShards),
    lacksLines: plan.damagedLines !== undefined || plan.unreadableRecords !== undefined,
    absentPlatforms: (claim) => absentPlatforms(claim, { plan, samples }),
  })
  const report: Report = {
    schemaVersion: reportVersion,
    record: record.file,
    status: record.status,
    ...(record.error !== undefined && { error: record.error }),
    environment,
    seed: plan.seed,
    profile: { name: plan.profileName, ...plan.profile },
    platforms: plan.platforms.map(({ name, kind, family, available, version, security, cpuMode, reason, fix }) => ({
      name,
      kind,
      family,
      available,
      version,
      ...(security && { security }),
      cpuMode: cpuMode ?? 'hardware',
      reason: reason ?? null,
      fix: fix ?? null,
    })),
    excludedPlatforms: [...(plan.excludedPlatforms ?? [])],
    cases: measuredResults(record, samples),
    claims,
    independence: independenceOf(claims),
    findings: shown ? findings.filter(({ id }) => shown.includes(id)) : findings,
    excluded: [...plan.excluded] as Report['excluded'],
    ...(plan.shard && { shard: reportShard(plan.shard) }),
    ...(plan.damagedLines !== undefined && { damagedLines: plan.damagedLines }),
    ...(plan.unreadableRecords !== undefined && { unreadableRecords: plan.unreadableRecords }),
    problems: problems as Report['problems'],
    exit,
  }
  return withUnmeasured(report, plan, shown)
}

/** The platforms that a claim without data needs, that the plan measures, and that have no samples of a case of it. */
function absentPlatforms(
  { bench, case: caseId, params, platforms, comparedWith, outcome, reason }: Verdicts['claims'][number],
  { plan, samples }: Measured,
): string[] {
  if (outcome !== 'not-evaluated' || reason?.code !== 'too-few-rounds') return []
  const cases = plan.cases.filter(
    (one) =>
      one.bench === bench.id &&
      (caseId === null || one.id === caseId) &&
      Object.entries(params).every(([name, value]) => one.params[name] === value),
  )
  return [...platforms, ...comparedWith].filter((name) =>
    cases.some((one) => measuredOn(plan, one).includes(name) && samples.of(one.id, name).length === 0),
  )
}

/**
 * The results of every case, without verdicts. Pure.
 * @param samples those of the record
 */
export function measuredResults(
  record: Pick<RunRecord, 'plan' | 'samples'>,
  samples = new Samples(record.samples),
): Report['cases'] {
  const plan: ScheduledPlan = record.plan
  const input: Measured = { plan, samples }
  const logs = sampleLogs(samples.all)
  const benches = new Map(plan.benches.map((bench) => [bench.id, { bench, info: infoOf(bench, plan.benches) }]))
  return plan.cases.flatMap((benchCase) => {
    const { bench, info } = benches.get(benchCase.bench)!
    const measured = measuredOn(plan, benchCase)
    if (plan.casePlatforms && measured.length === 0) return []
    return {
      case: benchCase.id,
      bench: info,
      ...withLocation(bench.location),
      params: { ...benchCase.params },
      tags: [...bench.tags],
      kind: bench.workload.kind,
      ...(bench.beside && { beside: { tag: bench.beside.tag, metrics: [...bench.beside.metrics] } }),
      results: measured.map((name) => ({
        ...resultOf(benchCase, name, bench, input),
        samples: logs.get(resultKey(benchCase.id, name)) ?? [],
      })),
    }
  })
}

const reportShard = (shard: ShardOfPlan): Report['shard'] => {
  const { plan, count, indices } = shard
  return { plan, isOfFile: isOfPlanFile(shard), count, indices }
}

const resultKey = (caseId: string, platform: string): string => `${caseId}\0${platform}`

/** When and how the samples of each result were measured. */
function sampleLogs(samples: readonly Sample[]): Map<string, PlatformResult['samples']> {
  const results = groupBy(samples, (sample) => resultKey(sample.case, sample.platform))
  return new Map(
    [...results].map(([key, own]) => {
      const counted = new Set(countedSamples(own))
      return [key, own.map((sample) => sampleLog(sample, counted.has(sample)))]
    }),
  )
}

function sampleLog(sample: Sample, judged: boolean): PlatformResult['samples'][number] {
  const { round, warmup, startedAt, wallMs, disturbed = false } = sample
  const failure = failureOf(sample)
  return {
    round,
    warmup,
    ...(startedAt !== undefined && { startedAt }),
    wallMs,
    disturbed,
    judged,
    values: { ...valuesOf(sample) },
    ...(failure && { error: failure.message, ...withLocation(failure.location) }),
  }
}

/** How many verdicts rest on enough rounds to test whether the rounds depend on each other. */
function independenceOf(claims: Report['claims']): Report['independence'] {
  const rounds = claims.flatMap(({ outcome, estimate }) =>
    outcome !== 'not-evaluated' && estimate && estimate.rounds > 0 ? [estimate.rounds] : [],
  )
  const untested = rounds.filter((count) => count < minRoundsForDependence).length
  return { tested: rounds.length - untested, untested, needed: minRoundsForDependence }
}

function resultOf(
  benchCase: BenchCase,
  platform: string,
  bench: BenchData,
  input: Measured,
): Omit<PlatformResult, 'samples'> {
  const { metrics } = bench
  const own = input.samples.of(benchCase.id, platform)
  const observed = own.some(({ outcome }) => outcome.ok)
  const results = Object.entries(metrics).flatMap(([name, metric]) => {
    const result = metricOf(benchCase, platform, name, metric, input)
    const isUnobserved = result.samples.length === 0 && observed
    return isUnobserved ? [] : [[name, result] as const]
  })
  // An attack profile may really be smaller than native's, without a cache or a clock.
  const isSuspect =
    !bench.workload.traced &&
    results.some(
      ([, { ratioToNative, better }]) =>
        ratioToNative && (better === 'higher' ? ratioToNative.ratio : 1 / ratioToNative.ratio) > suspicious,
    )
  const confinement = own.flatMap(({ outcome }) => (outcome.ok ? (outcome.confinement ?? []) : []))
  const profiles = own.flatMap((sample) => attackProfileOf(sample) ?? [])
  const { traced } = bench.workload
  const about = input.plan.platforms.find(({ name }) => name === platform)
  const unsupported = own.filter(isUnsupported).map(errorOf)[0]
  const share = clientShare(input.samples, benchCase.id, platform)
  const slowStops = own.flatMap((sample) => sample.slowServerStop ?? []).sort((a, b) => b.ms - a.ms)
  return {
    platform,
    ...(slowStops[0] && { slowServerStop: { ...slowStops[0], samples: slowStops.length } }),
    ...(share !== null && { client: { cpu: share } }),
    ...(confinement.length > 0 && {
      confinement: combineConfinement(confinement),
      usedCalls: usedByRole(profiles),
    }),
    ...(traced && about && profiles.length > 0 && { unseen: unseenBy(traced, about, tracedRoles(profiles)) }),
    metrics: Object.fromEntries(results),
    errors: own.flatMap((one) => (isUnsupported(one) ? [] : (failureOf(one) ?? []))),
    ...(unsupported !== undefined && { unsupported }),
    disturbed: own.filter(({ disturbed }) => disturbed).length,
    flags: [
      ...(isSuspect ? (['suspiciously-fast'] as const) : []),
      ...(isClientBound(input.samples, benchCase.id, platform) ? (['client-bound'] as const) : []),
    ],
  }
}

function metricOf(benchCase: BenchCase, platform: string, name: string, metric: Metric, input: Measured): MetricResult {
  const { samples } = input
  const series = samples.series(benchCase.id, platform, name)
  const medians = [...series.rounds.values()]
  return {
    unit: metric.unit,
    better: metric.better,
    samples: samples.of(benchCase.id, platform).flatMap(({ round, outcome }) => {
      if (!outcome.ok) return []
      const value = outcome.values[name]
      const all = outcome.observations?.[name]
      return value === undefined ? [] : [{ round, value, ...(all && { observations: all }) }]
    }),
    median: medians.length > 0 ? median(medians) : null,
    outliers: medians.length > 0 ? countOutliers(medians) : 0,
    ratioToNative: platform === 'native' ? null : ratioToNative(benchCase, platform, name, metric, input),
  }
}

function ratioToNative(
  benchCase: BenchCase,
  platform: string,
  name: string,
  metric: Metric,
  { plan, samples }: Measured,
): MetricResult['ratioToNative'] {
  const own = samples.series(benchCase.id, platform, name, 'native')
  const reference = samples.series(benchCase.id, 'native', name, platform)
  const interval = intervalBetween(own, reference, metric, plan.sequential)
  if (!interval) return null
  const { value, low, high, rounds: count } = asRatio(interval, metric)
  return { ratio: value, low, high, rounds: count }
}

/**
 * The record with the suite's present findings. Benches that the record has not measured are added without cases, so
 * that a claim about them can say so. The expectations of the measured benches stay: whatever is shown, a verdict is
 * corrected for everything that could fail the run.
 */
export function withFindings(record: RunRecord, suite: Pick<Suite, 'benches' | 'findings' | 'problems'>): RunRecord {
  const measured = new Set(record.plan.benches.map(({ id }) => id))
  const unmeasured = suite.benches.filter(({ id }) => !measured.has(id)).map((bench) => ({ ...bench, claims: [] }))
  const benches = [...record.plan.benches, ...unmeasured]
  const findings = [...suite.findings].sort((a, b) => compareFindingIds(a.id, b.id))
  return { ...record, problems: suite.problems, plan: { ...record.plan, benches, findings } }
}

/**
 * Returns the numbers of the findings that state something else today than when the run was made. `judge` and `report`
 * use the run's statements, and `findings` uses today's, so their verdicts can differ. Places in files do not count.
 */
export function changedFindings(record: RunRecord, suite: Pick<Suite, 'findings'>): FindingId[] {
  const isPlace = (key: string) => key === 'location' || key === 'file'
  const statement = (finding: FindingData): unknown =>
    JSON.parse(JSON.stringify(finding, (key, value: unknown) => (isPlace(key) ? undefined : value)))
  const stored = new Map(record.plan.findings.map((finding) => [finding.id, statement(finding)]))
  return suite.findings.flatMap((finding) => {
    const then = stored.get(finding.id)
    return then !== undefined && !isDeepStrictEqual(then, statement(finding)) ? finding.id : []
  })
}
