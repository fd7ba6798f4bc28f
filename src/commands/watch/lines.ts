/** What watch mode shows: what changed on top, then the tables. Pure. */
import type { MetricResult, Report } from '../../core/report/schema.ts'
import { figureChanges, flips } from '../../core/watch/changes.ts'
import type { Watch } from '../../core/watch/watch.ts'
import { amount, ratios } from '../../reporters/amount.ts'
import { benchName, count, countsLine, marks, roundsOf } from '../../reporters/facts.ts'
import { benchLines } from '../../reporters/terminal/benches.ts'
import { claimLines, type View } from '../../reporters/terminal/claims.ts'
import { findingLines } from '../../reporters/terminal/findings.ts'
import { paintOf } from '../../reporters/terminal/ink.ts'
import { platformLines, problemLines } from '../../reporters/terminal/summary.ts'
import { type Cell, table } from '../../reporters/terminal/table.ts'
import { cut, plain, wrap } from '../../reporters/text.ts'

/** What of a watch is shown. */
export type Shown = Pick<Watch, 'report' | 'before' | 'problems' | 'note' | 'only' | 'background'>

export function linesOf(watch: Shown, view: View): string[] {
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

function headLines({ note, only, background }: Shown, { ink, width }: View): string[] {
  const filters = [
    ...(only.platform ? [`platforms with "${plain(only.platform, 30)}"`] : []),
    ...(only.bench ? [`benches with "${plain(only.bench, 30)}"`] : []),
    ...(background ? [] : ['no rounds in the background']),
  ]
  const head = ['isobench watch', ...filters].join(' · ')
  return [ink.strong(cut(head, width)), ...(note ? wrap(plain(note), width) : [])]
}

/** What was looked at after every round says more than it may: the error rate is that of a single look. */
function looksLines({ benches, profile }: Report, { ink, width }: View): string[] {
  const most = Math.max(
    0,
    ...benches.flatMap(({ cells }) => cells.flatMap(({ metrics }) => Object.values(metrics))).map(roundsOf),
  )
  if (most <= profile.rounds) return []
  const text = `Up to ${most} rounds, looked at after each of them: a verdict may have come by looking often. isobench run decides.`
  return wrap(text, width).map(ink.doubt)
}

/** A figure with how sure it is: the ratio to native where there is one. */
function figureOf({ median, unit, vsNative }: MetricResult): string {
  if (!vsNative) return median === null ? 'none' : amount(median, unit)
  const [{ ratio, interval } = { ratio: '', interval: '' }] = ratios([vsNative])
  return `${ratio}× ${interval}`.trim()
}

function changeLines(before: Report, after: Report, { ink, width }: View): string[] {
  const flipped = flips(before, after)
  const figures = figureChanges(before, after)
  const rows = figures.map(({ point, platform, metric, before: old, after: now }): Cell[] => [
    { text: benchName(point) },
    { text: plain(platform, 40) },
    { text: plain(metric, 40) },
    { text: old ? figureOf(old) : 'new', paint: ink.dim },
    { text: '→' },
    { text: figureOf(now) },
  ])
  return [
    ...(flipped.length + rows.length > 0 ? ['', ink.strong('Before → after')] : []),
    ...flipped.flatMap(({ before: old, after: now }) => {
      const told = (one: typeof now) =>
        `${marks[one.verdict]} ${one.verdict}${one.direction ? ` (${one.direction})` : ''}`
      const text = `${told(old)} → ${told(now)}: ${benchName(now.bench)} · ${plain(now.platform, 40)} · ${plain(now.metric, 40)} · ${plain(now.matcher)}`
      return wrap(text, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${paintOf(now, ink)(line)}`)
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
