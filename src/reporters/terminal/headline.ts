import { exitCodes } from '../../core/judge/exit-code.ts'
import type { Report } from '../../core/model/report.ts'
import { pad, plural, sanitize, truncate, widthOf, wrap } from '../../util/text.ts'
import { describeExit } from '../exit-text.ts'
import { failedOn } from '../failures.ts'
import { formatTally } from '../findings.ts'
import { duration } from '../format.ts'
import type { Before, Fact } from '../headline/facts.ts'
import { findingFact } from '../headline/finding-words.ts'
import { type Headline, headlineOf } from '../headline/headline.ts'
import { moreAbout, rerunOf } from '../headline/next-steps.ts'
import { nextText } from '../headline/next-words.ts'
import {
  allowedText,
  comparedText,
  comparisonText,
  countsText,
  durationText,
  factText,
  factTitle,
  noteSigns,
  othersText,
  signs,
  sinceText,
  sourcesText,
  sureText,
  verdictSign,
  verdictText,
  verdictWord,
} from '../headline/words.ts'
import { addedText, addedTitle } from '../new-names.ts'
import { timeBudgetText } from '../stop.ts'
import { benchName, count, provisionalNotes, shownPath } from '../summary.ts'
import { allTablesCommand, namedRecord, type RenderOptions } from './claims.ts'
import { type DrawnMatrix, matrixWithin, widestMatrix } from './matrix.ts'
import type { Colorize } from './table.ts'

/** The screen that a run ends with: at most 40 lines for 7 benches on 18 platforms. */

/** Lines of the whole screen. */
const screen = 40

/** How many entries the sections show. The rest is counted. */
interface Limits {
  readonly failures: number
  /** Failures with their evidence and their command. */
  readonly detailed: number
  /** Whether their details have the command that shows more. */
  readonly hasMore: boolean
  readonly warnings: number
  readonly findings: number
}

/** The first one with which everything fits on the screen. */
const limits: readonly Limits[] = [
  { failures: 7, detailed: 3, hasMore: true, warnings: 4, findings: 6 },
  { failures: 6, detailed: 2, hasMore: true, warnings: 3, findings: 5 },
  { failures: 6, detailed: 2, hasMore: false, warnings: 3, findings: 4 },
  { failures: 5, detailed: 1, hasMore: true, warnings: 2, findings: 4 },
  { failures: 4, detailed: 1, hasMore: true, warnings: 2, findings: 3 },
  { failures: 3, detailed: 1, hasMore: false, warnings: 1, findings: 2 },
]

/** The share of a line that the title of a finding gets. */
const titleShare = 0.36

export interface ScreenOptions {
  /** Duration of the run in milliseconds, without the wait for another isobench process. */
  readonly ms?: number
  /** Milliseconds of that wait. */
  readonly waitedMs?: number
  readonly before: Before
}

export function screenLines(report: Report, view: RenderOptions, options: ScreenOptions): string[] {
  const headline = headlineOf(report, options.before)
  const matrices = new Map<number, DrawnMatrix>()
  const matrixOfRows = (rows: number): DrawnMatrix => {
    const known = matrices.get(rows) ?? widestMatrix(report, view, rows)
    matrices.set(rows, known)
    return known
  }
  let lines: string[] = []
  for (const limit of limits) {
    const above = [
      ...verdictLines(headline, report, view, options),
      ...failureLines(headline, report, view, limit),
      ...newNameLines(headline, report, view, limit),
      ...suspendedLines(headline, report, view, limit),
    ]
    const below = [
      ...warningLines(headline, report, view, limit),
      ...findingNoteLines(headline, report, view, limit),
      ...nextLines(headline, report, view),
      ...endLines(report, view),
    ]
    const matrix = matrixWithin(screen - above.length - below.length, matrixOfRows)
    lines = [...above, ...matrix.lines, ...below]
    if (matrix.isWhole && lines.length <= screen) break
  }
  return lines
}

/** Lines of a section after an empty one, or nothing. */
const section = (lines: readonly string[]): string[] => (lines.length > 0 ? ['', ...lines] : [])

/** A space that no line breaks at: between a number and its unit, and between an option and its value. */
const unbroken = '\u00a0'

