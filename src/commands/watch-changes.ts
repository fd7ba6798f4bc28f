import type { Report } from '../core/model/report.ts'
import type { ClaimVerdict } from '../core/model/verdict.ts'
import { type ResultChange, verdictChanges } from '../core/watch/result-changes.ts'
import { formatRowReason } from '../reporters/comparison.ts'
import { figure, formatAssertion, formatColumn, formatPlatforms } from '../reporters/format.ts'
import { benchName, caseName, outcomeName, verdictSymbols } from '../reporters/summary.ts'
import type { RenderOptions } from '../reporters/terminal/claims.ts'
import {
  type Colorize,
  type Colors,
  type Column,
  type TableCell,
  table,
  verdictColor,
} from '../reporters/terminal/table.ts'
import { plural, sanitize, wrap } from '../util/text.ts'

/** What the latest change did, in words: a verdict on each result that it reached, and the claims that it flipped. */

/** The sign of a verdict from more looks at the data than planned. The help explains it. */
export const interimSign = '†'

/** The most rows. Those that are sure come first. */
const mostRows = 12

const order: readonly ResultChange['state'][] = ['worse', 'better', 'measuring', 'unclear', 'new']

const marks: Record<ResultChange['state'], string> = { worse: '✗', better: '✓', unclear: '?', measuring: '…', new: '+' }

const stateColor = (state: ResultChange['state'], ink: Colors): Colorize =>
  ({ worse: ink.bad, better: ink.good, unclear: ink.doubt, measuring: ink.dim, new: ink.plain })[state]

const isSpeed = (unit: string): boolean => ['ns', 'us', 'ms', 's'].includes(unit) || unit.endsWith('/s')

/** From this factor on, a change is a factor and not a percentage. */
const leastFactor = 2

/** `5 % slower [3, 7]` or `2.3 × slower [2.1, 2.5]`; other units than those of speed have `more` and `less`. */
export function formatResultChange({ ratio, after: { unit, better } }: Pick<ResultChange, 'ratio' | 'after'>): string {
  if (!ratio) return ''
  const { estimate, low, high } = ratio
  // A time that grows is slower, and so is a rate that shrinks.
  const isUp = estimate >= 1
  const speed = isUp === (better === 'lower') ? 'slower' : 'faster'
  const word = isSpeed(unit) ? speed : isUp ? 'more' : 'less'
  const bounds = (shown: (value: number) => number) => {
    if (low === null || high === null) return ''
    return ` [${[low, high]
      .map(shown)
      .sort((a, b) => a - b)
      .map((value) => figure(Number(value.toPrecision(2))).replace('-', '−'))
      .join(', ')}]`
  }
  const factor = (value: number) => (isUp ? value : 1 / value)
  if (factor(estimate) >= leastFactor) return `${figure(factor(estimate))} × ${word}${bounds(factor)}`
  const percent = (value: number) => Number((100 * (isUp ? value - 1 : 1 - value)).toFixed(2)) + 0
  const change = percent(estimate)
  return change === 0
    ? `the same${bounds(percent)} %`.replace('the same %', 'the same')
    : `${figure(Number(change.toPrecision(2)))} % ${word}${bounds(percent)}`
}

/** How sure a change is, and after how many rounds. */
function formatSureness({ state, rounds, reason, isInterim, isAboutHost }: ResultChange, planned: number): string {
  const after = `${plural(rounds, 'round')}${isInterim ? interimSign : ''}`
  switch (state) {
    case 'worse':
    case 'better':
      return isAboutHost ? 'the host changed' : `sure after ${after}`
    case 'unclear':
      return reason ? formatRowReason(reason) : `not sure after ${after}`
    case 'measuring':
      return `not sure yet: ${rounds} of ${planned} rounds`
    case 'new':
      return 'not measured before'
  }
}

/** `227 → 238 ms`. */
function formatFigures({ before, after }: ResultChange): string {
  const [old, now] = formatColumn([before?.median ?? null, after.median], after.unit) as [string, string]
  if (!before) return now
  const unit = /(?<= )\S+$/.exec(now)?.[0]
  return `${unit && old.endsWith(` ${unit}`) ? old.slice(0, -unit.length - 1) : old} → ${now}`
}

