import { describeExit, exitCodes } from '../../core/judge/exit-code.ts'
import type { Report } from '../../core/model/report.ts'
import { pad, plural, sanitize, truncate, widthOf, wrap } from '../../util/text.ts'
import { formatTally } from '../findings.ts'
import { duration } from '../format.ts'
import { cellText, legendText, nativeText } from '../headline/cells.ts'
import type { Before, Fact } from '../headline/facts.ts'
import { type Headline, headlineOf } from '../headline/headline.ts'
import { type Matrix, type MatrixCell, type MatrixRow, matrixOf } from '../headline/matrix.ts'
import { rerunOf } from '../headline/next-steps.ts'
import {
  comparedText,
  countsText,
  durationText,
  factText,
  factTitle,
  findingText,
  nextText,
  othersText,
  signs,
  sinceText,
  sourcesText,
  sureText,
  verdictSign,
  verdictText,
  verdictWord,
} from '../headline/words.ts'
import { timeBudgetText } from '../stop.ts'
import { count, provisionalNotes, shownPath } from '../summary.ts'
import type { RenderOptions } from './claims.ts'
import { type Colorize, gap } from './table.ts'

/** The screen that a run ends with: at most 40 lines for 7 benches on 18 platforms. */

/** Lines of the whole screen. The matrix gets what the other sections leave, and at least a few rows. */
const screen = { lines: 40, leastRows: 5 }

/** How many entries a section shows. The rest is counted. */
const most = { detailed: 2, failures: 7, warnings: 3, better: 2, failedSamples: 2, findings: 5, next: 4 }

export interface ScreenOptions {
  /** Duration of the run in milliseconds. */
  readonly ms?: number
  readonly before: Before
}

export function screenLines(report: Report, view: RenderOptions, { ms, before }: ScreenOptions): string[] {
  const headline = headlineOf(report, before)
  const above = [...verdictLines(headline, report, view, ms), ...failureLines(headline, report, view)]
  const below = [
    ...warningLines(headline, view),
    ...findingNoteLines(headline, report, view),
    ...nextLines(headline, view),
    ...endLines(report, view),
  ]
  const room = screen.lines - above.length - below.length
  return [...above, ...matrixLines(report, view, room), ...below]
}

/** Lines of a section after an empty one, or nothing. */
const section = (lines: readonly string[]): string[] => (lines.length > 0 ? ['', ...lines] : [])

/** A text wrapped after a first indent, the other lines beneath it. */
function hanging(text: string, width: number, indent: number, first = '', paint: Colorize = (line) => line): string[] {
  return wrap(text, width - indent).map((line, at) =>
    at === 0
      ? first + ' '.repeat(Math.max(0, indent - widthOf(first))) + paint(line)
      : ' '.repeat(indent) + paint(line),
  )
}

function verdictLines(headline: Headline, report: Report, { width, ink }: RenderOptions, ms?: number): string[] {
  const { code } = report.exit
  const isBad = code === exitCodes.failed || code === exitCodes.invalid
  const paint: Colorize = (text) => ink.strong((code === 0 ? ink.good : isBad ? ink.bad : ink.doubt)(text))
  const head = `${verdictSign(headline)} ${verdictWord(headline)}`
  const benches = new Set(report.cases.map(({ bench }) => bench.id)).size
  const platforms = new Set(report.cases.flatMap(({ results }) => results.map(({ platform }) => platform))).size
  const size = [
    `${plural(benches, 'bench', 'benches')} on ${plural(platforms, 'platform')}`,
    plural(report.profile.rounds, 'round'),
    ...(ms === undefined ? [] : [`took ${duration(ms)}`]),
  ].join(', ')
  const killed = report.status === 'killed' ? 'the run was killed or is still running · ' : ''
  return [
    '',
    ...hanging(sanitize(verdictText(headline)), width, widthOf(head) + 2, paint(head) + ' '.repeat(2), paint),
    ...hanging(countsText(headline.counts), width, 2),
    ...hanging(sanitize(`${killed}${size} · ${comparedText(headline)}`), width, 2, '', ink.dim),
    ...limits(report).flatMap((text) => hanging(sanitize(text), width, 2, '', ink.doubt)),
  ]
}

/** What the run did not measure although it was asked to, and why its verdicts may change. */
function limits(report: Report): string[] {
  const untraceable = report.excluded.filter(({ reason }) => reason === 'tracer-unavailable')
  const [first] = untraceable
  const traced = `${plural(untraceable.length, 'bench', 'benches')} not traceable on this host: ${first?.detail ?? ''}`
  const budget = timeBudgetText(report)
  return [...provisionalNotes(report), ...(budget ? [budget] : []), ...(first ? [traced] : [])]
}

