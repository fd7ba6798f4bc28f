import { basename, dirname, join, resolve } from 'node:path'
import { compareFindingIds, type FindingId } from '../../dsl/finding-id.ts'
import { messageOf, UsageError } from '../../util/errors.ts'
import { groupBy } from '../../util/group-by.ts'
import { failures } from '../judge/exit-code.ts'
import { buildReport } from '../judge/report.ts'
import type { BenchInfo } from '../model/claim.ts'
import { describeParams } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { benchById } from '../model/suite.ts'
import type { FindingOutcome } from '../model/verdict.ts'
import { isSameWork, type LevelChange, levelChanges, measuredValues, type Work } from './level-changes.ts'
import { lostRunsOf } from './lost-benches.ts'
import {
  folderOf,
  latestRecord,
  readRecord,
  readRecordStart,
  recordsByTime,
  type SkippedRecord,
} from './record-file.ts'

/** Ids of the benches with claims that failed the latest run, or with failed samples. */
export function lastFailed(root: string, onSkipped: (record: SkippedRecord) => void): Set<string> {
  const report = buildReport(latestRecord(root, onSkipped), { strict: false })
  // Not the report's own failures: those of a shard are provisional, and fail nothing.
  const { claims, findings } = failures(report)
  const ofFindings = report.claims.filter(
    ({ finding, outcome }) => finding !== null && findings.includes(finding) && outcome === 'contradicted',
  )
  const broken = report.cases.filter(({ results }) => results.some(({ errors }) => errors.length > 0))
  return new Set([
    ...claims.map((index) => report.claims[index]!.bench.id),
    ...ofFindings.map(({ bench }) => bench.id),
    ...broken.map(({ bench }) => bench.id),
  ])
}

/** How figures and findings moved over the stored runs. */

/** A stored run. */
export interface HistoryRun {
  readonly record: string
  readonly startedAt: string
  readonly revision: string | null
  readonly status: RunRecord['status']
  /** Number of damaged lines that were left out; absent if none. */
  readonly damagedLines?: number
}

/** A metric of a result over the stored runs. */
export interface MetricHistory {
  readonly bench: BenchInfo
  readonly params: string
  readonly platform: string
  readonly metric: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** One for each run, in their order; null where the run has none. */
  readonly medians: readonly (number | null)[]
  /** platform ÷ native, as medians. */
  readonly ratios: readonly (number | null)[]
  /** Changes of the ratios, or of the medians if no run has a ratio. A change of native alone changes no ratio. */
  readonly changes: readonly LevelChange[]
  /** Index of the latest run that should have measured it, if it has no value there. */
  readonly failedRun?: number
  /** Number of the latest runs that selected its bench file, and no longer have the bench, the case or the metric. */
  readonly lostRuns?: number
  /**
   * Number of the latest runs with a value that measured the same work, up to the latest run that could select the
   * bench. 0 if that run lacks the metric, as after a rename.
   */
  readonly comparableRuns: number
}

/** The stored runs of a host. */
export interface HostHistory {
  /** The hardware. Values of different hosts are never in one series. */
  readonly host: string
  readonly runs: readonly HistoryRun[]
  readonly metrics: readonly MetricHistory[]
  readonly findings: readonly {
    readonly id: FindingId
    readonly title: string
    readonly verdicts: readonly (FindingOutcome | null)[]
  }[]
}

export interface History {
  readonly schemaVersion: 1
  readonly hosts: readonly HostHistory[]
  /** Records that cannot be read, and why. `isLatest`: no run that can be read is later. */
  readonly skipped: readonly { readonly record: string; readonly why: string; readonly isLatest: boolean }[]
  /** Records that do not count, because another record has their samples: copies, and what was merged from others. */
  readonly copies: readonly { readonly record: string; readonly of: string }[]
}

/** Reads every record of a project. One that cannot be read is skipped. */
export const readHistory = (root: string, wanted: (bench: string) => boolean): History =>
  historyIn(folderOf(root), wanted)

/** As many of the latest runs as a page draws. */
const drawnRuns = 60

/**
 * The latest value of a series, and the ratio of the same run; null if it has no ratio. Undefined if the latest runs
 * should have measured it and did not.
 */
export function latestFigures({ medians, ratios, failedRun, lostRuns }: MetricHistory) {
  const run = medians.findLastIndex((value) => value !== null)
  if (run === -1 || failedRun !== undefined || lostRuns !== undefined) return undefined
  return { median: medians[run]!, ratio: ratios[run] ?? null }
}

