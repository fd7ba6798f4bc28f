import { basename } from 'node:path'
import type { Report } from '../../core/model/report.ts'
import type { HostHistory } from '../../core/records/history.ts'
import { plural } from '../../util/text.ts'
import { describeExit } from '../exit-text.ts'
import { headlineOf } from '../headline/headline.ts'
import { type BaselineView, baselineLookup } from '../metric-table.ts'
import type { ReporterContext } from '../reporter.ts'
import { recordNames, shownPath } from '../summary.ts'
import { createAnchors } from './anchors.ts'
import { benchesHtml, benchTitles } from './benches.ts'
import { contentsHtml, listParts } from './contents.ts'
import { htmlDocument } from './document.ts'
import { environmentHtml, warningsHtml } from './environment.ts'
import { headlineHtml } from './headline.ts'
import { historyHtml } from './history.ts'
import { sideBySideHtml } from './side-by-side.ts'
import { type Html, html, lines } from './tag.ts'
import { baselineHtml, claimsHtml, findingsHtml } from './verdicts.ts'

/** A run, its baseline, and its history. */
interface Run {
  readonly report: Report
  readonly baseline: BaselineView | undefined
  readonly history: HostHistory | undefined
  /** The latest earlier run of the same host. */
  readonly former: Report | null | undefined
}

/** One page that needs neither network nor scripts: verdicts, charts, and tables with the same figures. */
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

const singlePage = (run: Run, root: string): Html =>
  htmlDocument(
    pageTitle(run.report, root),
    runHtml(run, root, html`<h1 class="wrap-anywhere">${pageTitle(run.report, root)}</h1>`, { scope: '', label: '' }),
  )

/** The project, its revision and when it was measured. */
function pageTitle({ environment: { revision, startedAt } }: Report, root: string): string {
  // A changed checkout has a `+` at its end.
  const commit = revision ? ` ${revision.slice(0, 8)}${revision.endsWith('+') ? '+' : ''}` : ''
  return `isobench: ${basename(root)}${commit}, ${startedAt.slice(0, 16).replace('T', ' ')} UTC`
}

function severalPage(runs: readonly Run[], root: string): Html {
  const title = `isobench: ${plural(runs.length, 'record')}`
  const names = recordNames(runs.map(({ report }) => report))
  const records = runs.map((run, index) => {
    const { environment } = run.report
    const name = `Record ${index + 1}`
    const heading = html`<h1 class="record wrap-anywhere">${name}: ${names[index]}, ${environment.startedAt}</h1>`
    return runHtml(run, root, heading, { scope: `record-${index + 1}-`, label: ` of record ${index + 1}` })
  })
  const contents = [
    { id: 'side-by-side', title: 'Side by side' },
    ...runs.map((_, index) => ({ id: `record-${index + 1}-summary`, title: `Record ${index + 1}` })),
  ]
  const head = lines(html`<h1>${title}</h1>`, contentsHtml('Records', contents, []))
  return htmlDocument(title, lines(head, sideBySideHtml(runs), ...records))
}

/** @param place what its ids and its contents begin and end with, which differs between the records of a page */
function runHtml(run: Run, root: string, heading: Html, place: { scope: string; label: string }): Html {
  const { report, baseline, former } = run
  const anchors = createAnchors(report, place.scope)
  const history = run.history && historyHtml(run.history, anchors)
  const parts = listParts(report, anchors, { baseline: baseline !== undefined, history: history !== undefined })
  const benches = benchTitles(report).map(({ title, bench }) => ({ id: anchors.bench(bench), title }))
  const headline = headlineOf(report, { baseline, former })
  return lines(
    heading,
    contentsHtml(`Contents${place.label}`, parts, benches),
    headlineHtml({ report, headline, root, anchors }),
    html`<p class="muted">exit code ${report.exit.code}: ${describeExit(report)}</p>`,
    html`<p class="muted wrap-anywhere">record ${shownPath(report.record, root)}</p>`,
    warningsHtml(report, anchors),
    findingsHtml(report, anchors),
    baseline && baselineHtml(baseline, anchors),
    benchesHtml(report, baselineLookup(baseline), anchors, root),
    claimsHtml(report, root, anchors),
    history,
    environmentHtml(report, anchors),
  )
}
