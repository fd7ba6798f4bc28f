import type { Metric } from '../../dsl/metric.ts'
import type { BenchData } from '../collect/types.ts'
import { clientShare, isClientBound } from '../judge/client.ts'
import { asRatio } from '../judge/compare.ts'
import { exitCode, failures } from '../judge/exit-code.ts'
import { judge } from '../judge/judge.ts'
import { intervalAt, looksOf } from '../judge/looks.ts'
import { roundsOf, Samples } from '../judge/samples.ts'
import { type Point, runsHere } from '../plan/plan.ts'
import type { RunRecord } from '../record/reader.ts'
import type { ScheduledPlan } from '../schedule/plan.ts'
import { countOutliers, type LookPlan, median } from '../stats/index.ts'
import { lackingPrograms } from './lacking.ts'
import { type CellResult, type MetricResult, type Report, reportVersion } from './schema.ts'

/** Better than native by more than this is suspicious: the paper's own §3.3 met "disks" faster than the disk. */
const suspicious = 1.1

/** What figures are made of. */
interface Evidence {
  readonly samples: Samples
  readonly looks: LookPlan | undefined
}

export interface Strictness {
  readonly strict: boolean
  readonly strictPaper?: boolean
}

/** Judges a record and gathers all that there is to tell. Pure. */
export function buildReport(record: RunRecord, { strict, strictPaper = false }: Strictness): Report {
  const { environment } = record
  const plan: ScheduledPlan = record.plan
  const judgement = judge(plan, record.samples)
  const problems = [...record.problems, ...lackingPrograms(record)]
  const evidence: Evidence = { samples: new Samples(record.samples), looks: plan.looks }
  return {
    schemaVersion: reportVersion,
    record: record.file,
    how: record.how,
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
    benches: plan.points.map((point) => {
      const bench = plan.benches.find(({ id }) => id === point.bench)!
      const measured = plan.platforms.filter((one) => runsHere(one, bench))
      return {
        id: bench.id,
        file: bench.file,
        name: bench.name,
        params: { ...point.params },
        tags: [...bench.tags],
        kind: bench.workload.kind,
        cells: measured.map(({ name }) => cellOf(point, name, bench, evidence)),
      }
    }),
    claims: [...judgement.claims],
    findings: [...judgement.findings],
    left: [...plan.left] as Report['left'],
    problems: problems as Report['problems'],
    failures: failures(judgement, strictPaper),
    exitCode: exitCode(judgement, {
      strict,
      strictPaper,
      interrupted: record.how === 'interrupted',
      problems: problems.length,
    }),
  }
}

function cellOf(point: Point, platform: string, { metrics, workload }: BenchData, evidence: Evidence): CellResult {
  const results = Object.entries(metrics).map(
    ([name, metric]) => [name, metricOf(point, platform, name, metric, evidence)] as const,
  )
  // A profile may well be narrower than native's: no cache or clock has a part in it.
  const suspect =
    !workload.traced &&
    results.some(
      ([, { vsNative, better }]) =>
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
      ...(suspect ? (['cache-suspect'] as const) : []),
      ...(isClientBound(evidence.samples, point.id, platform) ? (['client-bound'] as const) : []),
    ],
  }
}

function metricOf(point: Point, platform: string, name: string, metric: Metric, evidence: Evidence): MetricResult {
  const { samples } = evidence
  const series = samples.series(point.id, platform, name)
  const medians = [...series.rounds.values()]
  return {
    unit: metric.unit,
    better: metric.better,
    samples: samples.of(point.id, platform).flatMap(({ round, values, all }) => {
      const value = values?.[name]
      return value === undefined ? [] : [{ round, value, ...(all?.[name] && { all: all[name] }) }]
    }),
    median: medians.length > 0 ? median(medians) : null,
    outliers: medians.length > 0 ? countOutliers(medians) : 0,
    vsNative: platform === 'native' ? null : vsNative(point, platform, name, metric, evidence),
  }
}

function vsNative(
  point: Point,
  platform: string,
  name: string,
  metric: Metric,
  { samples, looks }: Evidence,
): MetricResult['vsNative'] {
  const own = samples.series(point.id, platform, name, 'native')
  const reference = samples.series(point.id, 'native', name, platform)
  const rounds = roundsOf(own, reference, metric)
  if (!Array.isArray(rounds)) return null
  const interval = intervalAt(looksOf(rounds, Math.min(own.visited, reference.visited), looks).at(-1)!)
  const { estimate, low, high, rounds: count } = asRatio(interval, metric)
  return { ratio: estimate, low, high, rounds: count }
}
