import { describeParams } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { benchById, benchInfo } from '../model/suite.ts'

/** The bench files that a run selected, whatever became of their benches. */
export const selectedFiles = ({ plan, problems }: Pick<RunRecord, 'plan' | 'problems'>): Set<string> =>
  new Set([
    ...[...plan.benches, ...(plan.shard?.others ?? []), ...problems].map(({ file }) => file),
    ...plan.excluded.map(({ bench }) => benchInfo(bench, []).file),
  ])

/** What a series of stored runs is of, and its value in each run; null where a run has none. */
interface StoredSeries {
  readonly bench: { readonly id: string; readonly file: string }
  readonly params: string
  readonly metric: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  readonly medians: readonly (number | null)[]
}

/**
 * How many runs lack a series since the last one that has it, although they selected its bench file: the bench, its
 * parameters or the metric have another name now, or are gone. A run that did not select the bench does not lack it.
 */
export function lostRunsOf(
  { bench, params, metric, unit, better, medians }: StoredSeries,
  stored: readonly { readonly record: RunRecord; readonly report: Report }[],
): number {
  const last = medians.findLastIndex((value) => value !== null)
  if (last === -1) return 0
  const profile = stored[last]!.record.plan.profileName
  return stored.slice(last + 1).filter(({ record, report }) => {
    const { plan } = record
    if (plan.excluded.some((one) => one.bench === bench.id)) return false
    const now = benchById(plan.benches, bench.id)
    if (!now) return selectedFiles(record).has(bench.file)
    const own = now.metrics[metric]
    if (own?.unit !== unit || own.better !== better) return true
    const isMeasured = report.cases.some((one) => one.bench.id === bench.id && describeParams(one.params) === params)
    // Another profile may give a bench other parameters.
    return !isMeasured && plan.profileName === profile
  }).length
}