const histories = new WeakMap<Report, HostHistory | undefined>()

/**
 * The history that a stored run is part of: on its host, over the benches that it has. Undefined for a record that
 * does not lie among a project's others. Reads the records once, for all reporters.
 */
export function historyFor(report: Report): HostHistory | undefined {
  if (!histories.has(report)) histories.set(report, findHistory(report))
  return histories.get(report)
}

function findHistory({ record, cases: benches, environment }: Report): HostHistory | undefined {
  const folder = dirname(resolve(record))
  if (!folder.endsWith(join('.isobench', 'runs'))) return undefined
  const ids = new Set(benches.map(({ bench }) => bench.id))
  const { hosts } = historyIn(folder, (id) => ids.has(id), drawnRuns)
  // The record may be a copy, which does not count as a run.
  return hosts.find(({ host }) => host === hostOf({ environment }))
}

const formerRuns = new WeakMap<Report, Report | null | undefined>()

/**
 * The report of the latest earlier run of the same host that measured a case of this one. Reads it once, for all
 * reporters.
 * @returns null if this is the first run of the project; undefined if no earlier run can be compared, or if that is
 *   unknown, because the record does not lie among those of a project
 */
export function formerRun(report: Report): Report | null | undefined {
  if (!formerRuns.has(report)) formerRuns.set(report, findFormerRun(report))
  return formerRuns.get(report)
}

function findFormerRun({ record, cases: benches, environment }: Report): Report | null | undefined {
  const folder = dirname(resolve(record))
  if (!folder.endsWith(join('.isobench', 'runs'))) return undefined
  const earlier = recordsByTime(folder, Date.parse(environment.startedAt))
  const ids = new Set(benches.map((one) => one.case))
  for (const file of [...earlier].reverse()) {
    try {
      // The samples of most records need not be read.
      const start = readRecordStart(file)
      if (hostOf(start) !== hostOf({ environment }) || !start.plan.cases.some(({ id }) => ids.has(id))) continue
      const former = readRecord(file)
      if (former.status === 'finished') return buildReport(former, { strict: false })
    } catch {
      // Another version of isobench wrote it, or a disk has damaged it.
    }
  }
  return earlier.length > 0 ? undefined : null
}

function historyIn(folder: string, wanted: (bench: string) => boolean, most = Number.POSITIVE_INFINITY): History {
  const files = recordsByTime(folder)
  const skipped: { file: string; why: string }[] = []
  const read = files.slice(-most).flatMap((file) => {
    try {
      const record = readRecord(file)
      return [{ record, report: buildReport(record, { strict: false }) }]
    } catch (error) {
      skipped.push({ file, why: messageOf(error) })
      return []
    }
  })
  const { counted, copies } = withoutCopies(read)
  const byHost = groupBy(counted, ({ record }) => hostOf(record))
  const lastRead = files.findLastIndex((file) => !skipped.some((one) => one.file === file))
  return {
    schemaVersion: 1,
    hosts: [...byHost].map(([host, runs]) => hostHistory(host, runs, wanted)),
    skipped: skipped.map(({ file, why }) => ({
      record: basename(file),
      why,
      isLatest: files.indexOf(file) > lastRead,
    })),
    copies,
  }
}

interface Stored {
  readonly record: RunRecord
  readonly report: Report
}

/** Leaves out each record with samples that others have, as a copy of a run or a merge of runs has. */
function withoutCopies(stored: readonly Stored[]): { readonly counted: Stored[]; readonly copies: History['copies'] } {
  const holders = new Map<string, Stored>()
  const copies = new Map<Stored, Stored>()
  // The parts of a merge come before it.
  for (const one of stored.toSorted((a, b) => a.record.samples.length - b.record.samples.length)) {
    const samples = sampleKeys(one.record)
    const found = samples.map((key) => holders.get(key))
    const other = found.find((holder) => holder !== undefined)
    if (other && found.every((holder) => holder !== undefined)) {
      copies.set(one, other)
      continue
    }
    // A merge of which only some parts are here counts instead of them.
    for (const part of new Set(found)) if (part) copies.set(part, one)
    for (const key of samples) holders.set(key, one)
  }
  return {
    counted: stored.filter((one) => !copies.has(one)),
    copies: [...copies].map(([copy, of]) => ({ record: basename(copy.record.file), of: basename(of.record.file) })),
  }
}

