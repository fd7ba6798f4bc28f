import type { GuestHandle } from '../../driver.ts'
import type { Lifecycle } from '../../dsl/workload.ts'
import type { GuestArgv } from '../../host/process.ts'
import type { OwnedGuestSandbox } from '../../host/sandbox.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { ExecTarget } from '../session/exec-target.ts'
import type { Session } from '../session/session.ts'
import { guestMemory, guestOomMonitor, withinLimits } from './guest-api.ts'
import { raceAbort } from './sample-scope.ts'

/** Milliseconds that a boot gets to fail by itself after its sample was abandoned or interrupted. */
const bootGraceMs = 5000

/** A guest while a sample uses it. */
export interface PooledGuest extends ExecTarget {
  readonly sandbox: OwnedGuestSandbox
  readonly handle: GuestHandle
}

interface OpenGuest {
  readonly sandbox: OwnedGuestSandbox
  readonly handle: GuestHandle
  ranOutOfMemory(): Promise<boolean>
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
    work: (guest: PooledGuest) => Promise<T>,
    options: UseOptions = {},
  ): Promise<T> {
    const { name } = platform.spec
    const { onBoot = (boot) => boot() } = options
    const guests = lifetime === 'sample' ? undefined : this.#guests[lifetime]
    if (lifetime === 'round') this.#ahead.delete(name)
    const guest = guests?.get(name) ?? (await onBoot(() => this.#boot(platform, options)))
    guests?.delete(name)
    let reusable = false
    try {
      await guest.sandbox.setFrozen(false)
      if (guest.paused) await guest.handle.resume?.()
      guest.paused = false
      const { sandbox, handle } = guest
      const pooled = {
        name,
        rootfs: this.rootfs,
        sandbox,
        handle,
        singleProcess: handle.singleProcess === true,
        execArgv: (argv: GuestArgv) => handle.execArgv(argv),
        ranOutOfMemory: () => guest.ranOutOfMemory(),
        memory: () => guestMemory(name, sandbox, handle),
      }
      const result = await withinLimits(name, sandbox, () => work(pooled))
      if (guests && options.isBusy?.() !== true) {
        await handle.pause?.()
        guest.paused = true
        await sandbox.setFrozen(true)
        guests.set(name, guest)
        reusable = true
      }
      return result
    } finally {
      if (!reusable) await guest.sandbox[Symbol.asyncDispose]()
    }
  }

  async #boot({ spec, driver, options }: ResolvedPlatform, use: UseOptions): Promise<OpenGuest> {
    use.signal?.throwIfAborted()
    const sandbox = await this.session.createSandbox(this.rootfs, use.timeout ?? this.timeout)
    try {
      const booting = driver.boot(sandbox, options)
      const handle = await (use.signal ? raceAbort(booting, use.signal, bootGraceMs) : booting)
      const target = { name: spec.name, sandbox, handle, paused: false }
      return { ...target, ranOutOfMemory: guestOomMonitor(sandbox, handle) }
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
   * @throws what the driver throws
   */
  async bootAhead(platform: ResolvedPlatform): Promise<void> {
    await this.use(platform, 'round', async () => {})
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
      if (guest) removed.use(guest.sandbox)
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
