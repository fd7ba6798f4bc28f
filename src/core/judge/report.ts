import type { Metric } from '../../dsl/metric.ts'
import { type BenchCase, isMeasuredOn, type ScheduledPlan } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import { type MetricResult, type PlatformResult, type Report, reportVersion } from '../model/report.ts'
import type { BenchData, Problem, Suite } from '../model/suite.ts'
import { countOutliers, median, type SequentialPlan } from '../stats/index.ts'
import { clientShare, isClientBound } from './adjustments.ts'
import { exitCode, failures } from './exit-code.ts'
import { judge } from './judge.ts'
import { asRatio } from './rules.ts'
import { pairedDifferences, Samples } from './samples.ts'
import { intervalAt, reachedLooks } from './tests.ts'

/** The benches that run a program which the image lacks, a problem for each of them and program. */
export function missingProgramProblems({ plan, samples }: Pick<RunRecord, 'plan' | 'samples'>): Problem[] {
  return plan.benches.flatMap(({ id, name, file, location }) => {
    const points = new Set(plan.cases.filter(({ bench }) => bench === id).map((point) => point.id))
    const programs = samples.flatMap(({ case: point, missingProgram: lacks }) =>
      lacks !== undefined && points.has(point) ? [lacks] : [],
    )
    return [...new Set(programs)].map((program) => ({
      file,
      message: `"${name}" runs ${program}, and the image has no such program`,
      fix: 'add its Debian package to image.packages in the config; an own root filesystem needs it installed',
      ...(location && { location }),
    }))
  })
}

/** Better than native by more than this is suspicious: the paper's own §3.3 met "disks" faster than the disk. */
const suspicious = 1.1

/** What figures are made of. */
interface Evidence {
  readonly samples: Samples
  readonly sequential: SequentialPlan | undefined
}

export interface Strictness {
  readonly strict: boolean
  readonly strictFindings?: boolean
}

/** Judges a record and gathers all that there is to tell. Pure. */
export function buildReport(record: RunRecord, { strict, strictFindings: strictPaper = false }: Strictness): Report {
  const { environment } = record
  const plan: ScheduledPlan = record.plan
  const judgement = judge(plan, record.samples)
  const problems = [...record.problems, ...missingProgramProblems(record)]
  const evidence: Evidence = { samples: new Samples(record.samples), sequential: plan.sequential }
  return {
    schemaVersion: reportVersion,
    record: record.file,
    status: record.status,
    environment,
    seed: plan.seed,
    profile: { name: plan.profileName, ...plan.profile },
    platforms: plan.platforms.map(({ name, kind, family, available, version, reason, fix }) => ({
      name,
      kind,
      family,
      available,
      version,
      reason: reason ?? null,
      fix: fix ?? null,
    })),
    cases: plan.cases.map((point) => {
      const bench = plan.benches.find(({ id }) => id === point.bench)!
      const measured = plan.platforms.filter((one) => isMeasuredOn(one, bench))
      return {
        id: bench.id,
        file: bench.file,
        name: bench.name,
        params: { ...point.params },
        tags: [...bench.tags],
        kind: bench.workload.kind,
        results: measured.map(({ name }) => resultOf(point, name, bench, evidence)),
      }
    }),
    claims: [...judgement.claims],
    findings: [...judgement.findings],
    excluded: [...plan.excluded] as Report['excluded'],
    problems: problems as Report['problems'],
    failures: failures(judgement, strictPaper),
    exitCode: exitCode(judgement, {
      strict,
      strictFindings: strictPaper,
      interrupted: record.status === 'interrupted',
      problems: problems.length,
    }),
  }
}

function resultOf(
  point: BenchCase,
  platform: string,
  { metrics, workload }: BenchData,
  evidence: Evidence,
): PlatformResult {
  const results = Object.entries(metrics).map(
    ([name, metric]) => [name, metricOf(point, platform, name, metric, evidence)] as const,
  )
  // A profile may well be narrower than native's: no cache or clock has a part in it.
  const suspect =
    !workload.traced &&
    results.some(
      ([, { ratioToNative: vsNative, better }]) =>
        vsNative && (better === 'higher' ? vsNative.ratio : 1 / vsNative.ratio) > suspicious,
    )
  const share = clientShare(evidence.samples, point.id, platform)
  return {
    platform,
    ...(share !== null && { client: { cpu: share } }),
    metrics: Object.fromEntries(results),
    errors: evidence.samples.of(point.id, platform).flatMap(({ error }) => error ?? []),
    disturbed: evidence.samples.of(point.id, platform).filter(({ disturbed }) => disturbed).length,
    flags: [
      ...(suspect ? (['suspiciously-fast'] as const) : []),
      ...(isClientBound(evidence.samples, point.id, platform) ? (['client-bound'] as const) : []),
    ],
  }
}

function metricOf(point: BenchCase, platform: string, name: string, metric: Metric, evidence: Evidence): MetricResult {
  const { samples } = evidence
  const series = samples.series(point.id, platform, name)
  const medians = [...series.rounds.values()]
  return {
    unit: metric.unit,
    better: metric.better,
    samples: samples.of(point.id, platform).flatMap(({ round, values, observations: all }) => {
      const value = values?.[name]
      return value === undefined ? [] : [{ round, value, ...(all?.[name] && { all: all[name] }) }]
    }),
    median: medians.length > 0 ? median(medians) : null,
    outliers: medians.length > 0 ? countOutliers(medians) : 0,
    ratioToNative: platform === 'native' ? null : ratioToNative(point, platform, name, metric, evidence),
  }
}

function ratioToNative(
  point: BenchCase,
  platform: string,
  name: string,
  metric: Metric,
  { samples, sequential: looks }: Evidence,
): MetricResult['ratioToNative'] {
  const own = samples.series(point.id, platform, name, 'native')
  const reference = samples.series(point.id, 'native', name, platform)
  const rounds = pairedDifferences(own, reference, metric)
  if (!Array.isArray(rounds)) return null
  const interval = intervalAt(reachedLooks(rounds, Math.min(own.visited, reference.visited), looks).at(-1)!)
  const { estimate, low, high, rounds: count } = asRatio(interval, metric)
  return { ratio: estimate, low, high, rounds: count }
}

/** The findings as the bench files state them now, over a record that may have been measured with fewer. */

/**
 * The record with every finding of the suite, and with no other claims: what a bench expects of itself is not the paper's.
 * Benches that the record has not measured come with it, without points, so that a claim about them can say so.
 */
export function withFindings(record: RunRecord, suite: Pick<Suite, 'benches' | 'findings' | 'problems'>): RunRecord {
  const measured = new Set(record.plan.benches.map(({ id }) => id))
  const plain = (bench: BenchData): BenchData => ({ ...bench, claims: [] })
  const benches = [...record.plan.benches, ...suite.benches.filter(({ id }) => !measured.has(id))].map(plain)
  const findings = [...suite.findings].sort((a, b) => a.id - b.id)
  return { ...record, problems: suite.problems, plan: { ...record.plan, benches, findings } }
}
