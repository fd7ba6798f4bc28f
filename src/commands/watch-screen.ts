import type { Watch } from '../core/watch/watch.ts'
import { renderOptions } from '../reporters/terminal/reporter.ts'
import { pad, plural, truncate, widthOf, wrap } from '../util/text.ts'
import type { CommandIo } from './command.ts'
import { countsText, renderWatch, shortCounts } from './watch-render.ts'
import { statusLine } from './watch-status.ts'

/** What the keys of watch mode do: for its screen, `isobench watch --help` and the reference page. */
export const watchKeys = [
  { name: 'Enter', description: 'measure the latest again, or go on after c' },
  { name: 'a', description: 'measure everything in view again' },
  { name: 'f', description: 'measure what failed or is undecided again' },
  { name: 'c', description: 'cancel the measuring; what was measured stays' },
  { name: 'p', description: 'filter by platform, t by bench: a text or a regular expression' },
  { name: 'u', description: 'set the margin of the contradicted claim in view to what was measured; z takes it back' },
  { name: 's', description: 'stop or continue the rounds in the background' },
  { name: 'b', description: 'keep this as the baseline "watch"' },
  { name: 'o', description: 'open the html report' },
  { name: '↑ ↓ space', description: 'scroll' },
  { name: 'h', description: 'this help' },
  { name: 'q', description: 'quit, as Ctrl-C does' },
  { name: '†', description: 'a verdict after more looks than planned; isobench run confirms it' },
] as const

const nameColumn = Math.max(...watchKeys.map(({ name }) => name.length)) + 2

const help = (columns: number): string[] =>
  watchKeys.flatMap(({ name, description }) =>
    wrap(description, columns - nameColumn).map((line, at) => pad(at === 0 ? name : '', nameColumn) + line),
  )

/** The screen of watch mode: what it has to show, as much as fits, and one line of status. */

/** Milliseconds between two paintings at least. */
const least = 40

/** Milliseconds until the clock and the estimate of the status are painted again. */
const tick = 1000

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
    if (!this.#open) return
    const wait = least - (performance.now() - this.#paintedAt)
    if (wait <= 0) this.#paint()
    else this.#paintAfter(wait)
  }

  #paintAfter(wait: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#paint(), wait)
  }

  #paint(): void {
    this.#paintedAt = performance.now()
    const { rows = 24, columns = 80 } = this.io.out
    const keys = this.help ? help(columns - 1) : []
    const room = Math.max(3, rows - 2 - keys.length)
    const all = this.#lines()
    this.#offset = Math.min(this.#offset, Math.max(0, all.length - room))
    const shown = all.slice(this.#offset, this.#offset + room)
    const below = all.length - this.#offset - shown.length
    const lines = [
      ...shown,
      ...Array.from({ length: room - shown.length }, () => ''),
      ...keys,
      truncate(this.#footer(below, columns - 1), columns - 1),
      this.#status(columns - 1),
    ].slice(-rows)
    this.io.out.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
    if (this.watch.doing.kind === 'measuring') this.#paintAfter(tick)
  }

  /** What is out of sight below. The counts are the last line there. */
  #footer(below: number, columns: number): string {
    if (below === 0) return ''
    const more = `… ${plural(below, 'more line')}, space scrolls`
    const text = [more, countsText(this.watch)].filter(Boolean).join(' · ')
    return widthOf(text) <= columns ? text : [more, shortCounts(this.watch)].filter(Boolean).join(' · ')
  }

  #status(columns: number): string {
    const { prompt } = this
    if (!prompt) return statusLine(this.watch, this.said, columns)
    const line = `${prompt.label}: ${prompt.text}▏`
    return truncate(`${line} (Enter takes it, empty is all, Esc leaves it)`, columns)
  }

  #lines(): string[] {
    const { report, stale, before, changes, problems, note, latestJob, only, heldBack, background } = this.watch
    const shown = [report, stale, before, changes, problems, note, latestJob, only, heldBack, background]
    const key = [...shown, this.io.out.columns]
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
