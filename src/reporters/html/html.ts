import { basename } from 'node:path'
import { describeParams } from '../../core/plan/plan.ts'
import type { MachineHistory } from '../../core/record/history.ts'
import type { BenchResult, Report } from '../../core/report/schema.ts'
import { amount } from '../amount.ts'
import { type Against, type Before, beforeOf } from '../before.ts'
import { writeDocument } from '../document.ts'
import { markup } from '../escape.ts'
import { count, countsLine, exitMeaning, legendOf, marks, shownPath } from '../facts.ts'
import type { ReporterContext, ReporterKind } from '../reporter.ts'
import { type MetricTable, metricTables } from '../rows.ts'
import { sideBySide } from '../side-by-side.ts'
import { plural } from '../text.ts'
import { againstHtml } from './against.ts'
import { bars } from './bars.ts'
import { distributionHtml, isStartup } from './distribution.ts'
import { environmentHtml } from './environment.ts'
import { historyHtml } from './history.ts'
import { behind, cell, rowHead, tableOf } from './parts.ts'
import { plot } from './plot.ts'
import { seriesHtml } from './series.ts'
import { style } from './style.ts'
import { toneOf } from './tone.ts'
import { claimsHtml, findingsHtml, restingHtml } from './verdicts.ts'

/** Nothing may be loaded or run, whatever got into the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

/** A run, and what other runs say of it. */
interface Shown {
  readonly report: Report
  readonly against: Against | undefined
  readonly history: MachineHistory | undefined
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

function runHtml({ report, against, history }: Shown, root: string, at: number): string {
  return [
    header(report, root),
    environmentHtml(report),
    findingsHtml(report, at),
    against ? againstHtml(against, at) : '',
    benches(report, beforeOf(against)),
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
      `<p class="bad break">✗ ${markup(file)}: ${markup(message)}${fix ? `; fix: ${markup(fix)}` : ''}</p>`,
  )
  return `<p class="counts">${countsLine(count(report.claims))}</p>
<p class="${tone}">exit code ${exitCode}: ${exitMeaning(exitCode)}</p>
<p class="soft break">record ${markup(shownPath(report.record, root))}</p>
${problems.join('\n')}`
}

/** The numbers of the paper's figures that a bench draws, as its tags say: `figure-9`. */
const figuresOf = ({ tags }: BenchResult): number[] =>
  (tags ?? [])
    .flatMap((tag) => /^figure-(\d{1,3})$/.exec(tag)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

/** The paper's figures in its order, then the other benches in theirs. */
function benches(report: Report, before: Before): string {
  const ids = [...new Set(report.benches.map(({ id }) => id))]
  const all = ids.map((id) => {
    const points = report.benches.filter((bench) => bench.id === id)
    return { points, figures: figuresOf(points[0]!) }
  })
  const ofPaper = all.filter(({ figures }) => figures.length > 0).sort((a, b) => a.figures[0]! - b.figures[0]!)
  const others = all.filter(({ figures }) => figures.length === 0)
  const legend = legendOf(report)
    .map((text) => `<p class="soft">${markup(text)}.</p>`)
    .join('\n')
  const part = (title: string, some: typeof all) =>
    some.length === 0
      ? ''
      : `<h2>${title}</h2>\n${some.map(({ points, figures }) => benchHtml(report, points, figures, before)).join('\n')}`
  return [
    legend,
    part('The paper’s figures, drawn from this run', ofPaper),
    part(ofPaper.length > 0 ? 'Other benches' : 'Benches', others),
  ].join('\n')
}

function benchHtml(report: Report, points: readonly BenchResult[], figures: readonly number[], before: Before): string {
  const { name, file } = points[0]!
  const series = seriesHtml(report, points, before)
  const each = points.map((point) => pointHtml(report, point, before)).join('\n')
  const numbers = figures.length > 0 ? `Figure${figures.length > 1 ? 's' : ''} ${figures.join(', ')}: ` : ''
  return `<section>
<h3 class="break">${numbers}${markup(name)}</h3>
<p class="soft break">${markup(file)}</p>
${series === '' ? each : `${series}\n${behind(`Each of ${points.length} sets of parameters`, each)}`}
</section>`
}

function pointHtml(report: Report, bench: BenchResult, before: Before): string {
  const errors = bench.cells.flatMap(({ platform, errors }) => {
    if (errors.length === 0) return []
    const text = `${markup(platform)}: ${plural(errors.length, 'sample')} failed, the first: ${markup(errors[0]!)}`
    return [`<p class="doubt break">! ${text}</p>`]
  })
  const params = describeParams(bench.params)
  const tables = metricTables(report, bench, before).map((table) => metricHtml(report, bench, table))
  const startup = isStartup(bench) ? distributionHtml(bench, report, before) : ''
  return [params && `<h4 class="break point">${markup(params)}</h4>`, startup, ...tables, ...errors]
    .filter(Boolean)
    .join('\n')
}

function metricHtml(report: Report, bench: BenchResult, table: MetricTable): string {
  const former = table.rows.some(({ before }) => before)
  const rows = table.rows.map(({ verdict, platform, median, ratio, interval, rounds, notes, before }) => ({
    cells: [
      cell(verdict ? marks[verdict.verdict] : '', toneOf(verdict)),
      rowHead(markup(platform)),
      cell(markup(median), 'number'),
      cell(ratio, `number ${toneOf(verdict)}`),
      cell(interval, 'once'),
      cell(rounds, 'number'),
      ...(former ? [cell(before ? markup(amount(before.median!, table.unit)) : '', 'number soft')] : []),
      cell(notes, 'doubt'),
    ],
  }))
  const then = former ? ['baseline'] : []
  const head = ['', 'platform', 'median', '×native', '90 % interval', 'rounds', ...then, 'notes']
  const caption = `${markup(table.metric)}, ${table.better}`
  return `<h4 class="break">${markup(table.metric)}<span class="soft">, ${table.better}</span></h4>
<div class="pictures">${bars(table)}${plot(table)}</div>
${restingHtml(report, [bench], table.metric)}
${tableOf(caption, head, rows)}`
}

/** One page that needs no network and no script: environment, verdicts, pictures, and tables with the same figures. */
export const html: ReporterKind = {
  name: 'html',
  about: 'one page with plots and tables, for a browser',
  create(context) {
    const shown = shownIn(context)
    const write = (reports: readonly Report[]) => writeDocument(page(reports.map(shown), context.root), context)
    return {
      finished: (report) => write([report]),
      stored: (runs) => write(runs.map(({ report }) => report)),
    }
  },
}
