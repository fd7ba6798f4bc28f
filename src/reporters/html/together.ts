/** Benches that are one figure of the paper: its workloads as panels beside each other, as Figure 18 has them. */
import type { BenchResult, Report } from '../../core/report/schema.ts'
import { ratios } from '../amount.ts'
import type { Before } from '../before.ts'
import { markup } from '../escape.ts'
import { verdictOn } from '../facts.ts'
import { metricTables } from '../rows.ts'
import { type Panel, panelsCaption, panelsSvg, shareScale } from './panels.ts'
import { behind, cell, rowHead, tableOf } from './parts.ts'
import { toneOf } from './tone.ts'
import { restingHtml } from './verdicts.ts'

/** What benches of a figure are called together, and what each adds: `attack profile by functions` and `cpu`. */
export function namesOf(benches: readonly BenchResult[]): {
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
export function alike(a: BenchResult, b: BenchResult): boolean {
  const metrics = ({ cells }: BenchResult) => {
    const units = cells.flatMap(({ metrics }) => Object.entries(metrics).map(([name, { unit }]) => `${name} ${unit}`))
    return [...new Set(units)].sort().join()
  }
  return (
    metrics(a) !== '' && metrics(a) === metrics(b) && [a, b].every(({ params }) => Object.keys(params).length === 0)
  )
}

/** A picture for each metric, the claims that rest on it, and a table behind. */
export function togetherHtml(report: Report, benches: readonly BenchResult[], before: Before): string {
  const { parts } = namesOf(benches)
  const tables = benches.map((bench) => metricTables(report, bench, before))
  return tables[0]!
    .map(({ metric, better, unit }) => {
      const panels = benches.map((bench, at): Panel => {
        const cells = bench.cells.flatMap(({ platform, metrics }) => {
          const result = metrics[metric]
          const tone = toneOf(verdictOn(report, bench, platform, metric))
          return result ? [[platform, { result, before: before(bench, platform, metric), tone }] as const] : []
        })
        return { title: parts[at]!, results: new Map(cells) }
      })
      const picture = panelsSvg(metric, panels, shareScale(panels) ? panels : undefined)
      if (picture === '') return ''
      return `<h4 class="break">${markup(metric)}<span class="soft">, ${better}</span></h4>
<figure class="wide">${picture}
<figcaption>${markup(panelsCaption(panels, unit))}</figcaption></figure>
${restingHtml(report, benches, metric, parts)}
${behind('The same as a table', tableBehind(benches, parts, metric, tables))}`
    })
    .filter(Boolean)
    .join('\n')
}

function tableBehind(
  benches: readonly BenchResult[],
  parts: readonly string[],
  metric: string,
  tables: readonly (readonly ReturnType<typeof metricTables>[number][])[],
): string {
  const ofMetric = tables.map((one) => one.find((table) => table.metric === metric)!)
  const platforms = [...new Set(benches.flatMap(({ cells }) => cells.map(({ platform }) => platform)))]
  const rows = platforms.map((platform) => ({
    cells: [
      rowHead(markup(platform)),
      ...ofMetric.map((table) => {
        const row = table?.rows.find((one) => one.platform === platform)
        if (!row) return cell('–', 'number')
        const [against] = ratios([row.vsNative])
        return cell(`${markup(row.median)}${against!.ratio && `<br>${against!.ratio}×`}`, 'number')
      }),
    ],
  }))
  return tableOf(markup(metric), ['platform', ...parts.map((part) => markup(part))], rows)
}
