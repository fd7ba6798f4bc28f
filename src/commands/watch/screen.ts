/** The screen of watch mode: what it has to show, as far as there is room, and one line of status. */
import type { Watch } from '../../core/watch/watch.ts'
import { benchName, count, countsLine } from '../../reporters/facts.ts'
import { renderOptions } from '../../reporters/terminal/default.ts'
import { plural, sanitize, truncate } from '../../reporters/text.ts'
import type { CommandIo } from '../command.ts'
import { help } from './help.ts'
import { renderWatch } from './lines.ts'

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
    return [what, `${done}/${steps}`, ...said, ...stop, keys, sanitize(platform, 20), benchName(bench)].join(' · ')
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
