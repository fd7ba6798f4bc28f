import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import { plural } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import { formatQuantity, formatRatios } from '../format.ts'
import { type BaselineLookup, type MetricTable, metricTables } from '../metric-table.ts'
import { flagLegend, verdictSymbols, worstVerdict } from '../summary.ts'
import { bars, plot } from './bars.ts'
import { cell, details, headerCell, tableHtml, verdictClass } from './elements.ts'
import { type Panel, panelsCaption, panelsSvg, shareScale } from './panels.ts'
import { distributionHtml, isStartup, seriesHtml } from './series.ts'
import { claimsForChart } from './verdicts.ts'

/** Benches that are one figure of the paper: its workloads as panels beside each other, as Figure 18 has them. */

/** What benches of a figure are called together, and what each adds: `attack profile by functions` and `cpu`. */
export function namesOf(benches: readonly CaseResult[]): {
  readonly title: string
  readonly parts: readonly string[]
} {
  const names = benches.map(({ name }) => name)
  const heads = new Set(names.map((name) => name.slice(0, Math.max(0, name.indexOf(': ')))))
  const [head] = heads
  if (heads.size !== 1 || !head) return { title: names.join(', '), parts: names }
  return { title: head, parts: names.map((name) => name.slice(head.length + 2)) }
}

/** Whether two benches can stand as panels of one picture: one set of parameters each, and the same metrics. */
export function alike(a: CaseResult, b: CaseResult): boolean {
  const metrics = ({ results: cells }: CaseResult) => {
    const units = cells.flatMap(({ metrics }) => Object.entries(metrics).map(([name, { unit }]) => `${name} ${unit}`))
    return [...new Set(units)].sort().join()
  }
  return (
    metrics(a) !== '' && metrics(a) === metrics(b) && [a, b].every(({ params }) => Object.keys(params).length === 0)
  )
}

/** A picture for each metric, the claims that rest on it, and a table behind. */
export function figurePanelsHtml(report: Report, benches: readonly CaseResult[], before: BaselineLookup): string {
  const { parts } = namesOf(benches)
  const tables = benches.map((bench) => metricTables(report, bench, before))
  return tables[0]!
    .map(({ metric, better, unit }) => {
      const panels = benches.map((bench, at): Panel => {
        const cells = bench.results.flatMap(({ platform, metrics }) => {
          const result = metrics[metric]
          const tone = verdictClass(worstVerdict(report, bench, platform, metric))
          return result ? [[platform, { result, before: before(bench, platform, metric), tone }] as const] : []
        })
        return { title: parts[at]!, results: new Map(cells) }
      })
      const picture = panelsSvg(metric, panels, shareScale(panels) ? panels : undefined)
      if (picture === '') return ''
      return `<h4 class="break">${escapeHtml(metric)}<span class="soft">, ${better}</span></h4>
<figure class="wide">${picture}
<figcaption>${escapeHtml(panelsCaption(panels, unit))}</figcaption></figure>
${claimsForChart(report, benches, metric, parts)}
${details('The same as a table', tableBehind(benches, parts, metric, tables))}`
    })
    .filter(Boolean)
    .join('\n')
}

function tableBehind(
  benches: readonly CaseResult[],
  parts: readonly string[],
  metric: string,
  tables: readonly (readonly ReturnType<typeof metricTables>[number][])[],
): string {
  const ofMetric = tables.map((one) => one.find((table) => table.metric === metric)!)
  const platforms = [...new Set(benches.flatMap(({ results: cells }) => cells.map(({ platform }) => platform)))]
  const rows = platforms.map((platform) => ({
    cells: [
      headerCell(escapeHtml(platform)),
      ...ofMetric.map((table) => {
        const row = table?.rows.find((one) => one.platform === platform)
        if (!row) return cell('–', 'number')
        const [against] = formatRatios([row.ratioToNative])
        return cell(`${escapeHtml(row.median)}${against!.ratio && `<br>${against!.ratio}×`}`, 'number')
      }),
    ],
  }))
  return tableHtml(escapeHtml(metric), ['platform', ...parts.map((part) => escapeHtml(part))], rows)
}

/** Every bench of a run as pictures, with the claims that rest on them and the figures as tables. */

/** A bench with its sets of parameters, and the numbers of the paper's figures that it draws. */
interface Section {
  readonly cases: readonly CaseResult[]
  readonly figures: readonly number[]
}

