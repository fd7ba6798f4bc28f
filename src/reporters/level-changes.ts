import { basename } from 'node:path'
import type { HistoryRun, MetricHistory } from '../core/records/history.ts'
import { dateUncertainty, type Level, type LevelChange, type NearbyChange } from '../core/records/level-changes.ts'
import { changePointRate } from '../core/stats/index.ts'
import { plural, sanitize } from '../util/text.ts'
import { formatChange, formatColumn, formatRatios } from './format.ts'
import { differenceText } from './host-differences.ts'
import { benchName } from './summary.ts'

/** The words of the change points of a history. */

type Named = Pick<MetricHistory, 'bench' | 'params' | 'metric' | 'unit' | 'better'>

/**
 * The metric of a series, with its unit and direction if it had others in other runs.
 * @param all the series of the host
 */
export function metricName({ bench, params, metric, unit, better }: Named, all: readonly Named[]): string {
  const isShared = all.some(
    (other) =>
      other.metric === metric &&
      other.bench.id === bench.id &&
      other.params === params &&
      (other.unit !== unit || other.better !== better),
  )
  return isShared ? `${metric} (${unit}, ${better} is better)` : metric
}

/**
 * The bench, parameters and metric of a series.
 * @param all the series of the host, if one of them may have the same name with another unit
 */
export const seriesName = (one: MetricHistory, all: readonly MetricHistory[] = []): string =>
  [[benchName(one.bench), sanitize(one.params)].filter(Boolean).join(' '), sanitize(metricName(one, all), 80)].join(
    ' · ',
  )

/** `2026-01-08 12:30, commit 1a2b3c4d, 2026-01-08T12-30.jsonl`. */
export function describeRun({ startedAt, revision, record }: HistoryRun): string {
  const commit = revision === null ? [] : [`commit ${revision.slice(0, 8)}${revision.endsWith('+') ? '+' : ''}`]
  return [startedAt.slice(0, 16).replace('T', ' '), ...commit, sanitize(basename(record))].join(', ')
}

/** What a change of level is, from when on, and what else changed: a line each. */
export function describeChange(series: MetricHistory, change: LevelChange, runs: readonly HistoryRun[]): string[] {
  const { direction, ratio, from, to, run, pValue, adjustedP, differences, nearby } = change
  const [shown] = formatRatios([ratio && { ratio: ratio.estimate, low: ratio.low, high: ratio.high, rounds: to.runs }])
  const amount = ratio ? `: ${formatChange(ratio.estimate)}, × ${`${shown!.ratio} ${shown!.interval}`.trim()}` : ''
  const also = differences.map((one) => differenceText(one).trim())
  const near = nearby.map((one) => nearbyText(one, runs))
  return [
    `${sanitize(series.platform, 40)} ${direction}${amount}; ${levels(series, from, to)}`,
    `since ${describeRun(runs[run]!)}; p = ${probability(pValue)}, ${probability(adjustedP)} over all series`,
    ...(also.length > 0 ? [`also changed then: ${also.join('; ')}`] : []),
    ...near,
    ...(also.length + near.length > 0
      ? []
      : [`isobench recorded no other change within ${plural(dateUncertainty, 'run')} of it`]),
  ]
}

/** `changed 1 run earlier, 2026-01-08 12:30: kernel: 6.1 → 6.12; the step may date from then`. */
function nearbyText({ offset, run, differences }: NearbyChange, runs: readonly HistoryRun[]): string {
  const when = `${plural(Math.abs(offset), 'run')} ${offset < 0 ? 'earlier' : 'later'}`
  const date = run === null ? '' : `, ${runs[run]!.startedAt.slice(0, 16).replace('T', ' ')}`
  const what = differences.map((one) => differenceText(one).trim()).join('; ')
  return `changed ${when}${date}: ${what}; the step may date from then`
}

/** `98 → 69 events/s, 0.98 → 0.69 × native`, as medians of the runs. */
function levels({ unit }: MetricHistory, from: Level, to: Level): string {
  const medians = formatColumn([from.median, to.median], unit).map((text) => sanitize(text))
  const [a, b] = [from.ratioToNative, to.ratioToNative]
  const ratios = a === null || b === null ? '' : `, ${a.toFixed(2)} → ${b.toFixed(2)} × native`
  return `median ${medians.join(' → ')}${ratios} (${from.runs} and ${to.runs} runs)`
}

const probability = (p: number): string => (p < 1e-4 ? p.toExponential(0) : String(Number(p.toPrecision(1))))

/** How sure change points are, in one sentence. */
export const changePointNote = (series: number): string =>
  `All ${plural(series, 'series', 'series')} share a false-alarm rate of ${100 * changePointRate} %.`
