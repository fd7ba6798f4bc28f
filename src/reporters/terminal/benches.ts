import { describeParams } from '../../core/plan/plan.ts'
import type { BenchResult, Report } from '../../core/report/schema.ts'
import { disturbance, legendOf, marks } from '../facts.ts'
import { metricTables, type Row } from '../rows.ts'
import { cut, plain, plural, widthOf, wrap } from '../text.ts'
import { type Ink, paintOf } from './ink.ts'
import { type Cell, type Column, table } from './table.ts'

const columns: readonly Column[] = [
  { title: '', keep: true },
  { title: 'platform', least: 8 },
  { title: 'median', align: 'right' },
  { title: '×native', align: 'right' },
  { title: '90 % interval' },
  { title: 'rounds', align: 'right' },
  { title: '', least: 6 },
]

/** A table per bench, set of parameters and metric. */
export function benchLines(report: Report, width: number, ink: Ink): string[] {
  const lines = report.benches.flatMap((bench, at) => [
    ...(report.benches[at - 1]?.id === bench.id ? [] : headingOf(bench, width, ink)),
    ...pointLines(report, bench, width, ink),
  ])
  const notes = [...legendOf(report), disturbance(report)].filter((note) => note !== undefined)
  return [...lines, ...notes.flatMap((note) => ['', ...wrap(note, width).map(ink.dim)])]
}

function headingOf({ name, file }: BenchResult, width: number, ink: Ink): string[] {
  const title = cut(plain(name), width)
  const place = cut(plain(file), width - widthOf(title) - 2)
  return ['', place.length > 8 ? `${ink.strong(title)}  ${ink.dim(place)}` : ink.strong(title)]
}

function pointLines(report: Report, bench: BenchResult, width: number, ink: Ink): string[] {
  const params = plain(describeParams(bench.params))
  const tables = metricTables(report, bench).flatMap((one) => {
    const heading = [params, `${plain(one.metric, 60)}, ${one.better}`].filter(Boolean).join(' · ')
    const lines = table(
      columns,
      one.rows.map((row) => lineOf(row, ink)),
      width - 4,
      ink,
    )
    return ['', `  ${cut(heading, width - 2)}`, ...lines.map((line) => `    ${line}`)]
  })
  return [...tables, ...errorLines(bench, width, ink)]
}

function lineOf({ platform, verdict, median, ratio, interval, rounds, notes }: Row, ink: Ink): Cell[] {
  const paint = verdict ? paintOf(verdict, ink) : undefined
  return [
    { text: verdict ? marks[verdict.verdict] : '', ...(paint && { paint }) },
    { text: plain(platform, 60) },
    { text: plain(median, 40) },
    { text: ratio, ...(paint && { paint }) },
    { text: interval, paint: ink.dim },
    { text: rounds, paint: ink.dim },
    { text: notes, paint: ink.doubt },
  ]
}

/** What went wrong in each cell: how often, and the first of it. */
function errorLines({ cells }: BenchResult, width: number, ink: Ink): string[] {
  return cells.flatMap(({ platform, errors }) => {
    if (errors.length === 0) return []
    const failed = `${plural(errors.length, 'sample')} failed`
    const text = `${plain(platform, 60)}: ${failed}, the first: ${plain(errors[0]!, 240)}`
    return wrap(text, width - 6).map((line, at) => ink.doubt(`    ${at === 0 ? '!' : ' '} ${line}`))
  })
}