/** The numbers of the paper's figures that a bench draws, as its tags say: `figure-9`. */
const figuresOf = ({ tags }: CaseResult): number[] =>
  (tags ?? [])
    .flatMap((tag) => /^figure-(\d{1,3})$/.exec(tag)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

/** The paper's figures in its order, then the other benches in theirs. */
export function benchesHtml(report: Report, before: BaselineLookup): string {
  const ids = [...new Set(report.cases.map(({ id }) => id))]
  const all = ids.map((id): Section => {
    const points = report.cases.filter((bench) => bench.id === id)
    return { cases: points, figures: figuresOf(points[0]!) }
  })
  const ofPaper = all.filter(({ figures }) => figures.length > 0).sort((a, b) => a.figures[0]! - b.figures[0]!)
  const others = all.filter(({ figures }) => figures.length === 0)
  const legend = flagLegend(report)
    .map((text) => `<p class="soft">${escapeHtml(text)}.</p>`)
    .join('\n')
  const part = (title: string, some: typeof all) =>
    some.length === 0
      ? ''
      : `<h2>${title}</h2>\n${joined(some)
          .map((one) => (one.length > 1 ? figureHtml(report, one, before) : benchHtml(report, one[0]!, before)))
          .join('\n')}`
  return [
    legend,
    part('The paper’s figures, drawn from this run', ofPaper),
    part(ofPaper.length > 0 ? 'Other benches' : 'Benches', others),
  ].join('\n')
}

/** Benches that follow each other and are panels of one figure, together; every other one alone. */
function joined(sections: readonly Section[]): Section[][] {
  const groups: Section[][] = []
  for (const section of sections) {
    const last = groups.at(-1)?.[0]
    const same = last && last.figures.length > 0 && last.figures.join() === section.figures.join()
    if (same && last.cases.length === 1 && section.cases.length === 1 && alike(last.cases[0]!, section.cases[0]!))
      groups.at(-1)!.push(section)
    else groups.push([section])
  }
  return groups
}

const numbered = (figures: readonly number[]): string =>
  figures.length > 0 ? `Figure${figures.length > 1 ? 's' : ''} ${figures.join(', ')}: ` : ''

function figureHtml(report: Report, sections: readonly Section[], before: BaselineLookup): string {
  const benches = sections.map(({ cases: points }) => points[0]!)
  const files = [...new Set(benches.map(({ file }) => file))]
  const each = benches.map(
    (bench) => `<h3 class="break">${escapeHtml(bench.name)}</h3>\n${caseHtml(report, bench, before)}`,
  )
  return `<section>
<h3 class="break">${numbered(sections[0]!.figures)}${escapeHtml(namesOf(benches).title)}</h3>
<p class="soft break">${escapeHtml(files.join(', '))}</p>
${figurePanelsHtml(report, benches, before)}
${details(`Each of ${benches.length} benches`, each.join('\n'))}
</section>`
}

function benchHtml(report: Report, { cases: points, figures }: Section, before: BaselineLookup): string {
  const { name, file } = points[0]!
  const series = seriesHtml(report, points, before)
  const each = points.map((point) => caseHtml(report, point, before)).join('\n')
  return `<section>
<h3 class="break">${numbered(figures)}${escapeHtml(name)}</h3>
<p class="soft break">${escapeHtml(file)}</p>
${series === '' ? each : `${series}\n${details(`Each of ${points.length} sets of parameters`, each)}`}
</section>`
}

function caseHtml(report: Report, bench: CaseResult, before: BaselineLookup): string {
  const errors = bench.results.flatMap(({ platform, errors }) => {
    if (errors.length === 0) return []
    const text = `${escapeHtml(platform)}: ${plural(errors.length, 'sample')} failed, the first: ${escapeHtml(errors[0]!)}`
    return [`<p class="doubt break">! ${text}</p>`]
  })
  const params = describeParams(bench.params)
  const tables = metricTables(report, bench, before).map((table) => metricHtml(report, bench, table))
  const startup = isStartup(bench) ? distributionHtml(bench, report, before) : ''
  return [params && `<h4 class="break point">${escapeHtml(params)}</h4>`, startup, ...tables, ...errors]
    .filter(Boolean)
    .join('\n')
}

function metricHtml(report: Report, bench: CaseResult, table: MetricTable): string {
  const former = table.rows.some(({ before }) => before)
  const rows = table.rows.map(({ verdict, platform, median, ratio, interval, rounds, notes, before }) => ({
    cells: [
      cell(verdict ? verdictSymbols[verdict.verdict] : '', verdictClass(verdict)),
      headerCell(escapeHtml(platform)),
      cell(escapeHtml(median), 'number'),
      cell(ratio, `number ${verdictClass(verdict)}`),
      cell(interval, 'once'),
      cell(rounds, 'number'),
      ...(former ? [cell(before ? escapeHtml(formatQuantity(before.median!, table.unit)) : '', 'number soft')] : []),
      cell(notes, 'doubt'),
    ],
  }))
  const then = former ? ['baseline'] : []
  const head = ['', 'platform', 'median', '×native', '90 % interval', 'rounds', ...then, 'notes']
  const caption = `${escapeHtml(table.metric)}, ${table.better}`
  return `<h4 class="break">${escapeHtml(table.metric)}<span class="soft">, ${table.better}</span></h4>
<div class="pictures">${bars(table)}${plot(table)}</div>
${claimsForChart(report, [bench], table.metric)}
${tableHtml(caption, head, rows)}`
}
