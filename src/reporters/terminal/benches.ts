import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import { quantile } from '../../core/stats/index.ts'
import { sanitize, truncate, widthOf, wrap } from '../../util/text.ts'
import { missingValues } from '../failures.ts'
import { formatSlowServerStop } from '../format.ts'
import { type MetricTable, metricTables, type Row } from '../metric-table.ts'
import { disturbance, flagLegend, verdictSymbols } from '../summary.ts'
import type { RenderOptions } from './claims.ts'
import {
  type Colors,
  type Column,
  dimmed,
  gap,
  type TableCell,
  table,
  tableRows,
  verdictColor,
  widthOfTable,
} from './table.ts'

/** Box plots in a line of characters each, on a scale that they share. */

/** Farther apart than this, a linear scale would hide what is small. */
const needsLogScale = 10

export const boxLegend =
  '─ lowest to highest sample, ━ the middle half, ┃ median, ┊ native’s median; each metric has its own scale'

/**
 * `──━━┃━───` for each series: its samples from the lowest to the highest, the middle half of them, and their median.
 * @param series samples, in any order; an empty one gives an empty text
 * @param mark a value that every line shows where nothing else is
 * @param columns of each text, 3 at least
 */
export function boxes(series: readonly (readonly number[])[], mark: number | undefined, columns: number): string[] {
  const sorted = series.map((values) => [...values].sort((a, b) => a - b))
  const ends = sorted.flatMap((values) => (values.length > 0 ? [values[0]!, values.at(-1)!] : []))
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  const log = low > 0 && high / low > needsLogScale
  const share = (value: number) =>
    high === low ? 0.5 : log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low)
  const at = (value: number) => Math.round(share(value) * (columns - 1))
  return sorted.map((values) => {
    if (values.length === 0) return ''
    const line = Array.from({ length: columns }, () => ' ')
    if (mark !== undefined) line[at(mark)] = '┊'
    line.fill('─', at(values[0]!), at(values.at(-1)!) + 1)
    line.fill('━', at(quantile(values, 0.25)), at(quantile(values, 0.75)) + 1)
    line[at(quantile(values, 0.5))] = '┃'
    return line.join('').trimEnd()
  })
}

/** @param beside titles of columns with metrics of other benches */
const columnsOf = (beside: readonly string[]): readonly Column[] => [
  { title: '', keep: true },
  { title: 'platform', names: true, most: 24, least: 8 },
  { title: 'median', align: 'right' },
  { title: '×native', align: 'right' },
  { title: '90 % interval', drop: 2 },
  { title: 'rounds', align: 'right', drop: 1 },
  ...beside.map((title) => ({ title: sanitize(title, 30), align: 'right', drop: 3 }) as const),
  { title: '' },
  { title: '' },
]

/** What a caller shows in another way. */
export interface BenchMarks {
  /** Whether a result is older than the others, and shown dimmed. */
  isStale(caseId: string, platform: string): boolean
  /** Leaves the errors of failed samples out. */
  readonly withoutErrors: boolean
}

/** How tables are shown. */
export type BenchView = Pick<RenderOptions, 'width' | 'ink' | 'root'>

const noMarks: BenchMarks = { isStale: () => false, withoutErrors: false }

/** The columns before the name of the platform, and two more. */
const notesIndent = 5

/** A plot has at most so many columns. It is omitted if the figures and the notes leave fewer than the least. */
const plot = { least: 10, most: 24 }

/** A table per bench, set of parameters and metric. */
export function benchLines(report: Report, view: BenchView, marks = noMarks): string[] {
  const { width, ink } = view
  const lines = report.cases.flatMap((bench, at) => [
    ...(report.cases[at - 1]?.bench.id === bench.bench.id ? [] : headingOf(bench, width, ink)),
    ...caseLines(report, bench, view, marks),
  ])
  const drawn = lines.some((line) => line.includes('┃'))
  const notes = [drawn ? boxLegend : undefined, ...flagLegend(report), disturbance(report)]
  return [...lines, ...notes.flatMap((note) => (note === undefined ? [] : ['', ...wrap(note, width).map(ink.dim)]))]
}

function headingOf({ bench: { name, file } }: CaseResult, width: number, ink: Colors): string[] {
  const title = truncate(sanitize(name), width)
  const place = truncate(sanitize(file), width - widthOf(title) - 2)
  return ['', place.length > 8 ? `${ink.strong(title)}  ${ink.dim(place)}` : ink.strong(title)]
}