/** What identifies each sample of a record, in whatever record it is. A merge changes the numbers of rounds. */
const sampleKeys = ({ environment, plan, samples }: RunRecord): string[] =>
  samples.map(({ case: id, platform, round, startedAt, outcome }) => {
    const when = startedAt ?? [environment.startedAt, plan.seed, round]
    return JSON.stringify([environment.hostname, id, platform, when, outcome.ok ? outcome.values : outcome.error])
  })

type MutableSeries = Omit<
  MetricHistory,
  'changes' | 'medians' | 'ratios' | 'failedRun' | 'lostRuns' | 'comparableRuns'
> &
  Record<'medians' | 'ratios', (number | null)[]> & { readonly works: (Work | null)[] }

/** Hardware and limits. A kernel or a runtime may change along a series: that is what it is looked at for. */
function hostOf({ environment: { cpu, guest, virtualization } }: Pick<RunRecord, 'environment'>): string {
  const of = `${cpu.count} × ${cpu.model}, SMT ${cpu.smt ?? 'unknown'}, governor ${cpu.governor ?? 'unknown'}`
  const limits = `guests of ${guest.cpus.length} CPU and ${guest.memoryBytes / 2 ** 20} MiB`
  return `${of}, ${virtualization ? `inside ${virtualization}` : 'bare metal'}, ${limits}`
}

function hostHistory(host: string, stored: readonly Stored[], wanted: (bench: string) => boolean): HostHistory {
  const series = new Map<string, MutableSeries>()
  const findings = new Map<FindingId, { id: FindingId; title: string; verdicts: (FindingOutcome | null)[] }>()
  const none = <T>(): (T | null)[] => stored.map(() => null)
  stored.forEach(({ record, report }, run) => {
    const workOf = worksOf(record)
    for (const { case: id, bench, params: values, results } of report.cases.filter((one) => wanted(one.bench.id)))
      for (const { platform, metrics } of results)
        for (const [metric, { unit, better, median, ratioToNative }] of Object.entries(metrics)) {
          const params = describeParams(values)
          const key = JSON.stringify([bench.id, params, platform, metric, unit, better])
          const empty = () => ({ medians: none<number>(), ratios: none<number>(), works: none<Work>() })
          const one: MutableSeries = series.get(key) ?? { bench, params, platform, metric, unit, better, ...empty() }
          one.medians[run] = median
          one.ratios[run] = ratioToNative?.ratio ?? null
          one.works[run] = workOf(id, platform)
          series.set(key, one)
        }
    for (const { id, title, outcome } of report.findings) {
      const one = findings.get(id) ?? { id, title, verdicts: none<FindingOutcome>() }
      one.verdicts[run] = outcome
      findings.set(id, { ...one, title })
    }
  })
  const all = groupedByMetric([...series.values()])
  const changes = levelChanges(
    all,
    stored.map(({ record }) => record),
  )
  return {
    host,
    runs: stored.map(({ record, report }) => ({
      record: record.file,
      startedAt: report.environment.startedAt,
      revision: report.environment.revision,
      status: record.status,
      ...(record.plan.damagedLines !== undefined && { damagedLines: record.plan.damagedLines }),
    })),
    metrics: all.map((series, at) => {
      const failedRun = failedRunOf(series, stored)
      const { works: _, ...one } = series
      const comparableRuns = comparableRunsOf(series, stored)
      const lostRuns = lostRunsOf(series, stored)
      return {
        ...one,
        changes: changes[at]!,
        comparableRuns,
        ...(failedRun !== undefined && { failedRun }),
        ...(lostRuns > 0 && { lostRuns }),
      }
    }),
    findings: [...findings.values()].sort((a, b) => compareFindingIds(a.id, b.id)),
  }
}

/** What the results of a record are measurements of. */
function worksOf({ environment, plan, samples }: RunRecord): (id: string, platform: string) => Work {
  const { guest, image } = environment
  const limits = JSON.stringify([plan.profile.seconds, guest.memoryBytes, guest.cpus.length, image])
  const benches = new Map(plan.cases.map(({ id, bench }) => [id, benchById(plan.benches, bench)!]))
  const measured = samples.filter(({ outcome, warmup }) => outcome.ok && !warmup)
  const byResult = groupBy(measured, ({ case: id, platform }) => JSON.stringify([id, platform]))
  return (id, platform) => {
    const digests = (byResult.get(JSON.stringify([id, platform])) ?? []).map(({ workDigest }) => workDigest)
    return { bench: benches.get(id)!.digest, samples: [...new Set(digests)].sort().join(' '), limits }
  }
}