/** `1.5 → 1.8`, if the change is one of the ratio to native; otherwise the ratio now. */
function formatRatioChange({ before, after, of }: ResultChange): string {
  const [old, now] = [before, after].map((result) => result?.ratioToNative?.ratio)
  if (now === undefined) return ''
  return of === 'ratio-to-native' && old !== undefined ? `${figure(old)} → ${figure(now)}` : figure(now)
}

/** A bench with one metric needs no name for it. */
const columnsFor = (hasOneMetric: boolean): readonly Column[] => [
  { title: '', keep: true },
  { title: 'platform', names: true, least: hasOneMetric ? 8 : 6 },
  { title: 'bench', names: true, least: hasOneMetric ? 8 : 6 },
  { title: 'metric', names: true, ...(hasOneMetric ? { drop: 0 } : { most: 24, least: 6 }) },
  { title: 'before → after', align: 'right', drop: 1 },
  { title: '×native', align: 'right', drop: 2 },
  { title: 'change' },
  { title: '', least: 27, drop: 3 },
]

function rowOf(change: ResultChange, planned: number, ink: Colors): TableCell[] {
  const { bench, params, platform, metric, state } = change
  const paint = stateColor(state, ink)
  return [
    { text: marks[state], paint },
    { text: sanitize(platform) },
    { text: caseName(bench, params) },
    { text: sanitize(metric), paint: ink.dim },
    { text: formatFigures(change) },
    { text: formatRatioChange(change), paint: ink.dim },
    { text: formatResultChange(change), paint },
    { text: formatSureness(change, planned), paint },
  ]
}

const isWorse = ({ outcome, direction }: ClaimVerdict): boolean => outcome === 'contradicted' && direction === 'worse'

/** Whether a verdict became worse or better. */
function formatDirection(before: ClaimVerdict, after: ClaimVerdict): string {
  if (isWorse(after)) return isWorse(before) ? '' : 'regressed: '
  return isWorse(before) && after.outcome === 'holds' ? 'improved: ' : ''
}

function flippedLines(before: Report, after: Pick<Report, 'claims'>, { ink, width }: RenderOptions): string[] {
  return verdictChanges(before, after).flatMap(({ before: old, after: now }) => {
    const formatOutcome = (one: ClaimVerdict) =>
      `${verdictSymbols[one.outcome]} ${outcomeName(one.outcome)}${one.direction ? ` (${one.direction})` : ''}`
    const parts = [benchName(now.bench), sanitize(formatPlatforms(now), 40), sanitize(now.claim.metric, 40)]
    const about = [...parts, sanitize(formatAssertion(now))].join(' · ')
    const text = `${formatDirection(old, now)}${formatOutcome(old)} → ${formatOutcome(now)}: ${about}`
    return wrap(text, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${verdictColor(now, ink)(line)}`)
  })
}

/**
 * What changed since `before`.
 * @param planned rounds of a job
 */
export function changeLines(
  before: Report,
  after: Pick<Report, 'claims'>,
  changes: readonly ResultChange[],
  planned: number,
  view: RenderOptions,
): string[] {
  const { ink, width } = view
  const flipped = flippedLines(before, after, view)
  const sorted = order.flatMap((state) => changes.filter((change) => change.state === state))
  const shown = sorted.slice(0, mostRows)
  if (flipped.length + shown.length === 0) return []
  const rest = sorted.length - shown.length
  const metrics = new Set(shown.map(({ bench, metric }) => JSON.stringify([bench.id, metric])))
  const columns = columnsFor(metrics.size === new Set(shown.map(({ bench }) => bench.id)).size)
  const rows = shown.map((change) => rowOf(change, planned, ink))
  return [
    '',
    ink.strong('Before → after'),
    ...(rows.length > 0 ? table(columns, rows, width - 2, ink).map((line) => `  ${line}`) : []),
    ...(rest > 0 ? [ink.dim(`  … and ${plural(rest, 'more result')}`)] : []),
    ...flipped,
  ]
}
