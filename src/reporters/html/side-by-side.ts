import { basename } from 'node:path'
import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import { type Difference, hostDifferences } from '../../core/records/fingerprint.ts'
import { plural } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import { type SideBySide, sideBySide } from '../metric-table.ts'
import { verdictSymbols, worstVerdict } from '../summary.ts'
import { cell, details, headerCell, tableHtml, verdictClass } from './elements.ts'
import { type Panel, panelsCaption, panelsSvg, shareScale } from './panels.ts'
import { linesOf, type Series, seriesChart, seriesOf } from './series.ts'

/** Several records beside each other: a panel for each, in groups of like hosts, and the same figures as tables. */

interface Shown {
  readonly report: Report
}

/** A record among several, from 1. */
interface Numbered extends Shown {
  readonly number: number
}

interface Host {
  readonly runs: readonly Numbered[]
  /** From the host of the first record. */
  readonly differs: readonly Difference[]
}

const named = ({ environment, profile, platforms }: Report) => ({ environment, plan: { profile, platforms } })

/** Records of like hosts together, in the order that they came. */
function hostsOf(runs: readonly Shown[]): Host[] {
  const hosts: { runs: Numbered[]; differs: Difference[] }[] = []
  runs.forEach(({ report }, at) => {
    const one = { report, number: at + 1 }
    const like = hosts.find((host) => hostDifferences(named(host.runs[0]!.report), named(report)).length === 0)
    if (like) like.runs.push(one)
    else hosts.push({ runs: [one], differs: hostDifferences(named(runs[0]!.report), named(report)) })
  })
  return hosts
}

const titleOf = ({ number, report }: Numbered): string =>
  `${number}: ${report.environment.startedAt.slice(0, 16).replace('T', ' ')}`
const letter = (at: number): string => String.fromCharCode(65 + (at % 26))

/** Verdicts are each record's own; nothing is judged across records. */
export function sideBySideHtml(runs: readonly Shown[]): string {
  const hosts = hostsOf(runs)
  const table = sideBySide(runs)
  const ids = [...new Set(runs.flatMap(({ report }) => report.cases.map(({ id }) => id)))]
  return `<h2>Side by side</h2>
${hosts.map((host, at) => hostHtml(host, at, hosts.length > 1)).join('\n')}
<p class="soft">Verdicts are each record’s own; nothing is judged across records.${hosts.length > 1 ? ' Figures of unlike hosts are drawn apart, on the same scale: differences may be the hosts’.' : ''}</p>
${ids.map((id) => benchHtml(id, hosts, table)).join('\n')}`
}

function hostHtml({ runs, differs }: Host, at: number, several: boolean): string {
  const records = runs.map((run) => {
    const { record, environment, profile } = run.report
    const revision = environment.revision ? `, revision ${environment.revision}` : ''
    return `<li class="break">${escapeHtml(`${titleOf(run)}, ${basename(record)}: ${profile.name}, ${plural(profile.rounds, 'round')}${revision}`)}</li>`
  })
  const { cpu, kernel, virtualization } = runs[0]!.report.environment
  const where = `${cpu.count} × ${cpu.model}, Linux ${kernel}${virtualization ? `, inside ${virtualization}` : ''}`
  const unlike = differs.map(
    ({ what, baseline: a, current: b }) => `<li class="break">${escapeHtml(`${what}: ${a} → ${b}`)}</li>`,
  )
  const told =
    unlike.length === 0
      ? ''
      : `\n${details(`Unlike host A in ${plural(unlike.length, 'thing')}`, `<ul>${unlike.join('')}</ul>`, true)}`
  const name = several ? `Host ${letter(at)}: ` : ''
  return `<h3 class="break">${name}${escapeHtml(where)}</h3>\n<ul class="plain">${records.join('')}</ul>${told}`
}

function benchHtml(id: string, hosts: readonly Host[], table: SideBySide): string {
  const all = hosts.flatMap(({ runs }) => runs)
  const pointsOf = ({ report }: Shown) => report.cases.filter((bench) => bench.id === id)
  const first = all.map(pointsOf).find((points) => points.length > 0)![0]!
  const params = [...new Set(all.flatMap((run) => pointsOf(run).map((one) => describeParams(one.params))))]
  const series = seriesHtml(hosts, pointsOf)
  const each = params.map((text) => caseHtml(id, text, hosts, table)).join('\n')
  return `<section>
<h3 class="break">${escapeHtml(first.name)}</h3>
<p class="soft break">${escapeHtml(first.file)}</p>
${series === '' ? each : `${series}\n${details(`Each of ${params.length} sets of parameters`, each)}`}
</section>`
}

