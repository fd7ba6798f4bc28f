import { basename } from 'node:path'
import type { Plan } from '../../core/plan/plan.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { BenchResult, Report } from '../../core/report/schema.ts'
import type { StoredRun } from '../../core/reporting.ts'
import { writeDocument } from '../document.ts'
import { markup } from '../escape.ts'
import { cacheSuspect, count, countsLine, exitMeaning, marks, shownPath } from '../facts.ts'
import type { ReporterKind } from '../reporter.ts'
import { type MetricTable, metricTables } from '../rows.ts'
import { sideBySide } from '../side-by-side.ts'
import { plural } from '../text.ts'
import { bars } from './bars.ts'
import { distributionHtml, isStartup } from './distribution.ts'
import { environmentHtml } from './environment.ts'
import { behind, cell, rowHead, tableOf } from './parts.ts'
import { plot } from './plot.ts'
import { seriesHtml } from './series.ts'
import { style } from './style.ts'
import { toneOf } from './tone.ts'
import { claimsHtml, findingsHtml, restingHtml } from './verdicts.ts'

/** Nothing may be loaded or run, whatever got into the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

/** A run; its plan says what a report leaves out, where there is one. */
type Shown = Pick<StoredRun, 'report'> & { readonly plan: Plan | undefined }

function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${markup(title)}</title>
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
    return `<h1 class="record break">${markup(title)}</h1>\n${runHtml(one, root, at + 1)}`
  })
  const title = `isobench: ${plural(runs.length, 'record')}`
  return pageOf(title, `<h1>${title}</h1>\n${comparison(runs)}\n${all.join('\n')}`)
}

/** Every figure of several records in one table. */
function comparison(runs: readonly Shown[]): string {
  const { columns, rows } = sideBySide(runs)
  const lines = rows.map(({ bench, platform, metric, figures }) => ({
    cells: [
      rowHead(markup(bench)),
      cell(markup(platform), 'break'),
      cell(markup(metric), 'break'),
      ...figures.map(({ text, claim }) =>
        cell(`${claim ? `${marks[claim.verdict]} ` : ''}${markup(text)}`, `number wrap ${toneOf(claim)}`),
      ),
    ],
  }))
  const table = tableOf('Side by side', ['bench', 'platform', 'metric', ...columns.map((one) => markup(one))], lines)
  return `<h2>Side by side</h2>
<p class="soft">Median, ×native and its 90 % interval. Verdicts are each record’s own; nothing is judged across records.</p>
${table}`
}

function runHtml({ report, plan }: Shown, root: string, at: number): string {
  return [
    header(report, root),
    environmentHtml(report),
    findingsHtml(report, at),
    benches(report, plan),
    claimsHtml(report, root, at),
  ]
    .filter(Boolean)
    .join('\n')
}

function header(report: Report, root: string): string {
  const { exitCode } = report
  const tone = exitCode === 0 ? 'good' : exitCode === 1 || exitCode === 5 ? 'bad' : 'doubt'
  const problems = report.problems.map(
    ({ file, message, fix }) =>
      `<p class="bad break">✗ ${markup(file)}: ${markup(message)}${fix ? `; fix: ${markup(fix)}` : ''}</p>`,
  )
  return `<p class="counts">${countsLine(count(report.claims))}</p>
<p class="${tone}">exit code ${exitCode}: ${exitMeaning(exitCode)}</p>
<p class="soft break">record ${markup(shownPath(report.record, root))}</p>
${problems.join('\n')}`
}

function benches(report: Report, plan: Plan | undefined): string {
  const ids = [...new Set(report.benches.map(({ id }) => id))]
  const sections = ids.map((id) => {
    const points = report.benches.filter((bench) => bench.id === id)
    const { name, file } = points[0]!
    const series = seriesHtml(points)
    const each = points.map((point) => pointHtml(report, point, plan)).join('\n')
    return `<section>
<h3 class="break">${markup(name)}</h3>
<p class="soft break">${markup(file)}</p>
${series === '' ? each : `${series}\n${behind(`Each of ${points.length} sets of parameters`, each)}`}
</section>`
  })
  const suspect = report.benches.some(({ cells }) => cells.some(({ flags }) => flags.includes('cache-suspect')))
  const legend = suspect ? `<p class="soft">${markup(cacheSuspect)}.</p>` : ''
  return `<h2>Benches</h2>\n${legend}\n${sections.join('\n')}`
}

function pointHtml(report: Report, bench: BenchResult, plan: Plan | undefined): string {
  const errors = bench.cells.flatMap(({ platform, errors }) => {
    if (errors.length === 0) return []
    const text = `${markup(platform)}: ${plural(errors.length, 'sample')} failed, the first: ${markup(errors[0]!)}`
    return [`<p class="doubt break">! ${text}</p>`]
  })
  const params = describeParams(bench.params)
  const tables = metricTables(report, bench).map((table) => metricHtml(report, bench, table))
  const startup = isStartup(bench, plan) ? distributionHtml(bench) : ''
  return [params && `<h4 class="break point">${markup(params)}</h4>`, startup, ...tables, ...errors]
    .filter(Boolean)
    .join('\n')
}

function metricHtml(report: Report, bench: BenchResult, table: MetricTable): string {
  const rows = table.rows.map(({ verdict, platform, median, ratio, interval, rounds, notes }) => ({
    cells: [
      cell(verdict ? marks[verdict.verdict] : '', toneOf(verdict)),
      rowHead(markup(platform)),
      cell(markup(median), 'number'),
      cell(ratio, `number ${toneOf(verdict)}`),
      cell(interval, 'once'),
      cell(rounds, 'number'),
      cell(notes, 'doubt'),
    ],
  }))
  const head = ['', 'platform', 'median', '×native', '90 % interval', 'rounds', 'notes']
  const caption = `${markup(table.metric)}, ${table.better}`
  return `<h4 class="break">${markup(table.metric)}<span class="soft">, ${table.better}</span></h4>
<div class="pictures">${bars(table)}${plot(table)}</div>
${restingHtml(report, bench, table.metric)}
${tableOf(caption, head, rows)}`
}

/** One page that needs no network and no script: environment, verdicts, pictures, and tables with the same figures. */
export const html: ReporterKind = {
  name: 'html',
  about: 'one page with plots and tables, for a browser',
  create(context) {
    let plan: Plan | undefined
    return {
      planned(planned) {
        plan = planned
      },
      finished: (report) => writeDocument(page([{ report, plan }], context.root), context),
      stored: (runs) => writeDocument(page(runs, context.root), context),
    }
  },
}
