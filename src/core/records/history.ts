import { basename, dirname, join, resolve } from 'node:path'
import { messageOf } from '../../util/errors.ts'
import { failures } from '../judge/exit-code.ts'
import { buildReport } from '../judge/report.ts'
import type { BenchInfo } from '../model/claim.ts'
import { describeParams } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { FindingOutcome } from '../model/verdict.ts'
import { differenceLines } from './fingerprint.ts'
import { folderOf, latestRecord, readRecord, recordsByTime, type SkippedRecord, startTime } from './record-file.ts'

/**
 * Where a series changed its level. Pettitt, "A non-parametric approach to the change-point problem", Applied
 * Statistics 28 (1979): the split with the largest difference of ranks, with its approximate p-value; then each part
 * again (binary segmentation). Advisory: with many series some will be marked by chance.
 */
const alpha = 0.05

/** Indices at which a new level begins, ascending. Below eleven values the test cannot reach its level. */
export function changePoints(values: readonly number[]): number[] {
  const at = pettitt(values)
  if (at === undefined) return []
  const before = changePoints(values.slice(0, at))
  return [...before, at, ...changePoints(values.slice(at)).map((one) => at + one)]
}

/** The index of the first value of the new level, where p is below 5 %. */
function pettitt(values: readonly number[]): number | undefined {
  const n = values.length
  const ranks = midranks(values)
  let sum = 0
  let most = { k: 0, at: 0 }
  for (let t = 1; t < n; t++) {
    sum += ranks[t - 1]!
    const k = Math.abs(2 * sum - t * (n + 1))
    if (k > most.k) most = { k, at: t }
  }
  const p = 2 * Math.exp((-6 * most.k ** 2) / (n ** 3 + n ** 2))
  return p < alpha ? most.at : undefined
}

/** Ranks from 1; equal values share the mean of theirs. */
function midranks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b)
  const first = new Map<number, number>()
  const last = new Map<number, number>()
  sorted.forEach((value, at) => {
    if (!first.has(value)) first.set(value, at + 1)
    last.set(value, at + 1)
  })
  return values.map((value) => (first.get(value)! + last.get(value)!) / 2)
}

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

export interface HistoryRun {
  readonly record: string
  readonly startedAt: string
  readonly revision: string | null
  readonly status: RunRecord['status']
}

export interface MetricHistory {
  readonly bench: BenchInfo
  readonly params: string
  readonly platform: string
  readonly metric: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** One for each run, in their order; null where the run has none. */
  readonly medians: readonly (number | null)[]
  /** platform ÷ native. Where there are any, the change points are theirs: what moves native too is then no change. */
  readonly ratios: readonly (number | null)[]
  readonly changes: readonly {
    /** Index of the run that has the new level. */
    readonly run: number
    /** What else is otherwise than in the run before: a kernel, a version. */
    readonly differs: readonly string[]
  }[]
}

export interface HostHistory {
  /** The hardware. Values of different hosts are never in one series. */
  readonly host: string
  readonly runs: readonly HistoryRun[]
  readonly metrics: readonly MetricHistory[]
  readonly findings: readonly {
    readonly id: number
    readonly title: string
    readonly verdicts: readonly (FindingOutcome | null)[]
  }[]
}

export interface History {
  readonly hosts: readonly HostHistory[]
  /** Records that cannot be read, and why. */
  readonly skipped: readonly { readonly record: string; readonly why: string }[]
}

/** Reads every record of a project. One that cannot be read is skipped. */
export const readHistory = (root: string, wanted: (bench: string) => boolean): History =>
  historyIn(folderOf(root), wanted)

/** As many of the latest runs as a page draws. */
const drawnRuns = 60

/**
 * The history that a stored run is part of: on its host, over the benches that it has. Undefined for a record that
 * does not lie among a project's others.
 */
export function historyFor({ record, cases: benches }: Report): HostHistory | undefined {
  const folder = dirname(resolve(record))
  if (!folder.endsWith(join('.isobench', 'runs'))) return undefined
  const ids = new Set(benches.map(({ bench }) => bench.id))
  const { hosts } = historyIn(folder, (id) => ids.has(id), drawnRuns)
  return hosts.find(({ runs }) => runs.some((run) => resolve(run.record) === resolve(record)))
}

/** How many of the earlier records `formerRun` reads at most. */
const formerRecords = 3

/**
 * The report of the latest earlier run of the same host that measured a case of this one. Undefined if there is none
 * among the latest few, and for a record that does not lie among a project's others.
 */