/** A chart for each record, all of them with the same axes. */
function seriesHtml(hosts: readonly Host[], pointsOf: (run: Shown) => CaseResult[]): string {
  const all = hosts.flatMap(({ runs }, at) => runs.map((run) => ({ run, host: at, series: seriesOf(pointsOf(run)) })))
  const key = ({ axis, metric, others }: Series) => JSON.stringify([axis, metric, others])
  const kinds = new Map(all.flatMap(({ series }) => series.map((one) => [key(one), one] as const)))
  return [...kinds]
    .map(([wanted, { axis, metric, others }]) => {
      const lines = all.flatMap(({ run, host, series }) => {
        const one = series.find((other) => key(other) === wanted)
        return one ? [{ run, host, one, lines: linesOf(one, () => undefined) }] : []
      })
      const within = lines.flatMap((one) => one.lines)
      const pictures = lines.map(({ run, host, one, lines: own }) => {
        const title = hosts.length > 1 ? `${titleOf(run)} on host ${letter(host)}` : titleOf(run)
        return `<h5>${escapeHtml(title)}</h5>\n${seriesChart(one, title, own, within)}`
      })
      const caption = `${escapeHtml(metric)} over ${escapeHtml(axis)}`
      return `<h4 class="break">${caption}${others && ` <span class="soft">${escapeHtml(others)}</span>`}</h4>\n${pictures.join('\n')}`
    })
    .join('\n')
}

function caseHtml(id: string, params: string, hosts: readonly Host[], table: SideBySide): string {
  const benchOf = ({ report }: Shown) =>
    report.cases.find((bench) => bench.id === id && describeParams(bench.params) === params)
  const all = hosts.flatMap(({ runs }) => runs)
  const metrics = [
    ...new Set(all.flatMap((run) => benchOf(run)?.results.flatMap((one) => Object.keys(one.metrics)) ?? [])),
  ]
  const heading = params && `<h4 class="break point">${escapeHtml(params)}</h4>\n`
  return (
    heading +
    metrics.map((metric) => metricHtml(metric, hosts, benchOf, tableBehind(id, params, metric, table))).join('\n')
  )
}

function metricHtml(
  metric: string,
  hosts: readonly Host[],
  benchOf: (run: Shown) => CaseResult | undefined,
  figures: string,
): string {
  const panelOf = (run: Numbered): Panel => {
    const bench = benchOf(run)
    const cells = (bench?.results ?? []).flatMap(({ platform, metrics }) => {
      const result = metrics[metric]
      return result
        ? [[platform, { result, tone: verdictClass(worstVerdict(run.report, bench!, platform, metric)) }] as const]
        : []
    })
    return { title: titleOf(run), results: new Map(cells) }
  }
  const groups = hosts.map(({ runs }) => runs.map(panelOf))
  const panels = groups.flat()
  const some = panels.flatMap(({ results }) => [...results.values()])[0]?.result
  const within = shareScale(panels) ? panels : undefined
  const pictures = groups.map((group, at) => {
    const label = hosts.length > 1 ? `${metric} on host ${letter(at)}` : metric
    const svg = panelsSvg(label, group, within)
    return hosts.length > 1 && svg ? `<h5>Host ${letter(at)}</h5>\n${svg}` : svg
  })
  return `<h4 class="break">${escapeHtml(metric)}<span class="soft">, ${some?.better === 'higher' ? 'more' : 'less'} is better</span></h4>
<figure class="wide">${pictures.join('\n')}
<figcaption>${escapeHtml(panelsCaption(panels, some?.unit ?? ''))}</figcaption></figure>
${figures}`
}

function tableBehind(id: string, params: string, metric: string, { columns, rows }: SideBySide): string {
  const lines = rows
    .filter((row) => row.id === id && row.params === params && row.metric === metric)
    .map(({ platform, figures }) => ({
      cells: [
        headerCell(escapeHtml(platform)),
        ...figures.map(({ text, claim }) =>
          cell(
            `${claim ? `${verdictSymbols[claim.verdict]} ` : ''}${escapeHtml(text)}`,
            `number wrap ${verdictClass(claim)}`,
          ),
        ),
      ],
    }))
  const head = ['platform', ...columns.map((one, at) => `${at + 1}: ${escapeHtml(one)}`)]
  return details('The same as a table, with ×native and its 90 % interval', tableHtml(escapeHtml(metric), head, lines))
}
