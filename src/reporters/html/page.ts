import { basename } from 'node:path'
import { describeExit, exitCodes } from '../../core/judge/exit-code.ts'
import type { Report } from '../../core/model/report.ts'
import type { HostHistory } from '../../core/records/history.ts'
import { plural } from '../../util/text.ts'
import { regressionSummary } from '../comparison.ts'
import { type BaselineView, baselineLookup } from '../metric-table.ts'
import type { ReporterContext } from '../reporter.ts'
import { count, countsLine, shownPath } from '../summary.ts'
import { benchesHtml } from './benches.ts'
import { environmentHtml } from './environment.ts'
import { historyHtml } from './history.ts'
import { sideBySideHtml } from './side-by-side.ts'
import { style } from './style.ts'
import { type Html, html, lines } from './tag.ts'
import { baselineHtml, claimsHtml, findingsHtml } from './verdicts.ts'

/** A run, its baseline, and its history. */
interface Run {
  readonly report: Report
  readonly baseline: BaselineView | undefined
  readonly history: HostHistory | undefined
}

/** One page that needs neither network nor scripts: environment, verdicts, charts, and tables with the same figures. */
export function renderPage(reports: readonly Report[], { against, history, root }: ReporterContext): string {
  const runs = reports.map((report): Run => ({ report, baseline: against?.(report), history: history?.(report) }))
  const page = runs.length === 1 ? singlePage(runs[0]!, root) : severalPage(runs, root)
  return page.toString()
}

/** The policy forbids the browser to load or to run anything, whatever the page contains. */
const document = (title: string, content: Html): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`

const singlePage = (run: Run, root: string): Html =>
  document(`isobench: ${countsLine(count(run.report.claims))}`, lines(html`<h1>isobench</h1>`, runHtml(run, root, 1)))

function severalPage(runs: readonly Run[], root: string): Html {
  const title = `isobench: ${plural(runs.length, 'record')}`
  const records = runs.map((run, index) => {
    const { record, environment } = run.report
    const heading = `Record ${index + 1}: ${basename(record)}, ${environment.startedAt}`
    return lines(html`<h1 class="record wrap-anywhere">${heading}</h1>`, runHtml(run, root, index + 1))
  })
  return document(title, lines(html`<h1>${title}</h1>`, sideBySideHtml(runs), ...records))
}

/** @param record number of the record on the page, which keeps the names of radio buttons apart */
const runHtml = ({ report, baseline, history }: Run, root: string, record: number): Html =>
  lines(
    summaryHtml(report, baseline, root),
    environmentHtml(report),
    findingsHtml(report, record),
    baseline && baselineHtml(baseline, record),
    benchesHtml(report, baselineLookup(baseline)),
    claimsHtml(report, root, record),
    history && historyHtml(history, record),
  )

function regressionHtml(baseline: BaselineView): Html {
  const { head, items } = regressionSummary(baseline)
  return lines(
    html`<p class="${items.length > 0 ? 'bad' : 'good'}">${head}</p>`,
    items.length > 0 &&
      html`<ul>${items.map(({ text }) => html`<li class="bad wrap-anywhere">✗ regressed: ${text}</li>`)}</ul>`,
  )
}

function summaryHtml(report: Report, baseline: BaselineView | undefined, root: string): Html {
  const { code } = report.exit
  const isBad = code === exitCodes.failed || code === exitCodes.invalid
  const className = code === exitCodes.clean ? 'good' : isBad ? 'bad' : 'doubt'
  const problems = report.problems.map(({ file, message, fix }) =>
    [`✗ ${file}: ${message}`, fix && `fix: ${fix}`].filter(Boolean).join('; '),
  )
  return lines(
    html`<p class="counts">${countsLine(count(report.claims))}</p>`,
    baseline && regressionHtml(baseline),
    html`<p class="${className}">exit code ${code}: ${describeExit(report.exit)}</p>`,
    html`<p class="muted wrap-anywhere">record ${shownPath(report.record, root)}</p>`,
    ...problems.map((text) => html`<p class="bad wrap-anywhere">${text}</p>`),
  )
}