export function formerRun({ record, cases: benches, environment }: Report): Report | undefined {
  const folder = dirname(resolve(record))
  if (!folder.endsWith(join('.isobench', 'runs'))) return undefined
  const started = Date.parse(environment.startedAt)
  const earlier = recordsByTime(folder).filter((file) => startTime(file) < started)
  const ids = new Set(benches.map((one) => one.case))
  for (const file of earlier.slice(-formerRecords).reverse()) {
    try {
      const former = readRecord(file)
      const isAlike = hostOf(former) === hostOf({ environment }) && former.plan.cases.some(({ id }) => ids.has(id))
      if (isAlike && former.status === 'finished') return buildReport(former, { strict: false })
    } catch {
      // A record of another version is no earlier run.
    }
  }
  return undefined
}

function historyIn(folder: string, wanted: (bench: string) => boolean, most = Number.POSITIVE_INFINITY): History {
  const files = recordsByTime(folder)
  const skipped: { record: string; why: string }[] = []
  const records = files.slice(-Math.min(most, files.length)).flatMap((file) => {
    try {
      const record = readRecord(file)
      return [{ record, report: buildReport(record, { strict: false }) }]
    } catch (error) {
      skipped.push({ record: basename(file), why: messageOf(error) })
      return []
    }
  })
  const byHost = new Map<string, Stored[]>()
  for (const one of records) {
    const host = hostOf(one.record)
    byHost.set(host, [...(byHost.get(host) ?? []), one])
  }
  return { hosts: [...byHost].map(([host, runs]) => hostHistory(host, runs, wanted)), skipped }
}

interface Stored {
  readonly record: RunRecord
  readonly report: Report
}

type Series = Omit<MetricHistory, 'changes' | 'medians' | 'ratios'> & Record<'medians' | 'ratios', (number | null)[]>

/** Hardware and limits. A kernel or a runtime may change along a series: that is what it is looked at for. */
function hostOf({ environment: { cpu, guest, virtualization } }: Pick<RunRecord, 'environment'>): string {
  const of = `${cpu.count} × ${cpu.model}, SMT ${cpu.smt ?? 'unknown'}, governor ${cpu.governor ?? 'unknown'}`
  const limits = `guests of ${guest.cpus.length} CPU and ${guest.memoryBytes / 2 ** 20} MiB`
  return `${of}, ${virtualization ? `inside ${virtualization}` : 'bare metal'}, ${limits}`
}

function hostHistory(host: string, stored: readonly Stored[], wanted: (bench: string) => boolean): HostHistory {
  const series = new Map<string, Series>()
  const findings = new Map<number, { id: number; title: string; verdicts: (FindingOutcome | null)[] }>()
  const none = <T>(): (T | null)[] => stored.map(() => null)
  stored.forEach(({ report }, run) => {
    for (const { bench, params: values, results } of report.cases.filter((one) => wanted(one.bench.id)))
      for (const { platform, metrics } of results)
        for (const [metric, { unit, better, median, ratioToNative }] of Object.entries(metrics)) {
          const params = describeParams(values)
          const key = JSON.stringify([bench.id, params, platform, metric, unit, better])
          const empty = () => ({ medians: none<number>(), ratios: none<number>() })
          const one: Series = series.get(key) ?? { bench, params, platform, metric, unit, better, ...empty() }
          one.medians[run] = median
          one.ratios[run] = ratioToNative?.ratio ?? null
          series.set(key, one)
        }
    for (const { id, title, outcome } of report.findings) {
      const one = findings.get(id) ?? { id, title, verdicts: none<FindingOutcome>() }
      one.verdicts[run] = outcome
      findings.set(id, { ...one, title })
    }
  })
  return {
    host,
    runs: stored.map(({ record, report }) => ({
      record: record.file,
      startedAt: report.environment.startedAt,
      revision: report.environment.revision,
      status: record.status,
    })),
    metrics: groupedByMetric([...series.values()]).map((one) => ({ ...one, changes: changesOf(one, stored) })),
    findings: [...findings.values()].sort((a, b) => a.id - b.id),
  }
}

/** The platforms of a metric together, also those that a later run added. */
function groupedByMetric(series: readonly Series[]): Series[] {
  const keyOf = ({ bench, params, metric }: Series) => JSON.stringify([bench.id, params, metric])
  const groups = new Map<string, Series[]>()
  for (const one of series) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one])
  return [...groups.values()].flat()
}

function changesOf(
  { medians, ratios }: Pick<MetricHistory, 'medians' | 'ratios'>,
  stored: readonly Stored[],
): MetricHistory['changes'] {
  const values = ratios.some((ratio) => ratio !== null) ? ratios : medians
  const measured = values.flatMap((value, run) => (value === null ? [] : [{ value, run }]))
  return changePoints(measured.map(({ value }) => value)).map((at) => {
    const [before, run] = [measured[at - 1]!.run, measured[at]!.run]
    return { run, differs: differenceLines(stored[before]!.record, stored[run]!.record) }
  })
}
