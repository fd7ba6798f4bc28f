import type { Metric } from '../../dsl/metric.ts'
import { asRatio, intervalOf } from '../judge/compare.ts'
import { exitCode, failures } from '../judge/exit-code.ts'
import { judge } from '../judge/judge.ts'
import { differences, Samples } from '../judge/samples.ts'
import type { Point } from '../plan/plan.ts'
import type { RunRecord } from '../record/reader.ts'
import { countOutliers, median } from '../stats/index.ts'
import { type CellResult, type MetricResult, type Report, reportVersion } from './schema.ts'

/** Better than native by more than this is suspicious: the paper's own §3.3 met "disks" faster than the disk. */
const suspicious = 1.1

/** Judges a record and gathers all that there is to tell. Pure. */
export function buildReport(record: RunRecord, options: { readonly strict: boolean }): Report {
  const { plan, environment } = record
  const judgement = judge(plan, record.samples)
  const samples = new Samples(record.samples)
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
      const measured = plan.platforms.filter(({ available }) => available)
      return {
        id: bench.id,
        file: bench.file,
        name: bench.name,
        params: { ...point.params },
        cells: measured.map(({ name }) => cellOf(point, name, bench.metrics, samples)),
      }
    }),
    claims: [...judgement.claims],
    findings: [...judgement.findings],
    left: [...plan.left] as Report['left'],
    problems: record.problems as Report['problems'],
    failures: failures(judgement),
    exitCode: exitCode(judgement, {
      strict: options.strict,
      interrupted: record.how === 'interrupted',
      problems: record.problems.length,
    }),
  }
}

function cellOf(
  point: Point,
  platform: string,
  metrics: Readonly<Record<string, Metric>>,
  samples: Samples,
): CellResult {
  const results = Object.entries(metrics).map(
    ([name, metric]) => [name, metricOf(point, platform, name, metric, samples)] as const,
  )
  const suspect = results.some(
    ([, { vsNative, better }]) => vsNative && (better === 'higher' ? vsNative.ratio : 1 / vsNative.ratio) > suspicious,
  )
  return {
    platform,
    metrics: Object.fromEntries(results),
    errors: samples.of(point.id, platform).flatMap(({ error }) => error ?? []),
    flags: suspect ? ['cache-suspect'] : [],
  }
}

function metricOf(point: Point, platform: string, name: string, metric: Metric, samples: Samples): MetricResult {
  const series = samples.series(point.id, platform, name)
  const medians = [...series.rounds.values()]
  return {
    unit: metric.unit,
    better: metric.better,
    samples: samples.of(point.id, platform).flatMap(({ round, values }) => {
      const value = values?.[name]
      return value === undefined ? [] : [{ round, value }]
    }),
    median: medians.length > 0 ? median(medians) : null,
    outliers: medians.length > 0 ? countOutliers(medians) : 0,
    vsNative: platform === 'native' ? null : vsNative(point, platform, name, metric, samples),
  }
}

function vsNative(
  point: Point,
  platform: string,
  name: string,
  metric: Metric,
  samples: Samples,
): MetricResult['vsNative'] {
  const d = differences(samples.series(point.id, platform, name), samples.series(point.id, 'native', name), metric)
  if (!Array.isArray(d)) return null
  const { estimate, low, high, rounds } = asRatio(intervalOf(d), metric)
  return { ratio: estimate, low, high, rounds }
}