function failureLines(headline: Headline, report: Report, view: RenderOptions): string[] {
  const { failures, problems } = headline
  const { width, ink } = view
  const broken = problems
    .slice(0, 2)
    .flatMap(({ file, message, fix }) => [
      ...hanging(sanitize(`${file}: ${message}`), width, 2, ink.bad(signs.fails), ink.bad),
      ...(fix ? hanging(sanitize(`fix: ${fix}`), width, 4) : []),
    ])
  const isFew = failures.length <= most.detailed
  const shown = failures.slice(0, most.failures)
  const rest = failures.length - shown.length
  return [
    ...section([...broken, ...(problems.length > 2 ? [`  … and ${problems.length - 2} more problems`] : [])]),
    ...section(shown.flatMap((fact, at) => failureLinesOf(fact, headline, report, view, isFew || at === 0))),
    ...(rest > 0 ? [ink.dim(`  … and ${rest} more: isobench report --all`)] : []),
  ]
}

/** A failure with its evidence and its command, or on one line. */
function failureLinesOf(
  fact: Fact,
  headline: Headline,
  report: Report,
  { width, ink, root }: RenderOptions,
  isDetailed: boolean,
): string[] {
  const sign = fact.direction === 'better' ? signs.better : signs.fails
  const paint = fact.direction === 'better' ? ink.doubt : ink.bad
  const title = sanitize(factTitle(fact), 120)
  const what = sanitize(factText(fact))
  if (!isDetailed) return [paint(truncate(`${sign} ${title}: ${what}`, width))]
  const oneLine = `${title}: ${what}`
  const command = rerunOf(report, fact)
  const takes = command && durationText(command.seconds)
  const others = othersText(fact)
  const row = (label: string, text: string) => hanging(sanitize(text), width, 11, `  ${ink.dim(pad(label, 9))}`)
  return [
    ...hanging(oneLine, width, 2, paint(sign), (line) => ink.strong(paint(line))),
    ...row('how sure', others ? `${sureText(fact)}; ${others}` : sureText(fact)),
    ...row('since', `${sinceText(fact.subjects[0]!, headline)} · ${sourcesText(fact, root)}`),
    ...(command ? row('do', takes ? `${command.line}   (${takes})` : command.line) : []),
  ]
}

/** The matrix in at most so many lines, its empty line, heading and legend included. */
function matrixLines(report: Report, { width, ink }: RenderOptions, lines: number): string[] {
  const names = Math.min(24, Math.max(14, Math.floor(width / 5)))
  const columns = Math.max(1, Math.floor((width - names) / 8.6))
  const rows = Math.max(screen.leastRows, lines - 6)
  const matrix = matrixOf(report, { columns, rows })
  return matrix ? drawMatrix(matrix, { width, ink, names }) : []
}

function drawMatrix(
  matrix: Matrix,
  { width, ink, names }: Pick<RenderOptions, 'width' | 'ink'> & { readonly names: number },
): string[] {
  const { columns, omitted } = matrix
  const rows = [nativeRow, ...matrix.rows]
  const texts = rows.map((row) =>
    columns.map((column, at) => (row === nativeRow ? nativeText(column) : cellText(row.cells[at]!))),
  )
  const available = Math.floor((width - names - 2) / columns.length) - gap
  const widths = columns.map(({ label, detail }, at) => {
    const cells = Math.max(...texts.map((row) => widthOf(row[at]!)))
    return Math.max(
      cells,
      Math.min(Math.max(widthOf(sanitize(label)), widthOf(sanitize(detail))), Math.max(available, 6)),
    )
  })
  const space = ' '.repeat(gap)
  const line = (name: string, cells: readonly string[], paint: (at: number) => Colorize) => {
    const drawn = cells.map((cell, at) => {
      const text = truncate(cell, widths[at]!)
      const painted = text === '' ? '' : paint(at)(text)
      return space + painted + ' '.repeat(Math.max(0, widths[at]! - widthOf(text)))
    })
    return (pad(name, names) + drawn.join('')).trimEnd()
  }
  const dim = () => ink.dim
  const heading = (pick: 'label' | 'detail') =>
    line(
      '',
      columns.map((column) => sanitize(column[pick], 60)),
      dim,
    )
  const drawn = rows.flatMap((row, at) => {
    const [first, ...others] = nameLines(row, names)
    const paint = (cell: number): Colorize => (row === nativeRow ? ink.dim : colorOf(row.cells[cell]!, ink))
    return [line(first!, texts[at]!, paint), ...others]
  })
  const left = [
    ...(omitted.columns.length > 0 ? [plural(omitted.columns.length, 'more bench', 'more benches')] : []),
    ...(omitted.platforms.length > 0 ? [plural(omitted.platforms.length, 'more platform')] : []),
  ]
  const legend = legendText(matrix) + (left.length > 0 ? `; ${left.join(' and ')}: isobench report --all` : '')
  return [
    '',
    heading('label'),
    heading('detail'),
    ...drawn,
    ...wrap(legend, width - 2).map((text) => ink.dim(`  ${text}`)),
  ]
}

