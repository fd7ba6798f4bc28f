import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from '../../dsl/workload.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import { raceAbort } from '../../util/race-abort.ts'
import { interruptLoopAfter } from '../../util/watchdog.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { Session } from '../session/session.ts'
import { type GuestTarget, guestTarget, withinLimits } from './guest-api.ts'
import { bootGraceMs } from './sample-scope.ts'

interface OpenGuest {
  readonly target: GuestTarget
  /** When the guest's clock is calibrated, by `performance.now()`. */
  readonly calibratedAt: number
  /** Whether the driver has stopped the guest's clock. */
  paused: boolean
}

/** How a guest is used. */
export interface UseOptions {
  /** Ends the wait for a boot. */
  readonly signal?: AbortSignal
  /** Wraps the boot of the guest, if it needs one. */
  readonly onBoot?: <T>(boot: () => Promise<T>) => Promise<T>
  /** Seconds that a host command of the boot may take; the pool's own limit if left out. */
  readonly timeout?: number
  /** Whether commands still run in the guest. The pool ends such a guest, because the next sample must not share it. */
  readonly isBusy?: () => boolean
}

/**
 * @param time by `performance.now()`
 * @throws the signal's reason if it aborts first
 */
async function waitUntil(time: number, signal: AbortSignal | undefined): Promise<void> {
  const milliseconds = time - performance.now()
  if (milliseconds <= 0) return
  const sleeping = sleep(milliseconds, undefined, signal && { signal })
  await (signal ? raceAbort(sleeping, signal) : sleeping)
}

/**
 * The guests of a run. A guest lives for one sample, one round or the whole run, and is frozen between its samples.
 *
 * The pool is not reentrant for one platform and lifetime.
 */
export class GuestPool implements AsyncDisposable {
  readonly #guests = { round: new Map<string, OpenGuest>(), run: new Map<string, OpenGuest>() }
  /** The platforms with a guest that was booted ahead and is unused. */
  readonly #ahead = new Set<string>()

  /** @param timeout seconds that a host command of a boot may take */
  constructor(
    readonly session: Session,
    private readonly rootfs: string,
    private readonly timeout: number,
  ) {}

  /**
   * Runs `work` with a guest of the platform, which is booted if there is none. If `work` fails, the guest is removed.
   * @throws what the boot or `work` throws
   */
  async use<T>(
    platform: ResolvedPlatform,
    lifetime: Lifecycle,
    work: (guest: GuestTarget) => Promise<T>,
    options: UseOptions = {},
  ): Promise<T> {
    return this.#lend(platform, lifetime, options, async ({ target, calibratedAt }) => {
      await waitUntil(calibratedAt, options.signal)
      return work(target)
    })
  }

  async #lend<T>(
    platform: ResolvedPlatform,
    lifetime: Lifecycle,
    options: UseOptions,
    work: (guest: OpenGuest) => Promise<T>,
  ): Promise<T> {
    const { name } = platform.spec
    const { onBoot = (boot) => boot() } = options
    const guests = lifetime === 'sample' ? undefined : this.#guests[lifetime]
    if (lifetime === 'round') this.#ahead.delete(name)
    const guest = guests?.get(name) ?? (await onBoot(() => this.#boot(platform, options)))
    guests?.delete(name)
    const { sandbox, handle } = guest.target
    let reusable = false
    try {
      await sandbox.setFrozen(false)
      if (guest.paused) await handle.resume?.()
      guest.paused = false
      const result = await withinLimits(name, sandbox, () => work(guest), handle)
      if (guests && options.isBusy?.() !== true) {
        await handle.pause?.()
        guest.paused = true
        await sandbox.setFrozen(true)
        guests.set(name, guest)
        reusable = true
      }
      return result
    } finally {
      if (!reusable) await sandbox[Symbol.asyncDispose]()
    }
  }

  async #boot({ spec, driver, options }: ResolvedPlatform, use: UseOptions): Promise<OpenGuest> {
    use.signal?.throwIfAborted()
    const sandbox = await this.session.createSandbox(this.rootfs, use.timeout ?? this.timeout)
    try {
      const booting = driver.boot(sandbox, options)
      const handle = await (use.signal ? raceAbort(booting, use.signal, bootGraceMs) : booting)
      return {
        target: guestTarget({ name: spec.name, rootfs: this.rootfs }, sandbox, handle),
        calibratedAt: performance.now() + (driver.clockCalibrationMs?.(options) ?? 0),
        paused: false,
      }
    } catch (error) {
      await sandbox[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Removes the guests of the round. Unused guests that were booted ahead stay for the next round. */
  async endRound(): Promise<void> {
    const used = [...this.#guests.round.keys()].filter((name) => !this.#ahead.has(name))
    await this.#remove('round', used)
  }

  /**
   * Boots a guest for a later round and freezes it, so that the first sample need not wait for the boot.
   * @throws what the driver throws, or a `TimeoutError`
   */
  async bootAhead(platform: ResolvedPlatform): Promise<void> {
    // No sample interrupts a loop of the project's driver here.
    using loop = interruptLoopAfter(this.timeout, `the boot of ${platform.spec.name}`)
    const signal = AbortSignal.timeout(this.timeout * 1000)
    signal.addEventListener('abort', () => loop[Symbol.dispose]())
    await this.#lend(platform, 'round', { signal }, async () => {})
    this.#ahead.add(platform.spec.name)
  }

  /** Whether the platform has an unused guest that was booted ahead. */
  isBootedAhead(platform: string): boolean {
    return this.#ahead.has(platform)
  }

  /** Removes the guests of a platform. */
  async drop(platform: string): Promise<void> {
    this.#ahead.delete(platform)
    await this.#remove('round', [platform])
    await this.#remove('run', [platform])
  }

  /** Removes the guests that live for the whole run. */
  async dropRunGuests(): Promise<void> {
    await this.#remove('run', [...this.#guests.run.keys()])
  }

  async #remove(lifetime: 'round' | 'run', names: readonly string[]): Promise<void> {
    await using removed = new AsyncDisposableStack()
    for (const name of names) {
      const guest = this.#guests[lifetime].get(name)
      if (guest) removed.use(guest.target.sandbox)
      this.#guests[lifetime].delete(name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ahead.clear()
    try {
      await this.endRound()
    } finally {
      await this.dropRunGuests()
    }
  }
}
