import { describeParams, type Plan } from '../../core/model/plan.ts'
import { benchInfo } from '../../core/model/suite.ts'
import type { Progress } from '../../core/reporter.ts'
import { plural, sanitize, truncate } from '../../util/text.ts'
import { duration } from '../format.ts'
import type { OutputStream } from '../reporter.ts'
import { benchName } from '../summary.ts'
import { TimeLeft } from './time-left.ts'

/** Milliseconds after which a step shows its duration. */
const longStep = 3000
/** Where nothing can be repainted, a line comes at least so often, in milliseconds, when steps follow each other. */
const mostSilence = 60_000

/** How far a run is, in words, and how long it still takes if it goes on as it did. */
export class ProgressEstimator {
  readonly #plan: Plan
  /** The rounds that each block has begun. */
  readonly #rounds = new Map<number, { readonly warmup: Set<number>; readonly measured: Set<number> }>()
  #stepAt = Date.now()
  #shownAt = this.#stepAt
  #now: Progress | undefined
  readonly #timeLeft: TimeLeft

  get #isOneBlock(): boolean {
    return (this.#plan.blocks?.length ?? 1) < 2
  }

  constructor(plan: Plan) {
    this.#plan = plan
    this.#timeLeft = new TimeLeft(plan)
  }

  /**
   * Whether to print a line if the output cannot be repainted: another block begins, or another round if there is one
   * block, or nothing was printed for a minute.
   */
  begins(progress: Progress): boolean {
    const rounds = this.#rounds.get(progress.block) ?? { warmup: new Set(), measured: new Set() }
    const now = Date.now()
    const seen = rounds[progress.warmup ? 'warmup' : 'measured']
    const isNew = this.#isOneBlock ? !seen.has(progress.round) : progress.block !== this.#now?.block
    const due = isNew || now - this.#shownAt >= mostSilence
    this.#rounds.set(progress.block, rounds)
    seen.add(progress.round)
    if (this.#now) this.#timeLeft.took(this.#now, now - this.#stepAt)
    this.#now = progress
    this.#stepAt = now
    if (due) this.#shownAt = now
    return due
  }

  /** `for 12 s of ~47 s` of a step that takes long, the latter as long as it took the last time. */
  step(): string {
    const since = Date.now() - this.#stepAt
    if (!this.#now || since < longStep) return ''
    const took = this.#timeLeft.latest(this.#now)
    return `for ${duration(since)}${took !== undefined && took > since ? ` of ~${duration(took)}` : ''}`
  }

  /** `warm-up 1/1` or `round 2/5`. Rounds are counted as they come, however they are numbered. */
  round(): string {
    const { warmup, rounds } = this.#plan.profile
    const begun = this.#now && this.#rounds.get(this.#now.block)
    return this.#now?.warmup
      ? `warm-up ${begun?.warmup.size}/${warmup}`
      : `round ${begun?.measured.size ?? 0}/${rounds}`
  }

  /** `bench 2 of 7`, or nothing if there is one block. */
  block(): string {
    const blocks = this.#plan.blocks ?? []
    const at = blocks.slice(0, this.#now?.block).reduce((sum, ids) => sum + ids.length, 0)
    const [ids, all] = [blocks[this.#now?.block ?? 0] ?? [], blocks.flat().length]
    if (this.#isOneBlock) return ''
    return ids.length === 1 ? `bench ${at + 1} of ${all}` : `benches ${at + 1} to ${at + ids.length} of ${all}`
  }

  /** `~4 min left`, or nothing if it is unknown. */
  left(): string {
    return this.#now ? this.#timeLeft.text(this.#now, Date.now() - this.#stepAt) : ''
  }

  /** The status line: what matters most comes first, because the end may be cut. */
  status(columns: number, errors: number): string {
    if (!this.#now) return ''
    const { done, steps, case: point, platform } = this.#now
    const params = sanitize(describeParams(point.params), 80)
    return [
      `${bar(done / steps, columns >= 100 ? 24 : 8)} ${Math.floor((100 * done) / Math.max(1, steps))} %`,
      this.block(),
      this.round(),
      ...(errors > 0 ? [plural(errors, 'error')] : []),
      this.left(),
      sanitize(platform, 20),
      this.#benchName() + (params && ` ${params}`),
      this.step(),
    ]
      .filter(Boolean)
      .join(' · ')
  }

  #benchName(): string {
    return benchName(benchInfo(this.#now!.case.bench, this.#plan.benches))
  }

  /** A line for where nothing can be repainted. */
  line(errors: number): string {
    const { done, steps } = this.#now!
    const parts = [
      this.block(),
      this.round(),
      `${done} of ${plural(steps, 'step')} done`,
      this.left(),
      this.#benchName(),
    ]
    return [...parts, ...(errors > 0 ? [plural(errors, 'error')] : [])].filter(Boolean).join(' · ')
  }
}

function bar(share: number, columns: number): string {
  const full = Math.min(columns, Math.max(0, Math.floor(share * columns)))
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)}`
}

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
