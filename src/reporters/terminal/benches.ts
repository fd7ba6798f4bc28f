import { describeParams } from '../../core/plan/plan.ts'
import type { BenchResult, MetricResult, Report } from '../../core/report/schema.ts'
import { amounts, ratios } from '../amount.ts'
import { betterWord, cacheSuspect, marks, notesOf, roundsOf, verdictOn } from '../facts.ts'
import { cut, plain, plural, wrap } from '../text.ts'
import { type Ink, paintOf } from './ink.ts'
import { type Column, table } from './table.ts'

const columns: readonly Column[] = [
  { title: '', keep: true },
  { title: 'platform', least: 10 },
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
  const suspect = report.benches.some(({ cells }) => cells.some(({ flags }) => flags.includes('cache-suspect')))
  return suspect ? [...lines, '', ...wrap(cacheSuspect, width).map(ink.dim)] : lines
}

function headingOf({ name, file }: BenchResult, width: number, ink: Ink): string[] {
  const title = cut(plain(name), width)
  const place = cut(plain(file), width - title.length - 2)
  return ['', place.length > 8 ? `${ink.strong(title)}  ${ink.dim(place)}` : ink.strong(title)]
}

function pointLines(report: Report, bench: BenchResult, width: number, ink: Ink): string[] {
  const metrics = [...new Set(bench.cells.flatMap(({ metrics }) => Object.keys(metrics)))]
  const params = plain(describeParams(bench.params))
  const tables = metrics.flatMap((metric) => {
    const results = bench.cells.flatMap(({ metrics }) => metrics[metric] ?? [])
    const heading = [params, `${plain(metric, 60)}, ${betterWord(results[0]!.better)}`].filter(Boolean).join(' · ')
    return ['', `  ${cut(heading, width - 2)}`, ...metricLines(report, bench, metric, results, width, ink)]
  })
  return [...tables, ...errorLines(bench, width, ink)]
}

function metricLines(
  report: Report,
  bench: BenchResult,
  metric: string,
  results: readonly MetricResult[],
  width: number,
  ink: Ink,
): string[] {
  const medians = amounts(
    results.map(({ median }) => median),
    results[0]!.unit,
  )
  const against = ratios(results.map(({ vsNative }) => vsNative))
  const cells = bench.cells.filter(({ metrics }) => metrics[metric])
  const rows = cells.map((cell, at) => {
    const verdict = verdictOn(report, bench, cell.platform, metric)
    const paint = verdict ? paintOf(verdict, ink) : undefined
    const { ratio, interval } = against[at]!
    const rounds = roundsOf(results[at]!)
    return [
      { text: verdict ? marks[verdict.verdict] : '', ...(paint && { paint }) },
      { text: plain(cell.platform, 60) },
      { text: plain(medians[at]!, 40) },
      { text: ratio, ...(paint && { paint }) },
      { text: interval, paint: ink.dim },
      { text: String(rounds), paint: ink.dim },
      { text: notesOf(cell, results[at]!).join(', '), paint: ink.doubt },
    ]
  })
  return table(columns, rows, width - 4, ink).map((line) => `    ${line}`)
}

/** What went wrong in each cell: how often, and the first of it. */
function errorLines({ cells }: BenchResult, width: number, ink: Ink): string[] {
  return cells.flatMap(({ platform, errors }) => {
    if (errors.length === 0) return []
    const text = `${plain(platform, 60)}: ${plural(errors.length, 'sample')} failed, the first: ${plain(errors[0]!, 240)}`
    return wrap(text, width - 6).map((line, at) => ink.doubt(`    ${at === 0 ? '!' : ' '} ${line}`))
  })
}
