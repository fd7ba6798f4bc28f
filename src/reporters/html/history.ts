import { type HostHistory, latestFigures, type MetricHistory } from '../../core/records/history.ts'
import { plural } from '../../util/text.ts'
import { formatQuantity } from '../format.ts'
import { changePointNote, describeChange, metricName, seriesName } from '../level-changes.ts'
import { benchName, outcomeName, verdictSymbols } from '../summary.ts'
import type { Anchors } from './anchors.ts'
import { cell, details, filtered, headerCell, list, type Row, table, verdictClass } from './elements.ts'
import { createScale, largest, linePath, smallest } from './scale.ts'
import { vertical } from './svg.ts'
import { type Html, html, joinHtml } from './tag.ts'

/** The history of metrics and findings over the stored runs of one host. */

const width = 180
const height = 30
const padding = 4

/** A line over the runs with a dot for the latest one. Vertical lines mark change points. */
function sparkline(values: readonly (number | null)[], changes: readonly number[], label: string): Html {
  const points = values.flatMap((value, run) => (value === null ? [] : [{ run, value }]))
  const given = points.map(({ value }) => value)
  const x = createScale({ low: 0, high: Math.max(1, values.length - 1), from: padding, to: width - padding })
  const [low, high] = [smallest(given), largest(given)]
  const flat = low === high
  const y = createScale({ low, high, from: flat ? height / 2 : height - padding, to: padding })
  const path = linePath(points.map(({ run, value }) => [x.at(run), y.at(value)] as const))
  const last = points.at(-1)!
  const marks = changes.map((run) => vertical(x.at(run), 0, height, 'margin'))
  const dot = html`<circle cx="${x.at(last.run)}" cy="${y.at(last.value)}" r="3"/>`
  const content = [marks, html`<path class="stroke" d="${path}"/>`, dot]
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${content}</svg>`
}

/**
 * How the metrics of a report changed over the stored runs, and the verdict of each finding in each run.
 * @returns undefined if no metric has two values
 */
export function historyHtml({ host, runs, metrics, findings }: HostHistory, anchors: Anchors): Html | undefined {
  const series = metrics.filter(({ medians }) => medians.filter((value) => value !== null).length > 1)
  if (runs.length < 2 || series.length === 0) return undefined
  const rows = series.map((one) => rowOf(one, metrics))
  const titles = ['bench', 'platform', 'metric', 'runs', 'first', 'latest', '×native', '']
  const changes = series.flatMap((metric) =>
    metric.changes.map(
      (change) => `${seriesName(metric, metrics)}: ${describeChange(metric, change, runs).join('; ')}`,
    ),
  )
  const period = [runs[0]!, runs.at(-1)!].map(({ startedAt }) => startedAt.slice(0, 16).replace('T', ' ')).join(' to ')
  const filteredTable = filtered(
    anchors.part('history-filter'),
    'Show series',
    ['changed'],
    rows,
    table('History', titles, rows),
  )
  return html`<h2 id="${anchors.part('history')}">History</h2>
<p class="muted wrap-anywhere">${plural(runs.length, 'run')}, ${period}, on ${host}. Lines show the ratio to native,
or the median if there is no native. ${changePointNote(metrics.length)}</p>
${changes.length > 0 && html`<h4>Change points</h4>${list(changes)}`}
${details(`${plural(rows.length, 'series', 'series')} as lines and figures`, filteredTable)}
${findingsHistory(findings)}`
}

function rowOf(one: MetricHistory, all: readonly MetricHistory[]): Row {
  const { bench, params, platform, unit, medians, ratios, changes } = one
  const measured = medians.filter((value) => value !== null)
  const figures = latestFigures(one)
  const line = ratios.some((value) => value !== null) ? ratios : medians
  const values = line.filter((value) => value !== null)
  const ends = [values[0]!, values.at(-1)!].map((value) => value.toPrecision(3))
  const changed = changes.length > 0
  const picture = sparkline(
    line,
    changes.map(({ run }) => run),
    `${values.length} runs, from ${ends.join(' to ')}`,
  )
  return {
    kind: changed ? 'changed' : 'same',
    cells: [
      headerCell([benchName(bench), params].filter(Boolean).join(' ')),
      cell(platform),
      cell(metricName(one, all)),
      cell(picture),
      cell(formatQuantity(measured[0]!, unit), 'number'),
      cell(figures ? formatQuantity(figures.median, unit) : '–', 'number'),
      cell(figures?.ratio?.toFixed(2), 'number'),
      cell(changed && 'changed', 'doubt'),
    ],
  }
}

function findingsHistory(findings: HostHistory['findings']): Html | undefined {
  if (findings.length === 0) return undefined
  const rows = findings.map(({ id, title, verdicts }) => {
    const marks = verdicts.map((verdict) => {
      if (verdict === null) return '·'
      const className = verdictClass({ outcome: verdict, direction: null })
      return html`<span class="${className}" title="${outcomeName(verdict)}">${verdictSymbols[verdict]}</span>`
    })
    return { cells: [cell(id, 'number'), headerCell(title), cell(joinHtml(marks, ' '))] }
  })
  return details('Findings, a mark for each run', table('Findings', ['#', 'finding', 'runs'], rows))
}