const nativeRow: MatrixRow = { platforms: ['native'], cells: [] }

/** The names of a row, wrapped into its column. */
function nameLines({ platforms }: MatrixRow, columns: number): string[] {
  const room = columns - 2
  const names = platforms.map((name) => truncate(sanitize(name, 60), room)).join(' ')
  return wrap(names, room).map((text) => `  ${text}`)
}

function colorOf({ state, fails, isSuspicious }: MatrixCell, ink: RenderOptions['ink']): Colorize {
  if (fails || state === 'failed') return ink.bad
  if (state === 'better') return isSuspicious ? ink.doubt : ink.good
  return state === 'same' || state === 'none' ? ink.dim : (text) => text
}

/** Entries on one line each, and how many more there are. */
function listed<T>(all: readonly T[], limit: number, lineOf: (one: T) => string, ink: RenderOptions['ink']): string[] {
  const rest = all.length - limit
  return [
    ...all.slice(0, limit).map(lineOf),
    ...(rest > 0 ? [ink.dim(`  … and ${rest} more: isobench report --all`)] : []),
  ]
}

function warningLines({ warnings, better, failedSamples }: Headline, { width, ink }: RenderOptions): string[] {
  const factLine = (sign: string, paint: Colorize) => (fact: Fact) =>
    paint(truncate(sanitize(`${sign} ${factTitle(fact)}: ${factText(fact)}`), width))
  return section([
    ...listed(warnings, most.warnings, factLine(signs.warns, ink.doubt), ink),
    ...listed(better, most.better, factLine(signs.better, ink.good), ink),
    ...listed(
      failedSamples,
      most.failedSamples,
      ({ bench, platforms, count: number, error }) => {
        const where = platforms.length > 2 ? plural(platforms.length, 'platform') : platforms.join(', ')
        return ink.doubt(
          truncate(sanitize(`! ${plural(number, 'sample')} failed: ${bench} · ${where}: ${error}`), width),
        )
      },
      ink,
    ),
  ])
}

function findingNoteLines({ findings }: Headline, report: Report, { width, ink }: RenderOptions): string[] {
  if (report.findings.length === 0) return []
  const noteSigns = { lost: signs.fails, improved: signs.better, doubtful: signs.doubt, holds: '', open: '' } as const
  const lines = listed(
    findings,
    most.findings,
    (note) => {
      const ids = note.findings.map(({ id }) => id).join(', ')
      const paint = note.kind === 'lost' ? ink.bad : ink.doubt
      const head = `${noteSigns[note.kind]} ${pad(ids, 3, 'right')}`
      const text = sanitize(`${findingText(note)} · ${note.findings[0]!.title}`)
      return `${paint(head)}  ${truncate(text, width - widthOf(head) - 2)}`
    },
    ink,
  )
  const evaluated = count(report.findings)['not-evaluated'] < report.findings.length
  return evaluated ? section([...hanging(`Findings: ${formatTally(report.findings)}`, width, 2), ...lines]) : []
}

function nextLines(headline: Headline, { width, ink }: RenderOptions): string[] {
  const lines = headline.next.slice(0, most.next).flatMap((step) => {
    const text = sanitize(nextText(step, headline))
    const takes = step.command && durationText(step.command.seconds)
    const command = step.command ? `: ${step.command.line}${takes ? `   (${takes})` : ''}` : ''
    return hanging(`${text}${command}`, width, 6, ink.dim('Next'))
  })
  return section(lines.map((line, at) => (at === 0 ? line : line.replace('Next', '    '))))
}

function endLines(report: Report, { width, ink, root }: RenderOptions): string[] {
  const { code } = report.exit
  const isBad = code === exitCodes.failed || code === exitCodes.invalid
  const paint = code === 0 ? ink.good : isBad ? ink.bad : ink.doubt
  return [
    ...wrap(`record ${sanitize(shownPath(report.record, root))}`, width).map(ink.dim),
    ...wrap(`exit code ${code}: ${describeExit(report.exit)}`, width).map(paint),
  ]
}
