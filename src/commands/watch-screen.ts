import type { MetricResult, Report } from '../core/model/report.ts'
import type { ClaimVerdict } from '../core/model/verdict.ts'
import { figureChanges, verdictChanges } from '../core/watch/changes.ts'
import type { Watch } from '../core/watch/watch.ts'
import { formatAssertion, formatPlatforms, formatQuantity, formatRatios } from '../reporters/format.ts'
import {
  benchName,
  caseName,
  count,
  countsLine,
  outcomeName,
  roundCount,
  verdictSymbols,
} from '../reporters/summary.ts'
import { benchLines } from '../reporters/terminal/benches.ts'
import { claimLines, type RenderOptions } from '../reporters/terminal/claims.ts'
import { renderOptions } from '../reporters/terminal/reporter.ts'
import { findingLines, platformLines, problemLines } from '../reporters/terminal/summary.ts'
import { type TableCell, table, verdictColor } from '../reporters/terminal/table.ts'
import { plural, sanitize, truncate, wrap } from '../util/text.ts'
import type { CommandIo } from './command.ts'

/** What the keys of watch mode do, as lines of its screen. */
export const help = [
  'a  measure everything again          f  what failed or is undecided',
  'r  the latest again                  p  filter by platform   t  filter by bench',
  's  stop or continue the background rounds',
  'b  keep this as the baseline "watch" o  open the html report',
  '↑ ↓ space  scroll                    h  this help            q  quit',
]

/** What watch mode shows: what changed on top, then the tables. Pure. */

/** What of a watch is shown. */
export type WatchView = Pick<Watch, 'report' | 'before' | 'problems' | 'note' | 'only' | 'background'>

export function renderWatch(watch: WatchView, view: RenderOptions): string[] {
  const { report, before, problems } = watch
  // A flag that its runtime does not know is what somebody is looking for; what never worked here is not.
  const worked = ({ name }: Report['platforms'][number]) =>
    before?.platforms.some((one) => one.name === name && one.available) === true
  return [
    ...headLines(watch, view),
    ...problemLines(problems, view, true),
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
    ...benches.flatMap(({ results }) => results.flatMap(({ metrics }) => Object.values(metrics))).map(roundCount),
  )
  if (most <= profile.rounds) return []
  const text =
    `Up to ${most} rounds, looked at after each of them: ` +
    'a verdict may have come by looking often. isobench run decides.'
  return wrap(text, width).map(ink.doubt)
}

/** A figure with how sure it is: the ratio to native where there is one. */
function formatResult({ median, unit, ratioToNative }: MetricResult): string {
  if (!ratioToNative) return median === null ? 'none' : formatQuantity(median, unit)
  const [{ ratio, interval } = { ratio: '', interval: '' }] = formatRatios([ratioToNative])
  return `${ratio}× ${interval}`.trim()
}

const isWorse = ({ outcome, direction }: ClaimVerdict): boolean => outcome === 'contradicted' && direction === 'worse'

/** Whether a verdict became worse or better than in the former run. */
function formatChange(before: ClaimVerdict, after: ClaimVerdict): string {
  if (isWorse(after)) return isWorse(before) ? '' : 'regressed: '
  return isWorse(before) && after.outcome === 'holds' ? 'improved: ' : ''
}

