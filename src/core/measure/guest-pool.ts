import type { GuestHandle } from '../../driver.ts'
import { setFrozen } from '../../host/cgroup.ts'
import type { OwnedGuestSandbox } from '../../host/sandbox.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { ExecTarget } from '../session/exec-target.ts'
import type { Session } from '../session/session.ts'
import { guestOomMonitor } from './guest-api.ts'

/** A running guest, paused except while it is used. */
interface OpenGuest {
  readonly sandbox: OwnedGuestSandbox
  readonly handle: GuestHandle
  ranOutOfMemory(): Promise<boolean>
  /** Whether its own clock stands still. */
  paused: boolean
}

/** The guests of one lifetime, a round or the run: one for each platform, booted when it is first used. */
export class GuestPool implements AsyncDisposable {
  readonly #guests = new Map<string, OpenGuest>()

  constructor(
    private readonly session: Session,
    private readonly rootfs: string,
    private readonly timeout: number,
  ) {}

  /**
   * Runs `use` with the platform's guest awake. A guest in which something failed is not used again.
   * @param booting runs what boots the guest, where it is not there yet
   */
  async with<T>(
    platform: ResolvedPlatform,
    use: (guest: ExecTarget & OpenGuest) => Promise<T>,
    booting: <G>(boot: () => Promise<G>) => Promise<G> = (boot) => boot(),
  ): Promise<T> {
    const { name } = platform.spec
    const guest = this.#guests.get(name) ?? (await booting(() => this.#boot(platform)))
    try {
      await setFrozen(guest.sandbox.group, false)
      if (guest.paused) await guest.handle.resume?.()
      guest.paused = false
      const result = await use({
        ...guest,
        name,
        rootfs: this.rootfs,
        singleProcess: guest.handle.singleProcess === true,
        execArgv: (argv) => guest.handle.execArgv(argv),
      })
      await guest.handle.pause?.()
      guest.paused = true
      await setFrozen(guest.sandbox.group, true)
      return result
    } catch (error) {
      this.#guests.delete(name)
      await guest.sandbox[Symbol.asyncDispose]()
      throw error
    }
  }

  async #boot({ spec, driver, options }: ResolvedPlatform): Promise<OpenGuest> {
    const place = await this.session.createSandbox(this.rootfs, this.timeout)
    try {
      const handle = await driver.boot(place, options)
      const guest = { sandbox: place, handle, paused: false, ranOutOfMemory: guestOomMonitor(place.group, handle) }
      this.#guests.set(spec.name, guest)
      return guest
    } catch (error) {
      await place[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sandbox: place } of this.#guests.values()) await place[Symbol.asyncDispose]()
    this.#guests.clear()
  }
}

/** Where samples are taken: some CPUs, and the guests that run on them. */
export class Stage implements AsyncDisposable {
  readonly slots: { readonly round: GuestPool; readonly run: GuestPool }
  readonly #held = new AsyncDisposableStack()

  /** @param timeout seconds that booting a guest may take */
  constructor(
    readonly session: Session,
    rootfs: string,
    timeout: number,
  ) {
    this.slots = {
      round: this.#held.use(new GuestPool(session, rootfs, timeout)),
      run: this.#held.use(new GuestPool(session, rootfs, timeout)),
    }
  }

  /** Ends the guests of a round; the next one boots its own. */
  endRound(): Promise<void> {
    return this.slots.round[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#held[Symbol.asyncDispose]()
  }
}

/** Guests that stay from one change to the next. */

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
