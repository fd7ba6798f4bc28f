import { basename } from 'node:path'
import { describeParams } from '../core/model/plan.ts'
import type { Report } from '../core/model/report.ts'
import { csvField, documentReporter } from './document.ts'
import { resultsOf } from './summary.ts'

const header = ['bench', 'params', 'platform', 'round', 'metric', 'unit', 'value']

function rowsOf(report: Report): (string | number)[][] {
  return resultsOf(report).flatMap(({ bench, result }) =>
    Object.entries(result.metrics).flatMap(([metric, { unit, samples }]) =>
      samples.map(({ round, value }) => [
        bench.bench.id,
        describeParams(bench.params),
        result.platform,
        round,
        metric,
        unit,
        value,
      ]),
    ),
  )
}

const text = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.map(csvField).join(',')}\r\n`).join('')

/**
 * A row per sample, in the metric's own unit; RFC 4180. Of several records, the record's name comes first in each row.
 */
export const csv = documentReporter(
  'csv',
  'a row per sample, for a spreadsheet or R',
  (report) => text([header, ...rowsOf(report)]),
  (runs) =>
    text([
      ['record', ...header],
      ...runs.flatMap(({ report }) => rowsOf(report).map((row) => [basename(report.record), ...row])),
    ]),
)
