/** Benches that are one figure of the paper: its workloads as panels beside each other, as Figure 18 has them. */
import type { CaseResult, Report } from '../../core/report/schema.ts'
import { formatRatios } from '../amount.ts'
import type { BaselineLookup } from '../before.ts'
import { escapeHtml } from '../escape.ts'
import { worstVerdict } from '../facts.ts'
import { metricTables } from '../rows.ts'
import { type Panel, panelsCaption, panelsSvg, shareScale } from './panels.ts'
import { cell, details, headerCell, tableHtml } from './parts.ts'
import { verdictClass } from './tone.ts'
import { claimsForChart } from './verdicts.ts'

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
