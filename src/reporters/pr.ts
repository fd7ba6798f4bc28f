import type { Report } from '../core/model/report.ts'
import { documentReporter, escapeMarkdown as md } from './document.ts'
import { headlineOf } from './headline/headline.ts'
import { comparedWith, type HeadlineLimits, markdownHeadline } from './markdown-headline.ts'
import type { ReporterContext } from './reporter.ts'
import { recordNames } from './summary.ts'

/** The comment of a pull request: the head of the Markdown report. */

/** The first line of the comment, which a workflow looks for. Markdown does not show it. */
const marker = '<!-- isobench -->'

/** The most characters of a comment, so that it stays on one screen. */
const longest = 3900

/** The first that fits is used. */
const sizes: readonly HeadlineLimits[] = [
  { failures: 5, notes: 3, columns: 8, rows: 10 },
  { failures: 3, notes: 2, columns: 6, rows: 6 },
  { failures: 2, notes: 1, columns: 4, rows: 4 },
  { failures: 1, notes: 0, columns: 2, rows: 2 },
]

/** @param most characters */
function body(report: Report, context: ReporterContext, most: number): string {
  const headline = headlineOf(report, comparedWith(report, context))
  const texts = sizes.map((size) => markdownHeadline(headline, report, context.root, size).join('\n'))
  return texts.find(({ length }) => length <= most) ?? `${texts.at(-1)!.slice(0, most - 2)}…\n`
}

/** Several records share one comment. */
export const pr = documentReporter(
  'pr',
  'Markdown for the comment of a pull request, below 4,000 characters, with a hidden marker',
  (report, context) => `${marker}\n${body(report, context, longest)}`,
  (runs, context) => {
    const names = recordNames(runs.map(({ report }) => report))
    const parts = runs.map(({ report }, at) => {
      const name = `${md(names[at]!)}\n\n`
      return name + body(report, context, Math.max(200, Math.floor(longest / runs.length) - name.length))
    })
    return `${marker}\n${parts.join('\n')}`
  },
)
