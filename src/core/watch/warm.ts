/** Guests that stay from one change to the next. */
import { GuestPool } from '../measure/slot.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { Session } from '../session.ts'

type Lifetime = 'round' | 'run'

/**
 * A round has fresh guests, as in every run. Between two changes they are booted ahead and wait, frozen and unused, so that
 * the first command after a change need not wait for a boot. Guests of the run stay until something changes that they hold.
 */
export class Warm implements AsyncDisposable {
  readonly #slots = { round: new Map<string, GuestPool>(), run: new Map<string, GuestPool>() }
  readonly #ahead = new Set<string>()
  readonly #failed = new Set<string>()
  readonly #stale = new Set<string>()
  /** The platforms that are worth a guest booted ahead. */
  wanted: ReadonlySet<string> = new Set()

  constructor(
    private readonly session: Session,
    private readonly rootfs: string,
    private readonly timeout: number,
  ) {}

  /** Where a sample on this platform finds its guest. */
  slots(platform: string): Readonly<Record<Lifetime, GuestPool>> {
    this.#ahead.delete(platform)
    return { round: this.#of('round', platform), run: this.#of('run', platform) }
  }

  #of(lifetime: Lifetime, platform: string): GuestPool {
    const known = this.#slots[lifetime].get(platform) ?? new GuestPool(this.session, this.rootfs, this.timeout)
    this.#slots[lifetime].set(platform, known)
    return known
  }

  /** Ends the guests that a round has used. */
  async endRound(): Promise<void> {
    for (const [name, slots] of [...this.#slots.round]) {
      if (this.#ahead.has(name)) continue
      this.#slots.round.delete(name)
      await slots[Symbol.asyncDispose]()
    }
  }

  /** Marks guests that must not be used again: of a platform that changed, or, with `run`, all that last for the run. */
  stale(what: string): void {
    this.#stale.add(what)
  }

  /** Ends what is stale, and what an aborted round has used. */
  async dropStale(): Promise<void> {
    await this.endRound()
    const stale = [...this.#stale]
    this.#stale.clear()
    this.#failed.clear()
    for (const lifetime of ['round', 'run'] as const) {
      for (const [name, slots] of [...this.#slots[lifetime]]) {
        if (!stale.includes(name) && !(lifetime === 'run' && stale.includes('run'))) continue
        this.#slots[lifetime].delete(name)
        this.#ahead.delete(name)
        await slots[Symbol.asyncDispose]()
      }
    }
  }

  /** Boots one guest that will be wanted. Returns whether it did. */
  async bootAhead(platforms: readonly ResolvedPlatform[], isBusy: () => boolean): Promise<boolean> {
    if (isBusy() || this.#stale.size > 0) return false
    const next = platforms.find(
      ({ spec: { name } }) => this.wanted.has(name) && !this.#ahead.has(name) && !this.#failed.has(name),
    )
    if (!next) return false
    const { name } = next.spec
    try {
      await this.#of('round', name).with(next, async () => {})
      this.#ahead.add(name)
    } catch {
      // The sample that needs it will say what is wrong.
      this.#failed.add(name)
    }
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#slots.round.values(), ...this.#slots.run.values()]
    for (const slots of all) await slots[Symbol.asyncDispose]()
  }
}
