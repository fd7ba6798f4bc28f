import { describeParams } from '../core/model/plan.ts'
import type { PlatformResult, Report } from '../core/model/report.ts'
import { csvField, documentReporter } from './document.ts'
import { inProject, recordNames, resultsOf } from './summary.ts'

type Fields = readonly (string | number)[]

const header = [
  'bench',
  'params',
  'platform',
  'round',
  'warmup',
  'startedAt',
  'wallMs',
  'disturbed',
  'judged',
  'metric',
  'unit',
  'value',
  'error',
  'location',
]

function rowsOf(report: Report, root: string): Fields[] {
  return resultsOf(report).flatMap(({ bench, result }) =>
    result.samples.flatMap((sample) => {
      const { round, warmup, startedAt = '', wallMs, disturbed, judged } = sample
      const about = [bench.bench.id, describeParams(bench.params), result.platform, round]
      const how = [String(warmup), startedAt, Number(wallMs.toFixed(3)), String(disturbed), String(judged)]
      return valuesOf(result, sample, root).map((fields) => [...about, ...how, ...fields])
    }),
  )
}

/** The metric, unit, value, error and its location, of each row of a sample. A failed sample has one row. */
function valuesOf(
  { metrics }: PlatformResult,
  { values, error, location }: PlatformResult['samples'][number],
  root: string,
): Fields[] {
  if (error !== undefined)
    return [['', '', '', error, location ? `${inProject(location.file, root)}:${location.line}` : '']]
  return Object.entries(values).map(([metric, value]) => [metric, metrics[metric]?.unit ?? '', value, '', ''])
}

const text = (rows: readonly Fields[]): string => rows.map((row) => `${row.map(csvField).join(',')}\r\n`).join('')

/**
 * A row for each sample and metric, in the metric's own unit; RFC 4180. It includes warm-up rounds, failed samples and
 * disturbed samples that were measured again: `judged` is true for the rows that the verdicts use. Of several records,
 * the record's name comes first in each row.
 */
export const csv = documentReporter(
  'csv',
  'a row per sample and metric, for a spreadsheet or R',
  (report, { root }) => text([header, ...rowsOf(report, root)]),
  (runs, { root }) => {
    const names = recordNames(runs.map(({ report }) => report))
    return text([
      ['record', ...header],
      ...runs.flatMap(({ report }, at) => rowsOf(report, root).map((row) => [names[at]!, ...row])),
    ])
  },
)
