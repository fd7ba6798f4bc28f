import { describeParams } from '../core/plan/plan.ts'
import { documentKind } from './document.ts'
import { csvField } from './escape.ts'
import { cellsOf } from './facts.ts'

const header = ['bench', 'params', 'platform', 'round', 'metric', 'unit', 'value']

/** A row per sample, in the metric's own unit; RFC 4180. */
export const csv = documentKind('csv', 'a row per sample, for a spreadsheet or R', (report) => {
  const rows = cellsOf(report).flatMap(({ bench, cell }) =>
    Object.entries(cell.metrics).flatMap(([metric, { unit, samples }]) =>
      samples.map(({ round, value }) => [
        bench.id,
        describeParams(bench.params),
        cell.platform,
        round,
        metric,
        unit,
        value,
      ]),
    ),
  )
  return [header, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('')
})
