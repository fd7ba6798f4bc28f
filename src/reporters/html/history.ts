import { basename } from 'node:path'
import type { HostHistory, MetricHistory } from '../../core/records/history.ts'
import { plural } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import { formatQuantity } from '../format.ts'
import { benchName, verdictSymbols } from '../summary.ts'
import { cell, details, filtered, headerCell, type Row, tableHtml, verdictClass } from './elements.ts'
import { largest, smallest } from './scale.ts'

const width = 180
const height = 30
const edge = 4

/** ×native over the runs, or the median where there is no native: a line, the latest run a dot, a new level marked. */
function sparkline(values: readonly (number | null)[], changes: readonly number[], label: string): string {
  const given = values.filter((value) => value !== null)
  const [low, high] = [smallest(given), largest(given)]
  const x = (run: number) => (edge + (run / Math.max(1, values.length - 1)) * (width - 2 * edge)).toFixed(1)
  const y = (value: number) =>
    (high > low ? height - edge - ((value - low) / (high - low)) * (height - 2 * edge) : height / 2).toFixed(1)
  const points = values.flatMap((value, run) => (value === null ? [] : [{ run, value }]))
  const path = points.map(({ run, value }, at) => `${at === 0 ? 'M' : 'L'}${x(run)} ${y(value)}`).join('')
  const marked = changes.map((run) => `<line class="margin" x1="${x(run)}" x2="${x(run)}" y1="0" y2="${height}"/>`)
  const last = points.at(-1)!
  const dot = `<circle cx="${x(last.run)}" cy="${y(last.value)}" r="3"/>`
  const start = `<svg class="spark" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">`
  return `${start}${marked.join('')}<path class="stroke" d="${path}"/>${dot}</svg>`
}

/** How the figures of a report moved over the stored runs, the findings a mark for each run. `at` sets several apart. */
export function historyHtml({ host: machine, runs, metrics, findings }: HostHistory, at: number): string {
  const series = metrics.filter(({ medians }) => medians.filter((value) => value !== null).length > 1)
  if (runs.length < 2 || series.length === 0) return ''
  const rows = series.map(rowOf)
  const head = ['bench', 'platform', 'metric', 'runs', 'first', 'latest', '×native', '']
  const table = tableHtml('History', head, rows)
  const changed = series.flatMap((one) =>
    one.changes.map(({ run, differs }) => {
      const what = [benchName(one.bench), one.params, one.platform, one.metric].filter(Boolean).join(' · ')
      const why = differs.length > 0 ? `; also otherwise since then: ${differs.join('; ')}` : ''
      return `<li class="break">${escapeHtml(`${what}: a new level since ${basename(runs[run]!.record)}${why}`)}</li>`
    }),
  )
  const notes = changed.length > 0 ? `<h4>Change points</h4><ul>${changed.join('')}</ul>` : ''
  const from = [runs[0]!, runs.at(-1)!].map(({ startedAt }) => startedAt.slice(0, 16).replace('T', ' '))
  return `<h2>History</h2>
<p class="soft break">${plural(runs.length, 'run')}, ${escapeHtml(from.join(' to '))}, on ${escapeHtml(machine)}. Lines are ×native, or the median where there is no native. Change points are advisory: of many series some are marked by chance.</p>
${notes}
${details(`${plural(rows.length, 'series', 'series')} as lines and figures`, filtered(`history-${at}`, 'Show series', ['changed'], rows, table))}
${findingsOver(findings)}`
}

function rowOf({ bench, params, platform, metric, unit, medians, ratios, changes }: MetricHistory): Row {
  const having = medians.filter((value) => value !== null)
  const ratio = ratios.findLast((one) => one !== null)
  const line = ratio == null ? medians : ratios
  const given = line.filter((value) => value !== null)
  const label = `${given.length} runs, from ${given[0]!.toPrecision(3)} to ${given.at(-1)!.toPrecision(3)}`
  const picture = sparkline(
    line,
    changes.map(({ run }) => run),
    label,
  )
  return {
    kind: changes.length > 0 ? 'changed' : 'same',
    cells: [
      headerCell(escapeHtml([benchName(bench), params].filter(Boolean).join(' '))),
      cell(escapeHtml(platform)),
      cell(escapeHtml(metric)),
      cell(picture),
      cell(escapeHtml(formatQuantity(having[0]!, unit)), 'number'),
      cell(escapeHtml(formatQuantity(having.at(-1)!, unit)), 'number'),
      cell(ratio == null ? '' : ratio.toFixed(2), 'number'),
      cell(changes.length > 0 ? 'changed' : '', 'doubt'),
    ],
  }
}

function findingsOver(findings: HostHistory['findings']): string {
  const rows = findings.map(({ id, title, verdicts }) => ({
    cells: [
      cell(String(id), 'number'),
      headerCell(escapeHtml(title)),
      cell(
        verdicts
          .map((verdict) =>
            verdict === null
              ? '·'
              : `<span class="${verdictClass({ verdict, direction: null })}" title="${verdict}">${verdictSymbols[verdict]}</span>`,
          )
          .join(' '),
      ),
    ],
  }))
  return rows.length === 0
    ? ''
    : details('Findings, a mark for each run', tableHtml('Findings', ['#', 'finding', 'runs'], rows))
}
