import { basename } from 'node:path'
import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import { type Difference, hostDifferences } from '../../core/records/fingerprint.ts'
import { plural } from '../../util/text.ts'
import { type SideBySide, sideBySide } from '../metric-table.ts'
import { verdictSymbols, worstVerdict } from '../summary.ts'
import { cell, details, headerCell, list, metricHeading, table, verdictClass } from './elements.ts'
import { type Panel, panelsCaption, panelsChart, shareScale } from './panels.ts'
import { type Series, seriesChart, seriesHeading, seriesLines, seriesOf } from './series.ts'
import { figureHtml } from './svg.ts'
import { type Html, html, lines } from './tag.ts'

/** Several records side by side: a panel for each record, grouped by host, and the same figures as tables. */

interface Run {
  readonly report: Report
}

/** A record with its number on the page, from 1. */
interface NumberedRun extends Run {
  readonly number: number
}

interface Host {
  readonly runs: readonly NumberedRun[]
  /** The differences from the host of the first record. */
  readonly differences: readonly Difference[]
}

const fingerprintInput = ({ environment, profile, platforms }: Report) => ({
  environment,
  plan: { profile, platforms },
})

const differencesBetween = (a: Run, b: Run): Difference[] =>
  hostDifferences(fingerprintInput(a.report), fingerprintInput(b.report))

/** Groups records of equal hosts. Keeps the order of the records. */
function groupByHost(runs: readonly Run[]): Host[] {
  const hosts: { runs: NumberedRun[]; differences: Difference[] }[] = []
  runs.forEach((run, index) => {
    const numbered = { report: run.report, number: index + 1 }
    const host = hosts.find((known) => differencesBetween(known.runs[0]!, run).length === 0)
    if (host) host.runs.push(numbered)
    else hosts.push({ runs: [numbered], differences: differencesBetween(runs[0]!, run) })
  })
  return hosts
}

const titleOf = ({ number, report }: NumberedRun): string =>
  `${number}: ${report.environment.startedAt.slice(0, 16).replace('T', ' ')}`

const letter = (index: number): string => String.fromCharCode(65 + (index % 26))

/** Shows records side by side. Each verdict comes from its own record. */
export function sideBySideHtml(runs: readonly Run[]): Html {
  const hosts = groupByHost(runs)
  const figures = sideBySide(runs)
  const ids = [...new Set(runs.flatMap(({ report }) => report.cases.map(({ bench }) => bench.id)))]
  const note =
    hosts.length > 1 &&
    ' Figures of different hosts are drawn apart, on the same scale: the hosts may cause the differences.'
  return html`<h2 id="side-by-side">Side by side</h2>
${lines(...hosts.map((host, index) => hostHtml(host, index, hosts.length > 1)))}
<p class="muted">Each verdict comes from its own record. isobench judges nothing across records.${note}</p>
${lines(...ids.map((id) => benchHtml(id, hosts, figures)))}`
}

function hostHtml({ runs, differences }: Host, index: number, several: boolean): Html {
  const records = runs.map((run) => {
    const { record, environment, profile } = run.report
    const revision = environment.revision ? `, revision ${environment.revision}` : ''
    return `${titleOf(run)}, ${basename(record)}: ${profile.name}, ${plural(profile.rounds, 'round')}${revision}`
  })
  const { cpu, kernel, virtualization } = runs[0]!.report.environment
  const vm = virtualization ? `, inside ${virtualization}` : ''
  const items = differences.map(({ what, baseline, current }) => `${what}: ${baseline} → ${current}`)
  const name = `${several ? `Host ${letter(index)}: ` : ''}${cpu.count} × ${cpu.model}, Linux ${kernel}${vm}`
  return lines(
    html`<h3 class="wrap-anywhere">${name}</h3>`,
    list(records),
    items.length > 0 && details(`Differs from host A in ${plural(items.length, 'thing')}`, list(items), true),
  )
}

function benchHtml(id: string, hosts: readonly Host[], figures: SideBySide): Html {
  const runs = hosts.flatMap((host) => host.runs)
  const casesOf = ({ report }: Run) => report.cases.filter(({ bench }) => bench.id === id)
  const first = runs.map(casesOf).find((cases) => cases.length > 0)![0]!
  const params = [...new Set(runs.flatMap((run) => casesOf(run).map((one) => describeParams(one.params))))]
  const series = seriesHtml(hosts, casesOf)
  const cases = lines(...params.map((text) => caseHtml(id, text, hosts, figures)))
  return html`<section>
<h3 class="wrap-anywhere">${first.bench.name}</h3>
<p class="muted wrap-anywhere">${first.bench.file}</p>
${series ? lines(series, details(`Each of ${params.length} sets of parameters`, cases)) : cases}
</section>`
}