/** Keeps together what reads as one: `90 %`, `[19, 28 %]`, `2 min 3 s`, `--rounds 10..30`. */
const keepTogether = (text: string): string =>
  text
    .replace(/\[[^[\]]{1,30}\]/g, (bounds) => bounds.replaceAll(' ', unbroken))
    .replace(/(\d) (?=(?:%|×|ms|s|min|h|µs|ns|of)(?![\w]))/g, `$1${unbroken}`)
    .replace(/(?<=\s--[a-z-]+) (?=\S)/g, unbroken)

/** A text wrapped after a first indent, the other lines beneath it. */
function hanging(text: string, width: number, indent: number, first = '', paint: Colorize = (line) => line): string[] {
  const lines = wrap(keepTogether(text), width - indent).map((line) => line.replaceAll(unbroken, ' '))
  return lines.map((line, at) =>
    at === 0
      ? first + ' '.repeat(Math.max(0, indent - widthOf(first))) + paint(line)
      : ' '.repeat(indent) + paint(line),
  )
}

/** A shorter wait for another isobench process is not worth a word. */
const shortWaitMs = 2000

/** `took 12 s, after waiting 3 min for another isobench process`. */
function tookText({ ms, waitedMs = 0 }: ScreenOptions): string[] {
  if (ms === undefined) return []
  const waited = waitedMs > shortWaitMs ? `, after waiting ${duration(waitedMs)} for another isobench process` : ''
  return [`took ${duration(ms)}${waited}`]
}

/** How a run ended, if neither the verdict nor the size says it. */
const endings: Readonly<Partial<Record<Report['status'], string>>> = {
  killed: 'the run was killed or is still running',
  stopped: 'an error stopped the run',
}

function verdictLines(
  headline: Headline,
  report: Report,
  { width, ink }: RenderOptions,
  options: ScreenOptions,
): string[] {
  const { state } = headline
  const isBad = state === 'failed' || state === 'invalid'
  const paint: Colorize = (text) => ink.strong((state === 'passed' ? ink.good : isBad ? ink.bad : ink.doubt)(text))
  const head = `${verdictSign(headline)} ${verdictWord(headline)}`
  const benches = new Set(report.cases.map(({ bench }) => bench.id)).size
  const platforms = new Set(report.cases.flatMap(({ results }) => results.map(({ platform }) => platform))).size
  const { rounds } = report.profile
  const size = [
    [plural(benches, 'bench', 'benches'), plural(platforms, 'platform'), plural(rounds, 'round')].join(' × '),
    ...tookText(options),
  ].join(', ')
  const ended = endings[report.status]
  return [
    '',
    ...hanging(sanitize(verdictText(headline)), width, widthOf(head) + 2, paint(head) + ' '.repeat(2), paint),
    ...hanging(countsText(headline.counts), width, 2),
    ...hanging(sanitize(`${ended ? `${ended} · ` : ''}${size} · ${comparedText(headline)}`), width, 2, '', ink.dim),
    ...restrictions(report).flatMap((text) => hanging(sanitize(text), width, 2, '', ink.doubt)),
  ]
}

/** What the run did not measure although it was asked to, and why its verdicts may change. */
function restrictions(report: Report): string[] {
  const untraceable = report.excluded.filter(({ reason }) => reason === 'tracer-unavailable')
  const [first] = untraceable
  const traced = `${plural(untraceable.length, 'bench', 'benches')} not traceable on this host: ${first?.detail ?? ''}`
  const budget = timeBudgetText(report)
  return [...provisionalNotes(report), ...(budget ? [budget] : []), ...(first ? [traced] : [])]
}

function failureLines(headline: Headline, report: Report, view: RenderOptions, limit: Limits): string[] {
  const { failures, problems } = headline
  const { width, ink } = view
  const broken = problems.slice(0, 2).flatMap(({ file, message, fix, location }) => {
    const place = location ? `${shownPath(location.file, view.root)}:${location.line}` : file
    const text = hanging(sanitize(`${place}: ${message}`), width, 2, ink.bad(signs.fails), ink.bad)
    return [...text, ...(fix ? hanging(sanitize(`fix: ${fix}`), width, 4) : [])]
  })
  const shown = failures.slice(0, limit.failures)
  const rest = failures.length - shown.length
  return [
    ...section([...broken, ...(problems.length > 2 ? [`  … and ${plural(problems.length - 2, 'more problem')}`] : [])]),
    ...section(
      shown.flatMap((fact, at) =>
        failureLinesOf(fact, headline, report, view, at < limit.detailed ? limit : undefined),
      ),
    ),
    ...(rest > 0 ? [ink.dim(`  … and ${rest} more: ${allTablesCommand(report, view)}`)] : []),
  ]
}