function comparableRunsOf(series: MutableSeries, stored: readonly Stored[]): number {
  const { runs } = measuredValues(series)
  const couldSelect = ({ record: { plan } }: Stored) => !plan.excluded.some(({ bench }) => bench === series.bench.id)
  if (runs.length === 0 || stored.findLastIndex(couldSelect) > runs.at(-1)!) return 0
  const works = runs.map((run) => series.works[run]!)
  const changed = works.findLastIndex((work, at) => at > 0 && !isSameWork(works[at - 1]!, work))
  return runs.length - Math.max(0, changed)
}

/**
 * The latest run that should have measured a result, if it has no value there: samples or the platform failed. A run
 * of another version of the bench that lacks the metric should not have measured it.
 */
function failedRunOf(one: MutableSeries, stored: readonly Stored[]): number | undefined {
  if (one.medians.every((value) => value === null)) return undefined
  const latest = stored.findLastIndex(({ record, report }) => {
    const metric = benchById(record.plan.benches, one.bench.id)?.metrics[one.metric]
    if (metric?.unit !== one.unit || metric.better !== one.better) return false
    const found = report.cases.find(
      ({ bench, params }) => bench.id === one.bench.id && describeParams(params) === one.params,
    )
    if (!found) return false
    const isBroken = report.platforms.some(({ name, available }) => name === one.platform && !available)
    return isBroken || found.results.some(({ platform }) => platform === one.platform)
  })
  return one.medians[latest] === null ? latest : undefined
}

/** The platforms of a metric together, also those that a later run added. */
function groupedByMetric(series: readonly MutableSeries[]): MutableSeries[] {
  const groups = groupBy(series, ({ bench, params, metric }) => JSON.stringify([bench.id, params, metric]))
  return [...groups.values()].flat()
}

/** From where on a history is shown: so many of the latest runs, a date, or the first run of a commit. */
export type Since =
  | { readonly runs: number }
  | { readonly date: string }
  | {
      /** The beginning of a revision. */
      readonly revision: string
    }

/**
 * The later part of a history. Its changes were found in all runs, so that a part of few runs can have one.
 * @throws {UsageError} if no run has the revision
 */
export function historySince(history: History, since: Since): History {
  const date = 'revision' in since ? dateOfRevision(history, since.revision) : 'date' in since ? since.date : undefined
  const hosts = history.hosts.map((host) => {
    const later = host.runs.findIndex(({ startedAt }) => date !== undefined && startedAt >= date)
    const first = 'runs' in since ? Math.max(0, host.runs.length - since.runs) : later
    return hostSince(host, first === -1 ? host.runs.length : first)
  })
  return { ...history, hosts: hosts.filter(({ runs }) => runs.length > 0) }
}

function dateOfRevision({ hosts }: History, revision: string): string {
  const runs = hosts.flatMap((host) => host.runs.filter((run) => run.revision?.startsWith(revision)))
  const [first] = runs.map(({ startedAt }) => startedAt).sort()
  if (first !== undefined) return first
  throw new UsageError(
    `isobench history: --since: no stored run has the commit ${revision}.`,
    'pass a date such as 2026-01-31, a number of runs such as 20, or the commit of a stored run',
  )
}

const failedSince = (run: number | undefined, first: number) =>
  run !== undefined && run >= first ? { failedRun: run - first } : {}

function hostSince({ host, runs, metrics, findings }: HostHistory, first: number): HostHistory {
  return {
    host,
    runs: runs.slice(first),
    metrics: metrics
      .map(({ failedRun, ...one }) => ({
        ...one,
        ...failedSince(failedRun, first),
        medians: one.medians.slice(first),
        ratios: one.ratios.slice(first),
        changes: one.changes
          .filter(({ run }) => run >= first)
          .map((change) => ({
            ...change,
            run: change.run - first,
            formerRun: runSince(change.formerRun, first),
            nearby: change.nearby.map((one) => ({ ...one, run: runSince(one.run, first) })),
          })),
      }))
      .filter(({ medians, failedRun }) => failedRun !== undefined || medians.some((value) => value !== null)),
    findings: findings
      .map((one) => ({ ...one, verdicts: one.verdicts.slice(first) }))
      .filter(({ verdicts }) => verdicts.some((verdict) => verdict !== null)),
  }
}

const runSince = (run: number | null, first: number): number | null =>
  run === null || run < first ? null : run - first
