import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import { unseenNotes } from '../attack-profile.ts'
import { missingValues } from '../failures.ts'
import { formatQuantity } from '../format.ts'
import { type BaselineLookup, type MetricTable, metricTables } from '../metric-table.ts'
import { verdictSymbols, worstVerdict } from '../summary.ts'
import type { Anchors } from './anchors.ts'
import { metricCharts } from './bars.ts'
import { cell, details, headerCell, metricHeading, table, verdictClass } from './elements.ts'
import { type Panel, panelsCaption, panelsChart, shareScale } from './panels.ts'
import { distributionHtml, isStartup, medianAndRatio, seriesHtml } from './series.ts'
import { figureHtml } from './svg.ts'
import { type Html, html, lines } from './tag.ts'
import { claimsForChart } from './verdicts.ts'

/** Every bench of a run: its charts, the claims about them, and tables with the same figures. */

/** A bench with its cases, and the numbers of the paper's figures that it reproduces. */
interface Section {
  readonly cases: readonly CaseResult[]
  readonly figures: readonly number[]
}

/** The numbers of the paper's figures from the tags of a bench, such as `figure-9`. */
const figuresOf = ({ tags }: CaseResult): number[] =>
  (tags ?? [])
    .flatMap((tag) => /^figure-(\d{1,3})$/.exec(tag)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

/** What the sections of a record share. */
interface Shared {
  readonly report: Report
  readonly before: BaselineLookup
  readonly anchors: Anchors
  readonly root: string
}

/** The benches of the paper's figures in its order, then all others in the order of the run. */
function chaptersOf(report: Report): { readonly title: string; readonly groups: readonly (readonly Section[])[] }[] {
  const ids = [...new Set(report.cases.map(({ bench }) => bench.id))]
  const sections = ids.map((id): Section => {
    const cases = report.cases.filter(({ bench }) => bench.id === id)
    return { cases, figures: figuresOf(cases[0]!) }
  })
  const ofPaper = sections.filter(({ figures }) => figures.length > 0).sort((a, b) => a.figures[0]! - b.figures[0]!)
  const others = sections.filter(({ figures }) => figures.length === 0)
  return [
    { title: 'The paper’s figures, drawn from this run', groups: groupByFigure(ofPaper) },
    { title: ofPaper.length > 0 ? 'Other benches' : 'Benches', groups: groupByFigure(others) },
  ].filter(({ groups }) => groups.length > 0)
}

/** The title of each section and its first bench, for a table of contents. */
export const benchTitles = (report: Report): { readonly title: string; readonly bench: CaseResult['bench'] }[] =>
  chaptersOf(report).flatMap(({ groups }) =>
    groups.map((group) => ({ title: titleOf(group), bench: group[0]!.cases[0]!.bench })),
  )

export function benchesHtml(report: Report, before: BaselineLookup, anchors: Anchors, root: string): Html {
  const shared = { report, before, anchors, root }
  const groupHtml = (group: readonly Section[]) =>
    group.length > 1 ? figureSection(shared, group) : benchSection(shared, group)
  return lines(
    ...chaptersOf(report).map(({ title, groups }, index) => {
      const id = index === 0 && html` id="${anchors.part('benches')}"`
      return lines(html`<h2${id}>${title}</h2>`, ...groups.map(groupHtml))
    }),
  )
}

/** `Figure 18: attack profile by functions`, or the name of the bench. */
function titleOf(group: readonly Section[]): string {
  const { cases, figures } = group[0]!
  const name = group.length > 1 ? titlesOf(group.map((one) => one.cases[0]!)).title : cases[0]!.bench.name
  return `${figureNumbers(figures)}${name}`
}

/** Groups adjacent benches that are panels of one figure, such as the workloads of Figure 18. */
function groupByFigure(sections: readonly Section[]): Section[][] {
  const groups: Section[][] = []
  for (const section of sections) {
    const last = groups.at(-1)?.[0]
    const sameFigure = last && last.figures.length > 0 && last.figures.join() === section.figures.join()
    if (sameFigure && canSharePanels(last.cases, section.cases)) groups.at(-1)!.push(section)
    else groups.push([section])
  }
  return groups
}

/** Whether two benches can be panels of one chart: both have no parameters, and the same metrics. */
function canSharePanels(a: readonly CaseResult[], b: readonly CaseResult[]): boolean {
  const cases = [...a, ...b]
  if (cases.length !== 2 || cases.some(({ params }) => Object.keys(params).length > 0)) return false
  const [metricsA, metricsB] = cases.map(({ results }) => {
    const units = results.flatMap(({ metrics }) => Object.entries(metrics).map(([name, { unit }]) => `${name} ${unit}`))
    return [...new Set(units)].sort().join()
  })
  return metricsA !== '' && metricsA === metricsB
}

/** The title of benches that are one figure, and the title of each: `attack profile by functions` and `cpu`. */
function titlesOf(benches: readonly CaseResult[]): { readonly title: string; readonly parts: readonly string[] } {
  const names = benches.map(({ bench }) => bench.name)
  const prefixes = new Set(names.map((name) => name.slice(0, Math.max(0, name.indexOf(': ')))))
  const [prefix] = prefixes
  if (prefixes.size !== 1 || !prefix) return { title: names.join(', '), parts: names }
  return { title: prefix, parts: names.map((name) => name.slice(prefix.length + 2)) }
}

const figureNumbers = (figures: readonly number[]): string =>
  figures.length > 0 ? `Figure${figures.length > 1 ? 's' : ''} ${figures.join(', ')}: ` : ''

const sectionHtml = (group: readonly Section[], anchors: Anchors, content: Html): Html => {
  const benches = group.map(({ cases }) => cases[0]!.bench)
  const files = [...new Set(benches.map(({ file }) => file))]
  // The section has the id of its first bench; the other benches of a figure have theirs at their own headings.
  return html`<section id="${anchors.bench(benches[0]!)}">
<h3 class="wrap-anywhere">${titleOf(group)}</h3>
<p class="muted wrap-anywhere">${files.join(', ')}</p>
${content}
</section>`
}

function figureSection(shared: Shared, group: readonly Section[]): Html {
  const benches = group.map(({ cases }) => cases[0]!)
  const { parts } = titlesOf(benches)
  const cases = benches.map((bench, index) => {
    const id = index > 0 && html` id="${shared.anchors.bench(bench.bench)}"`
    return lines(html`<h4 class="wrap-anywhere case"${id}>${bench.bench.name}</h4>`, caseHtml(shared, bench))
  })
  const content = lines(
    ...figurePanels(shared, benches, parts),
    ...unseenHtml(benches),
    details(`Each of ${benches.length} benches`, lines(...cases)),
  )
  return sectionHtml(group, shared.anchors, content)
}

/** For each metric of benches that are one figure: a panel per bench, the claims about it, and a table. */
function figurePanels(
  { report, before, anchors }: Shared,
  benches: readonly CaseResult[],
  parts: readonly string[],
): (Html | undefined)[] {
  const tables = benches.map((bench) => metricTables(report, bench, before))
  return tables[0]!.map(({ metric, better, unit }) => {
    const panels = benches.map((bench, index): Panel => {
      const results = bench.results.flatMap(({ platform, metrics }) => {
        const result = metrics[metric]
        const verdict = worstVerdict(report, bench, platform, metric)
        const panelResult = result && { result, before: before(bench, platform, metric), verdict }
        return panelResult ? [[platform, panelResult] as const] : []
      })
      return { title: parts[index]!, results: new Map(results) }
    })
    const chart = panelsChart(metric, panels, shareScale(panels) ? panels : undefined)
    if (!chart) return undefined
    const ofMetric = tables.map((each) => each.find((one) => one.metric === metric)!)
    return lines(
      metricHeading(metric, better),
      figureHtml(chart, panelsCaption(panels, unit)),
      claimsForChart(report, benches, metric, anchors, parts),
      details('The same as a table', panelsTable(metric, parts, ofMetric)),
    )
  })
}

function panelsTable(metric: string, parts: readonly string[], tables: readonly MetricTable[]): Html {
  const platforms = [...new Set(tables.flatMap(({ rows }) => rows.map(({ platform }) => platform)))]
  const rows = platforms.map((platform) => ({
    cells: [
      headerCell(platform),
      ...tables.map((benchTable) => {
        const row = benchTable.rows.find((one) => one.platform === platform)
        return cell(row ? medianAndRatio(row.median, row) : '–', 'number')
      }),
    ],
  }))
  return table(metric, ['platform', ...parts], rows)
}

function benchSection(shared: Shared, group: readonly Section[]): Html {
  const { cases } = group[0]!
  const { report, before, anchors } = shared
  const series = seriesHtml(report, cases, before, anchors)
  const each = lines(...cases.map((benchCase) => caseHtml(shared, benchCase)))
  const content = series ? lines(series, details(`Each of ${cases.length} sets of parameters`, each)) : each
  return sectionHtml(group, anchors, lines(content, ...unseenHtml(cases)))
}

/** What the trace source of traced benches does not show, and on which platforms. */
function unseenHtml(cases: readonly CaseResult[]): Html[] {
  const results = cases.flatMap((one) => one.results)
  const platforms = [...new Set(results.flatMap(({ platform, unseen }) => (unseen ? [platform] : [])))]
  const seen = platforms.map((platform) => ({
    platform,
    unseen: results.flatMap((one) => (one.platform === platform ? (one.unseen ?? []) : [])),
  }))
  return unseenNotes(seen).map((note) => html`<p class="muted wrap-anywhere">${note}</p>`)
}

/** One case of a bench: its distribution if it measures start-up, a chart and a table per metric, and its errors. */
function caseHtml(shared: Shared, bench: CaseResult): Html {
  const { report, before, root } = shared
  const params = describeParams(bench.params)
  const errors = missingValues(bench, root).map((text) => `! ${text}`)
  return lines(
    params && html`<h4 class="wrap-anywhere case">${params}</h4>`,
    ...metricTables(report, bench, before).map((metricTable) => metricHtml(shared, bench, metricTable)),
    isStartup(bench) && distributionHtml(bench, report, before),
    ...errors.map((text) => html`<p class="doubt wrap-anywhere">${text}</p>`),
  )
}

/** A table with at most this many rows is open from the start. */
const fewRows = 6

function metricHtml({ report, anchors }: Shared, bench: CaseResult, metricTable: MetricTable): Html {
  const { metric, better, unit, beside } = metricTable
  const hasBaseline = metricTable.rows.some(({ before }) => before)
  const rows = metricTable.rows.map(
    ({ verdict, platform, median, ratio, interval, rounds, notes, before, ...row }) => ({
      cells: [
        cell(verdict && verdictSymbols[verdict.outcome], verdictClass(verdict)),
        headerCell(platform),
        cell(median, 'number'),
        cell(ratio, `number ${verdictClass(verdict)}`),
        cell(interval, 'nowrap'),
        cell(rounds, 'number'),
        ...(hasBaseline ? [cell(before && formatQuantity(before.median!, unit), 'number muted')] : []),
        ...row.beside.map((text) => cell(text, 'number muted')),
        cell(notes, 'doubt'),
      ],
    }),
  )
  const baseline = hasBaseline ? ['baseline'] : []
  const titles = ['', 'platform', 'median', '×native', '90 % interval', 'rounds', ...baseline, ...beside, 'notes']
  return lines(
    metricHeading(metric, better),
    metricCharts(metricTable),
    claimsForChart(report, [bench], metric, anchors),
    details('The same as a table', table(`${metric}, ${better}`, titles, rows), rows.length <= fewRows),
  )
}
