import type { OutputStream } from '../reporter.ts'
import { truncate } from '../text.ts'

const least = 100
const tick = 1000

/**
 * One line at the bottom of a terminal, repainted in place: at most ten times a second when it changes, and each second
 * so that its times go on. Nothing of it is left once it is cleared. Without a terminal it writes nothing.
 */
export class StatusLine {
  readonly #out: OutputStream
  #render: (() => string) | undefined
  #painted = false
  #paintedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(out: OutputStream) {
    this.#out = out
  }

  /** What is shown from now on. `render` gives text without escape codes. */
  show(render: () => string): void {
    if (!this.#out.isTTY) return
    this.#render = render
    this.#soon()
  }

  /** Writes lines that stay, above the status. */
  print(lines: readonly string[]): void {
    if (lines.length === 0) return
    this.#erase()
    this.#out.write(`${lines.join('\n')}\n`)
    if (this.#render) this.#soon()
  }

  /** Takes the line away, for good unless something is shown again. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#render = undefined
    this.#erase()
  }

  #soon(): void {
    this.#schedule(Math.max(0, least - (Date.now() - this.#paintedAt)))
  }

  #schedule(wait: number): void {
    clearTimeout(this.#timer)
    if (wait === 0) this.#paint()
    else this.#timer = setTimeout(() => this.#paint(), wait).unref()
  }

  #paint(): void {
    if (!this.#render) return
    // One column is left free: a full line makes some terminals scroll.
    this.#out.write(`\r\x1b[2K${truncate(this.#render(), this.#out.columns - 1)}`)
    this.#painted = true
    this.#paintedAt = Date.now()
    this.#schedule(tick)
  }

  #erase(): void {
    if (this.#painted) this.#out.write('\r\x1b[2K')
    this.#painted = false
  }
}
