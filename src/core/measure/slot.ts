import { setFrozen } from '../../guest/cgroup.ts'
import type { OwnedGuestSandbox } from '../../guest/place.ts'
import type { GuestHandle } from '../../platforms/driver.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { Session } from '../session.ts'
import type { ExecTarget } from './enterable.ts'
import { guestOomMonitor } from './handle.ts'

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
