import { describeParams } from '../../core/plan/plan.ts'
import type { BenchResult, Report } from '../../core/report/schema.ts'
import { documentKind } from '../document.ts'
import { markup } from '../escape.ts'
import { cacheSuspect, count, countsLine, exitMeaning, failsRun, marks, placeOf, shownPath } from '../facts.ts'
import { type MetricTable, metricTables } from '../rows.ts'
import { plural } from '../text.ts'
import { plot } from './plot.ts'
import { style } from './style.ts'
import { toneOf } from './tone.ts'

/** Nothing may be loaded or run, whatever got into the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

const cell = (content: string, look = ''): string => `<td${look && ` class="${look}"`}>${content}</td>`

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = head.map((one) => `<th>${one}</th>`).join('')
  const lines = rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n')
  const table = `<table><thead><tr>${titles}</tr></thead><tbody>\n${lines}\n</tbody></table>`
  return `<div class="scroll">${table}</div>`
}

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
${body}
</body>
</html>
`
}

const bodyOf = (report: Report, root: string): string =>
  [header(report, root), platforms(report), findings(report), claims(report, root), benches(report)]
    .filter(Boolean)
    .join('\n')

/** One page that needs no network: plots, and tables with the same figures. */
export const html = documentKind(
  'html',
  'one page with plots and tables, for a browser',
  (report, { root }) => pageOf(`isobench: ${countsLine(count(report.claims))}`, bodyOf(report, root)),
  (runs, { root }) =>
    pageOf(`isobench: ${plural(runs.length, 'record')}`, runs.map(({ report }) => bodyOf(report, root)).join('\n')),
)

function header(report: Report, root: string): string {
  const { environment, profile, exitCode, how } = report
  const tone = exitCode === 0 ? 'good' : exitCode === 1 || exitCode === 5 ? 'bad' : 'doubt'
  const ran = [
    environment.startedAt,
    `profile ${profile.name}`,
    plural(profile.rounds, 'round'),
    environment.cpu.model,
    `kernel ${environment.kernel}`,
    ...(environment.virtualization ? [`inside ${environment.virtualization}`] : []),
    ...(how === 'finished' ? [] : [how]),
  ]
  const problems = report.problems.map(
    ({ file, message, fix }) =>
      `<p class="bad break">✗ ${markup(file)}: ${markup(message)}${fix ? `; fix: ${markup(fix)}` : ''}</p>`,
  )
  return `<h1>isobench</h1>
<p class="soft break">${ran.map((one) => markup(one)).join(' · ')}</p>
<p class="counts">${countsLine(count(report.claims))}</p>
<p class="${tone}">exit code ${exitCode}: ${exitMeaning(exitCode)}</p>
<p class="soft break">record ${markup(shownPath(report.record, root))}</p>
${problems.join('\n')}`
}

function platforms({ platforms }: Report): string {
  const absent = platforms.filter(({ available }) => !available)
  if (absent.length === 0) return ''
  const rows = absent.map(({ name, reason, fix }) => [
    cell(markup(name)),
    cell(markup(reason ?? 'no reason given'), 'break'),
    cell(markup(fix ?? ''), 'break'),
  ])
  return `<h2>Platforms that cannot run here</h2>\n${tableOf(['platform', 'why', 'fix'], rows)}`
}

function findings({ findings }: Report): string {
  if (findings.length === 0) return ''
  const rows = findings.map((one) => [
    cell(`${marks[one.verdict]} ${one.verdict}`, `once ${toneOf(one)}`),
    cell(String(one.id), 'number'),
    cell(markup(one.title), 'break'),
    cell(markup(one.text), 'break'),
  ])
  return `<h2>Findings</h2>\n${tableOf(['verdict', '#', 'finding', 'why'], rows)}`
}

function claims(report: Report, root: string): string {
  if (report.claims.length === 0) return ''
  const rows = report.claims.map((claim, index) => {
    const { file, line } = placeOf(claim, root)
    const fails = failsRun(report, index) ? '<br><strong>fails the run</strong>' : ''
    const rounds = claim.measured ? ` (${plural(claim.measured.rounds, 'round')})` : ''
    const by = claim.finding === null ? '' : `<br>finding ${claim.finding}`
    return [
      cell(`${marks[claim.verdict]} ${claim.verdict}${fails}`, `once ${toneOf(claim)}`),
      cell(markup(claim.text) + rounds, 'break'),
      cell(markup(describeParams(claim.params)), 'break'),
      cell(`${markup(file)}${line === undefined ? '' : `:${line}`}${by}`, 'soft break'),
    ]
  })
  return `<h2>Claims</h2>\n${tableOf(['verdict', 'statement', 'parameters', 'where'], rows)}`
}

function benches(report: Report): string {
  const sections = report.benches.map((bench) => section(report, bench))
  const legend = `A dot is the estimate of ×native, its line the 90 % interval. ${markup(cacheSuspect)}.`
  return `<h2>Benches</h2>\n<p class="soft">${legend}</p>\n${sections.join('\n')}`
}

function section(report: Report, bench: BenchResult): string {
  const errors = bench.cells.flatMap(({ platform, errors }) => {
    if (errors.length === 0) return []
    const text = `${markup(platform)}: ${plural(errors.length, 'sample')} failed, the first: ${markup(errors[0]!)}`
    return [`<p class="doubt break">! ${text}</p>`]
  })
  const params = describeParams(bench.params)
  return `<section>
<h3 class="break">${markup(bench.name)}${params && ` <span class="soft">${markup(params)}</span>`}</h3>
<p class="soft break">${markup(bench.file)}</p>
${[...metricTables(report, bench).map(metricHtml), ...errors].join('\n')}
</section>`
}

function metricHtml(table: MetricTable): string {
  const rows = table.rows.map(({ verdict, platform, median, ratio, interval, rounds, notes }) => [
    cell(verdict ? marks[verdict.verdict] : '', toneOf(verdict)),
    cell(markup(platform), 'break'),
    cell(markup(median), 'number'),
    cell(ratio, `number ${toneOf(verdict)}`),
    cell(interval, 'once'),
    cell(rounds, 'number'),
    cell(notes, 'doubt'),
  ])
  const head = ['', 'platform', 'median', '×native', '90 % interval', 'rounds', '']
  return `<p><strong>${markup(table.metric)}</strong>, ${table.better}</p>\n${plot(table)}\n${tableOf(head, rows)}`
}