function caseLines(report: Report, bench: CaseResult, view: BenchView, marks: BenchMarks): string[] {
  const { width, ink } = view
  const inkOf = (platform: string) => (marks.isStale(bench.case, platform) ? dimmed(ink) : ink)
  const params = sanitize(describeParams(bench.params))
  const tables = metricTables(report, bench).flatMap((one) => {
    const hoisted = unitAbove(one)
    const heading = [params, `${sanitize(one.metric, 60)}${hoisted && ` in ${sanitize(hoisted, 30)}`}, ${one.better}`]
    const lines = tableLines(one, hoisted, width - 4, ink, inkOf)
    return ['', `  ${truncate(heading.filter(Boolean).join(' · '), width - 2)}`, ...lines.map((line) => `    ${line}`)]
  })
  return marks.withoutErrors ? tables : [...tables, ...errorLines(bench, view)]
}

/** A long unit stands above the table, once; otherwise empty. */
const unitAbove = ({ unit, rows }: MetricTable): string =>
  unit.length > 4 && rows.every(({ median }) => median === '–' || median.endsWith(` ${unit}`)) ? unit : ''

type InkOf = (platform: string) => Colors

/** The table, with its notes beside the rows, or below them if there is no room. */
function tableLines(
  { rows, beside }: MetricTable,
  hoisted: string,
  width: number,
  ink: Colors,
  inkOf: InkOf,
): string[] {
  const columns = columnsOf(beside)
  const cells = cellsOf(rows, columns, hoisted, width, inkOf)
  if (widthOfTable(columns, cells) <= width + gap) return table(columns, cells, width, ink)
  const withoutNotes = rows.map((row) => ({ ...row, notes: '' }))
  const [head, ...lines] = tableRows(columns, cellsOf(withoutNotes, columns, hoisted, width, inkOf), width, ink)
  const below = ({ notes }: Row) =>
    wrap(notes, width - notesIndent).map((line) => `${' '.repeat(notesIndent)}${ink.doubt(line)}`)
  return [...head!, ...lines.flatMap((own, at) => [...own, ...below(rows[at]!)])]
}

/** The rows, with as wide a plot as there is room for beside the notes. */
function cellsOf(
  rows: readonly Row[],
  columns: readonly Column[],
  hoisted: string,
  width: number,
  inkOf: InkOf,
): TableCell[][] {
  const rowsWith = (boxes: readonly string[]) =>
    rows.map((row, at) => lineOf(row, hoisted, boxes[at] ?? '', inkOf(row.platform)))
  const series = rows.map(({ result }) => result.samples.map(({ value }) => value))
  const room = Math.min(plot.most, width - widthOfTable(columns, rowsWith([])))
  // One sample each makes no picture.
  if (room < plot.least || series.every((values) => values.length < 2)) return rowsWith([])
  const native = rows.find(({ platform }) => platform === 'native')?.result.median ?? undefined
  return rowsWith(boxes(series, native, room))
}

function lineOf(
  { platform, verdict, median, ratio, interval, rounds, beside, notes }: Row,
  hoisted: string,
  box: string,
  ink: Colors,
): TableCell[] {
  const paint = verdict ? verdictColor(verdict, ink) : ink.plain
  return [
    { text: verdict ? verdictSymbols[verdict.outcome] : '', paint },
    { text: sanitize(platform), paint: ink.plain },
    {
      text: sanitize(hoisted && median.endsWith(hoisted) ? median.slice(0, -hoisted.length - 1) : median, 40),
      paint: ink.plain,
    },
    { text: ratio, paint },
    { text: interval, paint: ink.dim },
    { text: rounds, paint: ink.dim },
    ...beside.map((text) => ({ text: sanitize(text, 30), paint: ink.dim })),
    { text: box, paint },
    { text: notes, paint: ink.doubt },
  ]
}

/** What went wrong on each platform: how often, and the first of it. */
function errorLines(bench: CaseResult, { width, ink, root }: BenchView): string[] {
  const texts = [
    ...missingValues(bench, root).map((text) => sanitize(text, 300)),
    ...bench.results.flatMap(({ platform, slowServerStop: slow }) =>
      slow ? [`${sanitize(platform, 60)}: ${formatSlowServerStop(slow)}`] : [],
    ),
  ]
  return texts.flatMap((text) =>
    wrap(text, width - 6).map((line, at) => ink.doubt(`    ${at === 0 ? '!' : ' '} ${line}`)),
  )
}
