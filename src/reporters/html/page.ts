import { basename } from 'node:path'
import { describeExit } from '../../core/judge/exit-code.ts'
import type { Report } from '../../core/model/report.ts'
import type { HostHistory } from '../../core/records/history.ts'
import { plural } from '../../util/text.ts'
import { regressionSummary } from '../comparison.ts'
import { type BaselineView, baselineLookup } from '../metric-table.ts'
import type { ReporterContext } from '../reporter.ts'
import { shownPath } from '../summary.ts'
import { benchesHtml } from './benches.ts'
import { environmentHtml, warningsHtml } from './environment.ts'
import { headlineHtml } from './headline.ts'
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
  /** The latest earlier run of the same host. */
  readonly former: Report | undefined
}

/** One page that needs neither network nor scripts: environment, verdicts, charts, and tables with the same figures. */
export function renderPage(reports: readonly Report[], { against, former, history, root }: ReporterContext): string {
  const runs = reports.map(
    (report): Run => ({
      report,
      baseline: against?.(report),
      history: history?.(report),
      former: former?.(report),
    }),
  )
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
  document(
    pageTitle(run.report, root),
    lines(html`<h1 class="wrap-anywhere">${pageTitle(run.report, root)}</h1>`, runHtml(run, root, 1)),
  )

/** The project, its revision and when it was measured. */
function pageTitle({ environment: { revision, startedAt } }: Report, root: string): string {
  // A changed checkout has a `+` at its end.
  const commit = revision ? ` ${revision.slice(0, 8)}${revision.endsWith('+') ? '+' : ''}` : ''
  return `isobench: ${basename(root)}${commit}, ${startedAt.slice(0, 16).replace('T', ' ')} UTC`
}

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
const runHtml = (run: Run, root: string, record: number): Html => {
  const { report, baseline, history } = run
  return lines(
    summaryHtml(run, root),
    warningsHtml(report),
    findingsHtml(report, record),
    baseline && baselineHtml(baseline, record),
    benchesHtml(report, baselineLookup(baseline)),
    claimsHtml(report, root, record),
    history && historyHtml(history, record),
    environmentHtml(report),
  )
}

function regressionHtml(baseline: BaselineView): Html {
  const { head, items } = regressionSummary(baseline)
  return lines(
    html`<p class="${items.length > 0 ? 'bad' : 'good'}">${head}</p>`,
    items.length > 0 &&
      html`<ul>${items.map(({ text }) => html`<li class="bad wrap-anywhere">✗ regressed: ${text}</li>`)}</ul>`,
  )
}

function summaryHtml(run: Run, root: string): Html {
  const { report, baseline } = run
  return lines(
    headlineHtml(report, run, root),
    baseline && regressionHtml(baseline),
    html`<p class="muted">exit code ${report.exit.code}: ${describeExit(report.exit)}</p>`,
    html`<p class="muted wrap-anywhere">record ${shownPath(report.record, root)}</p>`,
  )
}