function changeLines(before: Report, after: Report, { ink, width }: RenderOptions): string[] {
  const flipped = verdictChanges(before, after)
  const figures = figureChanges(before, after)
  const rows = figures.map(({ bench, params, platform, metric, before: old, after: now }): TableCell[] => [
    { text: caseName(bench, params) },
    { text: sanitize(platform, 40) },
    { text: sanitize(metric, 40) },
    { text: old ? formatResult(old) : 'new', paint: ink.dim },
    { text: '→' },
    { text: formatResult(now) },
  ])
  return [
    ...(flipped.length + rows.length > 0 ? ['', ink.strong('Before → after')] : []),
    ...flipped.flatMap(({ before: old, after: now }) => {
      const formatOutcome = (one: typeof now) =>
        `${verdictSymbols[one.outcome]} ${outcomeName(one.outcome)}${one.direction ? ` (${one.direction})` : ''}`
      const parts = [benchName(now.bench), sanitize(formatPlatforms(now), 40), sanitize(now.claim.metric, 40)]
      const about = [...parts, sanitize(formatAssertion(now))].join(' · ')
      const text = `${formatChange(old, now)}${formatOutcome(old)} → ${formatOutcome(now)}: ${about}`
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

/** The screen of watch mode: what it has to show, as much as fits, and one line of status. */

/** Milliseconds between two paintings at least. */
const least = 40

/** What is on the screen: what changed on top, then the tables; the status is the last line. */
export class Screen {
  #cached: { readonly key: readonly unknown[]; readonly lines: string[] } = { key: [], lines: [] }
  #offset = 0
  #paintedAt = 0
  #timer: NodeJS.Timeout | undefined
  #open = false
  help = false
  said = ''
  prompt: { readonly label: string; text: string; done(text: string): void } | undefined
  watch!: Watch

  constructor(
    private readonly io: CommandIo,
    private readonly cwd: string,
  ) {}

  open(): void {
    this.#open = true
    this.io.out.write('\x1b[?1049h\x1b[?25l')
    this.io.out.on('resize', this.soon)
  }

  close(): void {
    this.#open = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.io.out.off('resize', this.soon)
    this.io.out.write('\x1b[?25h\x1b[?1049l')
  }

  rows(): number {
    return this.io.out.rows ?? 24
  }

  scroll(by: number): void {
    this.#offset = Math.max(0, this.#offset + by)
    this.soon()
  }

  readonly soon = (): void => {
    if (this.#timer || !this.#open) return
    const wait = least - (performance.now() - this.#paintedAt)
    if (wait <= 0) this.#paint()
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#paint()
      }, wait)
  }

  #paint(): void {
    this.#paintedAt = performance.now()
    const { rows = 24, columns = 80 } = this.io.out
    const room = Math.max(3, rows - 2 - (this.help ? help.length : 0))
    const all = this.#lines()
    this.#offset = Math.min(this.#offset, Math.max(0, all.length - room))
    const shown = all.slice(this.#offset, this.#offset + room)
    const below = all.length - this.#offset - shown.length
    const lines = [
      ...shown,
      ...Array.from({ length: room - shown.length }, () => ''),
      ...(this.help ? help : []),
      truncate(this.#footer(below), columns - 1),
      truncate(this.#status(), columns - 1),
    ]
    this.io.out.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
  }

  /** What is out of sight below. The counts are the last line there. */
  #footer(below: number): string {
    if (below === 0) return ''
    const { report } = this.watch
    const counts = report ? [countsLine(count(report.claims))] : []
    return [`… ${plural(below, 'more line')}, space scrolls`, ...counts].join(' · ')
  }

  #status(): string {
    const { doing } = this.watch
    if (this.prompt) return `${this.prompt.label}: ${this.prompt.text}▏ (Enter takes it, empty is all, Esc leaves it)`
    if (doing.kind === 'preparing') return `${sanitize(doing.what)} …`
    const keys = 'h help · q quit'
    const said = this.said ? [sanitize(this.said)] : []
    if (doing.kind === 'watching') return ['waiting for changes', ...said, keys].join(' · ')
    const { round, rounds, done, steps, platform, bench, background } = doing
    const what = background ? 'one more round' : round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`
    const stop = background ? ['s stops'] : []
    return [what, `${done}/${steps}`, ...said, ...stop, keys, sanitize(platform, 20), sanitize(bench, 120)].join(' · ')
  }

  #lines(): string[] {
    const { report, before, problems, note, only, background } = this.watch
    const key = [report, before, problems, note, only, background, this.io.out.columns]
    if (key.every((part, at) => part === this.#cached.key[at]) && this.#cached.key.length > 0) return this.#cached.lines
    const view = renderOptions({
      out: { write: () => {}, isTTY: true, columns: (this.io.out.columns || 80) - 1 },
      root: this.cwd,
      color: this.io.color,
    })
    const lines = renderWatch(this.watch, view)
    this.#cached = { key, lines }
    return lines
  }
}
