/** What watch mode shows: what changed on top, then the tables. Pure. */
import type { MetricResult, Report } from '../../core/report/schema.ts'
import { figureChanges, verdictChanges } from '../../core/watch/changes.ts'
import type { Watch } from '../../core/watch/watch.ts'
import { formatQuantity, formatRatios } from '../../reporters/amount.ts'
import { benchName, count, countsLine, roundCount, verdictSymbols } from '../../reporters/facts.ts'
import { benchLines } from '../../reporters/terminal/benches.ts'
import { claimLines, type RenderOptions } from '../../reporters/terminal/claims.ts'
import { findingLines } from '../../reporters/terminal/findings.ts'
import { verdictColor } from '../../reporters/terminal/ink.ts'
import { platformLines, problemLines } from '../../reporters/terminal/summary.ts'
import { type TableCell, table } from '../../reporters/terminal/table.ts'
import { sanitize, truncate, wrap } from '../../reporters/text.ts'

/** What of a watch is shown. */
export type WatchView = Pick<Watch, 'report' | 'before' | 'problems' | 'note' | 'only' | 'background'>

export function renderWatch(watch: WatchView, view: RenderOptions): string[] {
  const { report, before, problems } = watch
  // A flag that its runtime does not know is what somebody is looking for; what never worked here is not.
  const worked = ({ name }: Report['platforms'][number]) =>
    before?.platforms.some((one) => one.name === name && one.available) === true
  return [
    ...headLines(watch, view),
    ...problemLines(problems, view),
    ...(report ? platformLines(report, view, worked) : []),
    ...(report && before ? changeLines(before, report, view) : []),
    ...(report
      ? [
          ...benchLines(report, view.width, view.ink),
          ...claimLines(report, view),
          ...findingLines(report, view),
          ...platformLines(report, view, (one) => !worked(one)),
          '',
          ...looksLines(report, view),
          view.ink.strong(countsLine(count(report.claims))),
        ]
      : []),
  ]
}

function headLines({ note, only, background }: WatchView, { ink, width }: RenderOptions): string[] {
  const filters = [
    ...(only.platform ? [`platforms with "${sanitize(only.platform, 30)}"`] : []),
    ...(only.bench ? [`benches with "${sanitize(only.bench, 30)}"`] : []),
    ...(background ? [] : ['no rounds in the background']),
  ]
  const head = ['isobench watch', ...filters].join(' · ')
  return [ink.strong(truncate(head, width)), ...(note ? wrap(sanitize(note), width) : [])]
}

/** What was looked at after every round says more than it may: the error rate is that of a single look. */
function looksLines({ cases: benches, profile }: Report, { ink, width }: RenderOptions): string[] {
  const most = Math.max(
    0,
    ...benches.flatMap(({ results: cells }) => cells.flatMap(({ metrics }) => Object.values(metrics))).map(roundCount),
  )
  if (most <= profile.rounds) return []
  const text = `Up to ${most} rounds, looked at after each of them: a verdict may have come by looking often. isobench run decides.`
  return wrap(text, width).map(ink.doubt)
}

/** A figure with how sure it is: the ratio to native where there is one. */
function figureOf({ median, unit, ratioToNative: vsNative }: MetricResult): string {
  if (!vsNative) return median === null ? 'none' : formatQuantity(median, unit)
  const [{ ratio, interval } = { ratio: '', interval: '' }] = formatRatios([vsNative])
  return `${ratio}× ${interval}`.trim()
}

function changeLines(before: Report, after: Report, { ink, width }: RenderOptions): string[] {
  const flipped = verdictChanges(before, after)
  const figures = figureChanges(before, after)
  const rows = figures.map(({ case: point, platform, metric, before: old, after: now }): TableCell[] => [
    { text: benchName(point) },
    { text: sanitize(platform, 40) },
    { text: sanitize(metric, 40) },
    { text: old ? figureOf(old) : 'new', paint: ink.dim },
    { text: '→' },
    { text: figureOf(now) },
  ])
  return [
    ...(flipped.length + rows.length > 0 ? ['', ink.strong('Before → after')] : []),
    ...flipped.flatMap(({ before: old, after: now }) => {
      const told = (one: typeof now) =>
        `${verdictSymbols[one.verdict]} ${one.verdict}${one.direction ? ` (${one.direction})` : ''}`
      const text = `${told(old)} → ${told(now)}: ${benchName(now.bench)} · ${sanitize(now.platform, 40)} · ${sanitize(now.metric, 40)} · ${sanitize(now.matcher)}`
      return wrap(text, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${verdictColor(now, ink)(line)}`)
    }),
    ...(rows.length > 0
      ? table(
          [
            { title: '', least: 8 },
            { title: 'platform', least: 8 },
            { title: 'metric', least: 6 },
            { title: 'before', align: 'right' },
            { title: '' },
            { title: 'after' },
          ],
          rows,
          width - 2,
          ink,
        ).map((line) => `  ${line}`)
      : []),
  ]
}
