import type { Plan } from '../../core/plan/plan.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { Progress } from '../../core/reporting.ts'
import { duration } from '../amount.ts'
import { benchName } from '../facts.ts'
import { plain, plural } from '../text.ts'

/** Fewer steps than this say nothing of how long the rest takes. */
const enoughSteps = 3

/** How far a run is, in words, and how long it still takes if it goes on as it did. */
export class Pace {
  readonly #plan: Plan
  readonly #startedAt = Date.now()
  readonly #rounds = { warmup: new Set<number>(), measured: new Set<number>() }
  #stepAt = this.#startedAt
  #now: Progress | undefined

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** Whether the step is the first of its round. */
  begins(progress: Progress): boolean {
    const seen = this.#rounds[progress.warmup ? 'warmup' : 'measured']
    const first = !seen.has(progress.round)
    seen.add(progress.round)
    this.#now = progress
    this.#stepAt = Date.now()
    return first
  }

  /** `warm-up 1/1` or `round 2/5`. Rounds are counted as they come, however they are numbered. */
  round(): string {
    const { warmup, rounds } = this.#plan.profile
    return this.#now?.warmup
      ? `warm-up ${this.#rounds.warmup.size}/${warmup}`
      : `round ${this.#rounds.measured.size}/${rounds}`
  }

  /** `~4 min left`, or nothing while it cannot be told. */
  left(): string {
    if (!this.#now || this.#now.done < enoughSteps) return ''
    const { done, steps } = this.#now
    const each = (this.#stepAt - this.#startedAt) / done
    const left = Math.max(0, each * (steps - done) - (Date.now() - this.#stepAt))
    return left < 1000 ? 'nearly done' : `~${duration(left)} left`
  }

  /** The status line: what matters most comes first, because the end may be cut. */
  status(columns: number, errors: number): string {
    if (!this.#now) return ''
    const { done, steps, point, platform } = this.#now
    const params = plain(describeParams(point.params), 80)
    return [
      `${bar(done / steps, columns >= 100 ? 24 : 8)} ${Math.floor((100 * done) / Math.max(1, steps))} %`,
      this.round(),
      ...(errors > 0 ? [plural(errors, 'error')] : []),
      this.left(),
      plain(platform, 20),
      benchName(point.bench) + (params && ` ${params}`),
    ]
      .filter(Boolean)
      .join(' · ')
  }

  /** A line for where nothing can be repainted. */
  line(errors: number): string {
    const { done, steps } = this.#now!
    const parts = [this.round(), `${done} of ${plural(steps, 'step')} done`, this.left()]
    return [...parts, ...(errors > 0 ? [plural(errors, 'error')] : [])].filter(Boolean).join(' · ')
  }
}

function bar(share: number, columns: number): string {
  const full = Math.min(columns, Math.max(0, Math.floor(share * columns)))
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)}`
}