/** A failure with its evidence and its commands, or on one line without limits. */
function failureLinesOf(
  fact: Fact,
  headline: Headline,
  report: Report,
  view: RenderOptions,
  limit: Limits | undefined,
): string[] {
  const { width, ink, root } = view
  const sign = fact.direction === 'better' ? signs.better : signs.fails
  const paint = fact.direction === 'better' ? ink.doubt : ink.bad
  const title = sanitize(factTitle(fact), 120)
  const what = sanitize(factText(fact))
  if (!limit) return [paint(truncate(`${sign} ${title}: ${what}`, width))]
  const oneLine = `${title}: ${what}`
  const command = rerunOf(report, fact)
  const takes = durationText(command?.seconds ?? null)
  const others = othersText(fact)
  const indent = (label: string) => `  ${ink.dim(pad(label, 7))}`
  const row = (label: string, text: string) => hanging(sanitize(text), width, 9, indent(label))
  const more = moreAbout(fact, headline, namedRecord(report, view))
  return [
    ...hanging(oneLine, width, 2, paint(sign), (line) => ink.strong(paint(line))),
    ...row('sure', others ? `${sureText(fact)}; ${others}` : sureText(fact)),
    ...row('since', `${sinceText(fact.subjects[0]!, headline)} · ${sourcesText(fact, report, root)}`),
    ...(limit.hasMore ? commandLines(more, undefined, width, 9, indent('more')) : []),
    ...(command ? commandLines(command.line, takes, width, 9, indent('again')) : []),
  ]
}

/** The names that the baseline did not have, of each profile. */
const newNameLines = ({ newNames }: Headline, report: Report, view: RenderOptions, { failures }: Limits): string[] =>
  section(
    listed(
      newNames,
      failures,
      (names) => {
        const text = sanitize(`${addedTitle(names)}: ${addedText(names)}`, 600)
        return hanging(text, view.width, 2, view.ink.bad(signs.fails), view.ink.bad)
      },
      report,
      view,
    ),
  )

/** What the data say, and what keeps it from being a verdict: the text of the verdict has the reason. */
const suspendedLines = ({ suspended }: Headline, report: Report, view: RenderOptions, { failures }: Limits): string[] =>
  section(
    listed(
      suspended,
      failures,
      (verdict) => {
        const what = `${comparisonText(verdict)}, ${allowedText(verdict)}`
        const text = `${benchName(verdict.bench)}: ${sanitize(what)}`
        return view.ink.doubt(truncate(`${signs.doubt} ${text}`, view.width))
      },
      report,
      view,
    ),
  )

/** A command that can be pasted, also if it is broken; how long it takes, on its last line if there is room. */
function commandLines(line: string, takes: string | undefined, width: number, indent: number, first: string): string[] {
  const broken = hanging(line, width - 2, indent, first)
  const lines = broken.map((text, at) => (at < broken.length - 1 ? `${text} \\` : text))
  if (takes === undefined) return lines
  const last = lines.at(-1)!
  const note = `(${takes})`
  if (widthOf(last) + 3 + widthOf(note) <= width) return [...lines.slice(0, -1), `${last}   ${note}`]
  return [...lines, ' '.repeat(indent) + note]
}

/** Failed samples on three lines at most: the cause stands at the end. */
function failedSampleLines(text: string, width: number): string[] {
  const [first = '', second, ...rest] = wrap(sanitize(text), width - 2)
  return [first, ...[second ?? '', rest.join(' ')].filter(Boolean).map((line) => `  ${truncate(line, width - 2)}`)]
}

