import { basename } from 'node:path'
import { describeParams } from '../core/model/plan.ts'
import type { Report } from '../core/model/report.ts'
import type { HostHistory } from '../core/records/history.ts'
import { distinctNames } from './distinct.ts'
import { csvField, documentReporter } from './document.ts'
import { resultsOf } from './summary.ts'

/**
 * The CSV that Apache Otava imports (its page CSV.md and otava/importer.py): a row per run with `time`, `commit` and a
 * column per series, read by Python's `csv` with a double quote as its quote.
 */

/** A run and its values by series. */
interface Row {
  readonly time: string
  readonly commit: string
  readonly record: string
  readonly values: ReadonlyMap<string, number>
}

const fixed = ['time', 'commit', 'record']

const seriesOf = (bench: string, params: string, platform: string, metric: string): string =>
  [bench, params, metric, platform].filter(Boolean).join(' · ')

const addTo = (values: Map<string, number>, name: string, median: number | null, ratio: number | null): void => {
  if (median !== null) values.set(name, median)
  if (ratio !== null) values.set(`${name} · ×native`, ratio)
}

function rowOf(report: Report): Row {
  const values = new Map<string, number>()
  for (const { bench, result } of resultsOf(report))
    for (const [metric, { median, ratioToNative }] of Object.entries(result.metrics)) {
      const name = seriesOf(bench.bench.id, describeParams(bench.params), result.platform, metric)
      addTo(values, name, median, ratioToNative?.ratio ?? null)
    }
  const { startedAt, revision } = report.environment
  return { time: startedAt, commit: revision ?? '', record: basename(report.record), values }
}

const rowsOfHistory = ({ runs, metrics }: HostHistory): Row[] =>
  runs.map(({ startedAt, revision, record }, run) => {
    const values = new Map<string, number>()
    for (const { bench, params, platform, metric, medians, ratios } of metrics)
      addTo(values, seriesOf(bench.id, params, platform, metric), medians[run] ?? null, ratios[run] ?? null)
    return { time: startedAt, commit: revision ?? '', record: basename(record), values }
  })

/**
 * Otava requires a number in every row. Its other importers fill gaps with the value before, or at the start of a
 * series with the one after; so does this.
 */
function filled(values: readonly (number | undefined)[]): number[] {
  let former = values.find((value) => value !== undefined)!
  return values.map((value) => {
    former = value ?? former
    return former
  })
}

function csvOf(rows: readonly Row[]): string {
  const sorted = [...rows].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  const series = [...new Set(sorted.flatMap(({ values }) => [...values.keys()]))]
  const names = distinctNames([...fixed, ...series], (name, suffix) => csvField(name + suffix))
  const columns = series.map((name) => filled(sorted.map(({ values }) => values.get(name))))
  const lines = sorted.map(({ time, commit, record }, row) =>
    [...[time, commit, record].map(csvField), ...columns.map((values) => values[row]!)].join(','),
  )
  return [names.join(','), ...lines].map((line) => `${line}\r\n`).join('')
}

export const otavaCsv = documentReporter(
  'otava-csv',
  'a row per run for Apache Otava: the run with its history, or the given records',
  (report, { history }) => {
    const earlier = history?.(report)
    return csvOf(earlier ? rowsOfHistory(earlier) : [rowOf(report)])
  },
  (runs) => csvOf(runs.map(({ report }) => rowOf(report))),
)
