import type { Report } from '../core/model/report.ts'
import { plural } from '../util/text.ts'
import { escapeMarkdown as md } from './document.ts'
import { failedOn } from './failures.ts'
import { formatTally } from './findings.ts'
import { cellText, legendText, nativeText } from './headline/cells.ts'
import type { Before, Fact } from './headline/facts.ts'
import { findingFact } from './headline/finding-words.ts'
import type { Headline } from './headline/headline.ts'
import { matrixOf } from './headline/matrix.ts'
import { rerunOf } from './headline/next-steps.ts'
import { nextText } from './headline/next-words.ts'
import {
  comparedText,
  countsText,
  durationText,
  factText,
  factTitle,
  othersText,
  signs,
  sinceText,
  sourcesText,
  sureText,
  verdictSign,
  verdictText,
  verdictWord,
} from './headline/words.ts'
import { markdownTable } from './markdown-table.ts'
import { addedText, addedTitle } from './new-names.ts'
import { count, provisionalNotes, withFix } from './summary.ts'

/** What a Markdown report begins with: the verdict, what fails, the matrix, and what to do next. */

/** How many entries each section shows. The rest is counted. */
export interface HeadlineLimits {
  readonly failures: number
  readonly notes: number
  readonly columns: number
  readonly rows: number
}

/** What is compared with. */
export const comparedWith = (
  report: Report,
  {
    against,
    former,
  }: { against?: (report: Report) => Before['baseline']; former?: (report: Report) => Report | null | undefined },
): Before => ({ baseline: against?.(report), former: former?.(report) })

export function markdownHeadline(headline: Headline, report: Report, root: string, limits: HeadlineLimits): string[] {
  return [
    `## ${verdictSign(headline)} ${verdictWord(headline)}: ${md(verdictText(headline))}`,
    '',
    `${md(countsText(headline.counts))}  `,
    md(comparedText(headline)),
    '',
    ...provisionalNotes(report).flatMap((note) => [md(note), '']),
    ...failureLines(headline, report, root, limits),
    ...matrixLines(report, limits),
    ...noteLines(headline, report, root, limits),
    ...nextLines(headline),
  ]
}

/** A command as code, between more backticks than any name in it has. */
function code(line: string): string {
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return longest > 0 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`
}

/** Entries of a list, and how many more there are. */
export function listed<T>(all: readonly T[], most: number, lineOf: (one: T) => string): string[] {
  const rest = all.length - most
  return [...all.slice(0, most).map(lineOf), ...(rest > 0 ? [`- … and ${rest} more`] : [])]
}

const block = (lines: readonly string[]): string[] => (lines.length > 0 ? [...lines, ''] : [])

function failureLines(headline: Headline, report: Report, root: string, { failures: most }: HeadlineLimits): string[] {
  const problems = headline.problems.map(({ file, message, fix }) => md(withFix(`${file}: ${message}`, fix)))
  return [
    ...block(listed(problems, most, (text) => `- ${signs.fails} ${text}`)),
    ...block(listed(headline.failures, most, (fact) => failureItem(fact, headline, report, root))),
    ...block(
      listed(
        headline.newNames,
        most,
        (names) => `- ${signs.fails} **${md(addedTitle(names))}**: ${md(addedText(names))}`,
      ),
    ),
  ]
}

/** A fact that fails the run, with its evidence and its command. */
export function failureItem(fact: Fact, headline: Headline, report: Report, root: string): string {
  const sign = fact.direction === 'better' ? signs.better : signs.fails
  const command = rerunOf(report, fact)
  const takes = command && durationText(command.seconds)
  const others = othersText(fact)
  const details = [
    `how sure: ${others ? `${sureText(fact)}; ${others}` : sureText(fact)}`,
    `since: ${sinceText(fact.subjects[0]!, headline)} · ${sourcesText(fact, report, root)}`,
  ]
  return [
    `- ${sign} **${md(factTitle(fact))}**: ${md(factText(fact))}`,
    ...details.map((text) => `  - ${md(text)}`),
    ...(command ? [`  - ${code(command.line)}${takes ? ` (${takes})` : ''}`] : []),
  ].join('\n')
}

function matrixLines(report: Report, { columns, rows }: HeadlineLimits): string[] {
  const matrix = matrixOf(report, { columns, rows })
  if (!matrix) return []
  const { omitted } = matrix
  return [
    ...markdownTable(
      [
        'platform',
        ...matrix.columns.map(({ label, detail }) => ({
          title: `${md(label)}<br>${md(detail)}`,
          align: 'right' as const,
        })),
      ],
      [
        ['native', ...matrix.columns.map((column) => md(nativeText(column)))],
        ...matrix.rows.map((row) => [
          row.platforms.map(md).join(', '),
          ...row.cells.map((cell) => (cell.fails ? `**${md(cellText(cell))}**` : md(cellText(cell)))),
        ]),
      ],
    ),
    '',
    md(legendText(matrix) + (omitted.length > 0 ? `; not shown: ${plural(omitted.length, 'bench', 'benches')}` : '')),
    '',
  ]
}

function noteLines(
  { warnings, better, failedSamples, findings }: Headline,
  report: Report,
  root: string,
  limits: HeadlineLimits,
) {
  const factLine = (sign: string) => (fact: Fact) => `- ${sign} ${md(`${factTitle(fact)}: ${factText(fact)}`)}`
  const isEvaluated = count(report.findings)['not-evaluated'] < report.findings.length
  return [
    ...block([
      ...listed(warnings, limits.notes, factLine(signs.warns)),
      ...listed(better, limits.notes, factLine(signs.better)),
      ...listed(failedSamples, limits.notes, (one) => `- ${signs.warns} ${md(failedOn(one, one.platforms, root))}`),
    ]),
    ...(isEvaluated ? [`Findings: ${md(formatTally(report.findings))}`, ''] : []),
    ...block(
      listed(findings, limits.notes, (note) => {
        const ids = note.findings.map(({ id }) => id).join(', ')
        return `- finding ${ids}: ${md(`${note.findings[0]!.title}: ${findingFact(note)}`)}`
      }),
    ),
  ]
}

/** What to do next. The parts beneath have all tables. */
function nextLines(headline: Headline): string[] {
  const steps = headline.next.filter(({ kind }) => kind !== 'details')
  return block(
    steps.map((step) => {
      const takes = step.command && durationText(step.command.seconds)
      const command = step.command ? `: ${code(step.command.line)}${takes ? ` (${takes})` : ''}` : ''
      return `- Next: ${md(nextText(step, headline))}${command}`
    }),
  )
}
