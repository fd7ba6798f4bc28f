import { basename } from 'node:path'
import { minSegment } from '../stats/index.ts'
import { type History, type HostHistory, latestFigures, type MetricHistory } from './history.ts'
import { isOfWork } from './level-changes.ts'

/** Whether the stored runs became worse, and whether they can show it. */

/** Whether the latest change of a series is for the worse. Series of native describe the host. */
const isWorse = ({ platform, changes }: MetricHistory): boolean =>
  platform !== 'native' && changes.at(-1)?.direction === 'worse'

/** Whether the work changed with the latest level, so that the platform may be as it was. */
const hasOtherWork = ({ changes }: MetricHistory): boolean => isOfWork(changes.at(-1)!)

/** The series that are worse since their latest change, and did the same work. */
export const worsened = ({ hosts }: Pick<History, 'hosts'>): MetricHistory[] =>
  hosts.flatMap(({ metrics }) => metrics.filter((one) => isWorse(one) && !hasOtherWork(one)))

/** Why nothing is known to be fine although no metric is worse. */
export type Unjudged =
  | { readonly why: 'no-run' }
  /** `most`: comparable runs, of the metric of the latest run that has most of them. */
  | { readonly why: 'too-few-runs'; readonly most: number }
  /** They became worse when their work changed, and the runs since then are too few. */
  | { readonly why: 'different-work'; readonly metrics: readonly MetricHistory[] }
  | { readonly why: 'unreadable' | 'damaged'; readonly records: readonly string[] }
  /** `no-ratio`: native was measured and has a value of 0, or did other work. */
  | { readonly why: 'failed' | 'lost' | 'no-ratio'; readonly metrics: readonly MetricHistory[] }

/**
 * Why the latest runs cannot show that nothing became worse; undefined if they can.
 * @param all the whole history, in which changes are searched
 * @param shown the part of it that is judged
 */
export function unjudged(all: History, shown: History): Unjudged | undefined {
  if (shown.hosts.every(({ metrics }) => metrics.length === 0)) return { why: 'no-run' }
  const records = all.skipped.flatMap(({ record, isLatest }) => (isLatest ? [record] : []))
  if (records.length > 0) return { why: 'unreadable', records }
  const metrics = shown.hosts.flatMap((host) => host.metrics.filter(({ failedRun }) => failedRun !== undefined))
  if (metrics.length > 0) return { why: 'failed', metrics }
  // Runs of another host say nothing about this one. Native is never worse.
  const latest = latestHost(all)
  const { record, damagedLines } = latest.runs.at(-1)!
  if (damagedLines !== undefined) return { why: 'damaged', records: [basename(record)] }
  const judged = latest.metrics.filter(({ platform }) => platform !== 'native')
  const most = Math.max(0, ...judged.map(({ comparableRuns }) => comparableRuns))
  if (most < 2 * minSegment) return { why: 'too-few-runs', most }
  // Ten runs without it show that it was removed on purpose.
  const lost = judged.filter(({ lostRuns = 0 }) => lostRuns > 0 && lostRuns < 2 * minSegment)
  if (lost.length > 0) return { why: 'lost', metrics: lost }
  const withoutRatio = judged.filter((one) => lacksRatio(one, latest.metrics))
  if (withoutRatio.length > 0) return { why: 'no-ratio', metrics: withoutRatio }
  const changed = (shown.hosts.find(({ host }) => host === latest.host)?.metrics ?? []).filter(
    (one) => isWorse(one) && hasOtherWork(one) && one.comparableRuns < 2 * minSegment,
  )
  return changed.length > 0 ? { why: 'different-work', metrics: changed } : undefined
}

/** Whether the latest value of a series has no ratio to native, although others have one and native was measured. */
function lacksRatio(one: MetricHistory, all: readonly MetricHistory[]): boolean {
  const figures = latestFigures(one)
  if (!figures || figures.ratio !== null || one.ratios.every((ratio) => ratio === null)) return false
  const run = one.medians.findLastIndex((value) => value !== null)
  const nameOf = ({ bench, params, metric, unit, better }: MetricHistory) =>
    JSON.stringify([bench.id, params, metric, unit, better])
  const native = all.find((other) => other.platform === 'native' && nameOf(other) === nameOf(one))
  return native?.medians[run] != null
}

const latestHost = ({ hosts }: History): HostHistory =>
  hosts.reduce((one, other) => (one.runs.at(-1)!.startedAt < other.runs.at(-1)!.startedAt ? other : one))
