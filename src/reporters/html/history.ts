import { basename } from 'node:path'
import type { MachineHistory, MetricHistory } from '../../core/record/history.ts'
import { amount } from '../amount.ts'
import { markup } from '../escape.ts'
import { benchName, marks } from '../facts.ts'
import { plural } from '../text.ts'
import { behind, cell, filtered, type Row, rowHead, tableOf } from './parts.ts'
import { largest, smallest } from './scale.ts'
import { toneOf } from './tone.ts'

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
  const start = `<svg class="spark" viewBox="0 0 ${width} ${height}" role="img" aria-label="${markup(label)}">`
  return `${start}${marked.join('')}<path class="stroke" d="${path}"/>${dot}</svg>`
}

/** How the figures of a report moved over the stored runs, the findings a mark for each run. `at` sets several apart. */
export function historyHtml({ machine, runs, metrics, findings }: MachineHistory, at: number): string {
  const series = metrics.filter(({ medians }) => medians.filter((value) => value !== null).length > 1)
  if (runs.length < 2 || series.length === 0) return ''
  const rows = series.map(rowOf)
  const head = ['bench', 'platform', 'metric', 'runs', 'first', 'latest', '×native', '']
  const table = tableOf('History', head, rows)
  const changed = series.flatMap((one) =>
    one.changes.map(({ run, differs }) => {
      const what = [benchName(one.bench), one.params, one.platform, one.metric].filter(Boolean).join(' · ')
      const why = differs.length > 0 ? `; also otherwise since then: ${differs.join('; ')}` : ''
      return `<li class="break">${markup(`${what}: a new level since ${basename(runs[run]!.record)}${why}`)}</li>`
    }),
  )
  const notes = changed.length > 0 ? `<h4>Change points</h4><ul>${changed.join('')}</ul>` : ''
  const from = [runs[0]!, runs.at(-1)!].map(({ startedAt }) => startedAt.slice(0, 16).replace('T', ' '))
  return `<h2>History</h2>
<p class="soft break">${plural(runs.length, 'run')}, ${markup(from.join(' to '))}, on ${markup(machine)}. Lines are ×native, or the median where there is no native. Change points are advisory: of many series some are marked by chance.</p>
${notes}
${behind(`${plural(rows.length, 'series', 'series')} as lines and figures`, filtered(`history-${at}`, 'Show series', ['changed'], rows, table))}
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
      rowHead(markup([benchName(bench), params].filter(Boolean).join(' '))),
      cell(markup(platform)),
      cell(markup(metric)),
      cell(picture),
      cell(markup(amount(having[0]!, unit)), 'number'),
      cell(markup(amount(having.at(-1)!, unit)), 'number'),
      cell(ratio == null ? '' : ratio.toFixed(2), 'number'),
      cell(changes.length > 0 ? 'changed' : '', 'doubt'),
    ],
  }
}

function findingsOver(findings: MachineHistory['findings']): string {
  const rows = findings.map(({ id, title, verdicts }) => ({
    cells: [
      cell(String(id), 'number'),
      rowHead(markup(title)),
      cell(
        verdicts
          .map((verdict) =>
            verdict === null
              ? '·'
              : `<span class="${toneOf({ verdict, direction: null })}" title="${verdict}">${marks[verdict]}</span>`,
          )
          .join(' '),
      ),
    ],
  }))
  return rows.length === 0
    ? ''
    : behind('Findings, a mark for each run', tableOf('Findings', ['#', 'finding', 'runs'], rows))
}