const seriesKey = ({ axis, metric, others }: Series): string => JSON.stringify([axis, metric, others])

/** A chart for each record, all with the same axes. */
function seriesHtml(hosts: readonly Host[], casesOf: (run: Run) => CaseResult[]): Html | undefined {
  const all = hosts.flatMap(({ runs }, host) =>
    runs.flatMap((run) => seriesOf(casesOf(run)).map((series) => ({ run, host, series }))),
  )
  const sections = [...new Set(all.map(({ series }) => seriesKey(series)))].map((key) => {
    const charts = all
      .filter(({ series }) => seriesKey(series) === key)
      .map((chart) => ({ ...chart, lines: seriesLines(chart.series, () => undefined) }))
    const sharedLines = charts.flatMap((chart) => chart.lines)
    const pictures = charts.map(({ run, host, series, lines: own }) => {
      const title = hosts.length > 1 ? `${titleOf(run)} on host ${letter(host)}` : titleOf(run)
      return lines(html`<h5>${title}</h5>`, seriesChart(series, title, own, sharedLines))
    })
    return lines(seriesHeading(charts[0]!.series), ...pictures)
  })
  return sections.length > 0 ? lines(...sections) : undefined
}

function caseHtml(id: string, params: string, hosts: readonly Host[], figures: SideBySide): Html {
  const caseOf = ({ report }: Run) =>
    report.cases.find((one) => one.bench.id === id && describeParams(one.params) === params)
  const results = hosts.flatMap(({ runs }) => runs.flatMap((run) => caseOf(run)?.results ?? []))
  const metrics = [...new Set(results.flatMap((result) => Object.keys(result.metrics)))]
  return lines(
    params && html`<h4 class="wrap-anywhere case">${params}</h4>`,
    ...metrics.map((metric) => metricHtml(metric, hosts, caseOf, figuresTable(id, params, metric, figures))),
  )
}

function metricHtml(
  metric: string,
  hosts: readonly Host[],
  caseOf: (run: Run) => CaseResult | undefined,
  figures: Html,
): Html {
  const panelOf = (run: NumberedRun): Panel => {
    const bench = caseOf(run)
    const results = (bench?.results ?? []).flatMap(({ platform, metrics }) => {
      const result = metrics[metric]
      const verdict = worstVerdict(run.report, bench!, platform, metric)
      return result ? [[platform, { result, verdict }] as const] : []
    })
    return { title: titleOf(run), results: new Map(results) }
  }
  const groups = hosts.map(({ runs }) => runs.map(panelOf))
  const panels = groups.flat()
  const example = panels.flatMap(({ results }) => [...results.values()])[0]?.result
  const scalePanels = shareScale(panels) ? panels : undefined
  const charts = groups.map((group, index) => {
    const chart = panelsChart(hosts.length > 1 ? `${metric} on host ${letter(index)}` : metric, group, scalePanels)
    return hosts.length > 1 && chart ? lines(html`<h5>Host ${letter(index)}</h5>`, chart) : chart
  })
  return lines(
    metricHeading(metric, example?.better === 'higher' ? 'more is better' : 'less is better'),
    figureHtml(lines(...charts), panelsCaption(panels, example?.unit ?? '')),
    figures,
  )
}

function figuresTable(id: string, params: string, metric: string, { columns, rows }: SideBySide): Html {
  const shown = rows.filter((row) => row.id === id && row.params === params && row.metric === metric)
  const tableRows = shown.map(({ platform, figures }) => ({
    cells: [
      headerCell(platform),
      ...figures.map(({ text, verdict }) => {
        const symbol = verdict ? `${verdictSymbols[verdict.outcome]} ` : ''
        return cell(`${symbol}${text}`, `number wrap ${verdictClass(verdict)}`)
      }),
    ],
  }))
  const titles = ['platform', ...columns.map((column, index) => `${index + 1}: ${column}`)]
  return details('The same as a table, with ×native and its 90 % interval', table(metric, titles, tableRows))
}
