import { basename } from 'node:path'
import type { HostHistory } from '../../core/record/history.ts'
import type { Report } from '../../core/report/schema.ts'
import { type BaselineView, baselineLookup } from '../before.ts'
import { writeDocument } from '../document.ts'
import { escapeHtml } from '../escape.ts'
import { count, countsLine, exitMeaning, shownPath } from '../facts.ts'
import type { ReporterContext, ReporterFactory } from '../reporter.ts'
import { plural } from '../text.ts'
import { baselineHtml } from './against.ts'
import { benchesHtml } from './benches.ts'
import { sideBySideHtml } from './beside.ts'
import { environmentHtml } from './environment.ts'
import { historyHtml } from './history.ts'
import { style } from './style.ts'
import { claimsHtml, findingsHtml } from './verdicts.ts'

/** Nothing may be loaded or run, whatever got into the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

/** A run, and what other runs say of it. */
interface Shown {
  readonly report: Report
  readonly against: BaselineView | undefined
  readonly history: HostHistory | undefined
}

const shownIn =
  ({ against, history }: ReporterContext) =>
  (report: Report): Shown => ({ report, against: against?.(report), history: history?.(report) })

function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}

function page(runs: readonly Shown[], root: string): string {
  const [first] = runs
  if (runs.length === 1)
    return pageOf(
      `isobench: ${countsLine(count(first!.report.claims))}`,
      `<h1>isobench</h1>\n${runHtml(first!, root, 1)}`,
    )
  const all = runs.map((one, at) => {
    const { record, environment } = one.report
    const title = `Record ${at + 1}: ${basename(record)}, ${environment.startedAt}`
    return `<h1 class="record break">${escapeHtml(title)}</h1>\n${runHtml(one, root, at + 1)}`
  })
  const title = `isobench: ${plural(runs.length, 'record')}`
  return pageOf(title, `<h1>${title}</h1>\n${sideBySideHtml(runs)}\n${all.join('\n')}`)
}

function runHtml({ report, against, history }: Shown, root: string, at: number): string {
  return [
    header(report, root),
    environmentHtml(report),
    findingsHtml(report, at),
    against ? baselineHtml(against, at) : '',
    benchesHtml(report, baselineLookup(against)),
    claimsHtml(report, root, at),
    history ? historyHtml(history, at) : '',
  ]
    .filter(Boolean)
    .join('\n')
}

function header(report: Report, root: string): string {
  const { exitCode } = report
  const tone = exitCode === 0 ? 'good' : exitCode === 1 || exitCode === 5 ? 'bad' : 'doubt'
  const problems = report.problems.map(
    ({ file, message, fix }) =>
      `<p class="bad break">✗ ${escapeHtml(file)}: ${escapeHtml(message)}${fix ? `; fix: ${escapeHtml(fix)}` : ''}</p>`,
  )
  return `<p class="counts">${countsLine(count(report.claims))}</p>
<p class="${tone}">exit code ${exitCode}: ${exitMeaning(exitCode)}</p>
<p class="soft break">record ${escapeHtml(shownPath(report.record, root))}</p>
${problems.join('\n')}`
}

/** One page that needs no network and no script: environment, verdicts, pictures, and tables with the same figures. */
export const html: ReporterFactory = {
  name: 'html',
  description: 'one page with plots and tables, for a browser',
  create(context) {
    const shown = shownIn(context)
    const write = (reports: readonly Report[]) => writeDocument(page(reports.map(shown), context.root), context)
    return {
      onFinish: (report) => write([report]),
      onStoredRuns: (runs) => write(runs.map(({ report }) => report)),
    }
  },
}