/** Entries, and how many more there are. */
function listed<T>(
  all: readonly T[],
  limit: number,
  lineOf: (one: T) => string | readonly string[],
  report: Report,
  view: RenderOptions,
): string[] {
  const rest = all.length - limit
  return [
    ...all.slice(0, limit).flatMap(lineOf),
    ...(rest > 0 ? [view.ink.dim(`  … and ${rest} more: ${allTablesCommand(report, view)}`)] : []),
  ]
}

function warningLines(
  { warnings, better, failedSamples }: Headline,
  report: Report,
  view: RenderOptions,
  { warnings: most }: Limits,
): string[] {
  const { width, ink, root } = view
  const factLine = (sign: string, paint: Colorize) => (fact: Fact) =>
    paint(truncate(sanitize(`${sign} ${factTitle(fact)}: ${factText(fact)}`), width))
  return section([
    ...listed(warnings, most, factLine(signs.warns, ink.doubt), report, view),
    ...listed(better, Math.min(2, most), factLine(signs.better, ink.good), report, view),
    ...listed(
      failedSamples,
      Math.min(2, most),
      (failed) => failedSampleLines(`! ${failedOn(failed, failed.platforms, root)}`, width).map(ink.doubt),
      report,
      view,
    ),
  ])
}

function findingNoteLines({ findings }: Headline, report: Report, view: RenderOptions, limit: Limits): string[] {
  if (report.findings.length === 0) return []
  const { width, ink } = view
  const lines = listed(
    findings,
    limit.findings,
    (note) => {
      const ids = note.findings.map(({ id }) => id).join(', ')
      const head = `${noteSigns[note.kind]} ${pad(ids, 3, 'right')}`
      const room = width - widthOf(head) - 2
      const title = truncate(sanitize(note.findings[0]!.title), Math.floor(room * titleShare))
      return `${ink.doubt(head)}  ${truncate(`${title}: ${sanitize(findingFact(note))}`, room)}`
    },
    report,
    view,
  )
  const evaluated = count(report.findings)['not-evaluated'] < report.findings.length
  return evaluated ? section([...hanging(`Findings: ${formatTally(report.findings)}`, width, 2), ...lines]) : []
}

function nextLines(headline: Headline, report: Report, view: RenderOptions): string[] {
  const { width, ink } = view
  const steps = headline.next.map((step) => {
    const { seconds = null } = step.command ?? {}
    const line = step.kind === 'details' ? allTablesCommand(report, view) : (step.command?.line ?? '')
    return { text: sanitize(nextText(step, headline)) + (line === '' ? '' : ':'), line, takes: durationText(seconds) }
  })
  const whole = steps.map(({ text, line, takes }) => `${text} ${line}${takes ? `   (${takes})` : ''}`.trimEnd())
  const [last, before] = [whole.at(-1) ?? '', whole.at(-2) ?? '']
  const joined = `${before} · ${last}`
  const isJoined = before !== '' && widthOf(joined) <= width - nextIndent
  const lines = (isJoined ? steps.slice(0, -2) : steps).flatMap(({ text, line, takes }, at) => {
    if (widthOf(whole[at]!) <= width - nextIndent) return [whole[at]!]
    const head = hanging(text, width - nextIndent, 0)
    return line === '' ? head : [...head, ...commandLines(line, takes, width - nextIndent, 2, '')]
  })
  const all = isJoined ? [...lines, joined] : lines
  return section(all.map((line, at) => (at === 0 ? ink.dim('Next  ') : ' '.repeat(nextIndent)) + line))
}

/** Columns before a next step. */
const nextIndent = 6

function endLines(report: Report, { width, ink, root, isReportMissing }: RenderOptions): string[] {
  const code = isReportMissing ? exitCodes.invalid : report.exit.code
  const isBad = code === exitCodes.failed || code === exitCodes.invalid
  const paint = code === 0 ? ink.good : isBad ? ink.bad : ink.doubt
  const why = isReportMissing ? 'a report could not be written' : describeExit(report)
  const exit = sanitize(`exit code ${code}: ${why}`)
  const record = `record ${sanitize(shownPath(report.record, root))}`
  if (widthOf(exit) + widthOf(record) + 3 <= width) return [`${paint(exit)}${ink.dim(` · ${record}`)}`]
  return [...wrap(record, width).map(ink.dim), ...wrap(exit, width).map(paint)]
}
