import type { Guest, LoadClient, Service } from '../../dsl/guest.ts'
import type { Workload } from '../../dsl/workload.ts'
import type { Weights } from '../attack-profile/weights.ts'
import type { Plan } from '../model/plan.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { LoadClientHost } from '../session/exec-target.ts'
import type { Session } from '../session/session.ts'
import type { GuestBundles } from './guest-api.ts'
import type { GuestPool } from './guest-pool.ts'

/** All that measuring a step needs. */
export interface MeasureContext {
  readonly session: Session
  readonly plan: Plan
  readonly image: { readonly rootfs: string; readonly digest: string }
  readonly platforms: ReadonlyMap<string, ResolvedPlatform>
  /** A bench's workload with its functions, by the bench's id. */
  readonly workloads: ReadonlyMap<string, Workload>
  readonly bundles: GuestBundles
  readonly client: LoadClientHost
  /** Guests of the round and of the run. */
  readonly slots: { readonly round: GuestPool; readonly run: GuestPool }
  /** Awaited when the guest is there and before its work begins: in duet mode, until the other one is ready as well. */
  readonly ready?: () => Promise<void>
  /** How exploitable each function is, where the project has imported that. */
  readonly weights?: Weights
}

/** What a sample's time went to: the rest of its wall time is isobench's own. */

/** Milliseconds by the host's monotonic clock. */
export interface TimeBreakdownMs {
  /** Commands of the workload in the guest and the client; of a boot workload, its boots. What overlaps counts once. */
  readonly commands: number
  /** From the start of a server until it answers, and until it has ended. */
  readonly servers: number
  /** Booting the guest, by the first sample that uses it. */
  readonly boots: number
}

/** Adds up spans of time that may overlap. */
class OverlappingTimer {
  #open = 0
  #since = 0
  milliseconds = 0

  constructor(private readonly failed: (error: unknown) => void) {}

  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#open++ === 0) this.#since = performance.now()
    try {
      return await work()
    } catch (error) {
      this.failed(error)
      throw error
    } finally {
      if (--this.#open === 0) this.milliseconds += performance.now() - this.#since
    }
  }
}

export class TimeBreakdown {
  /** What failed last: why a sample is over whose guest does not go away. */
  failure: unknown
  readonly #failed = (error: unknown) => {
    this.failure = error
  }
  readonly #commands = new OverlappingTimer(this.#failed)
  readonly #servers = new OverlappingTimer(this.#failed)
  readonly #boots = new OverlappingTimer(this.#failed)

  /** Boots a guest. */
  readonly booting = <T>(boot: () => Promise<T>): Promise<T> => this.#boots.during(boot)

  /** A boot that is itself what is measured. */
  readonly command = <T>(work: () => Promise<T>): Promise<T> => this.#commands.during(work)

  guest(guest: Guest): Guest {
    return {
      ...guest,
      exec: (command, options) => this.#commands.during(() => guest.exec(command, options)),
      serve: async (command, options): Promise<Service> => {
        const service = await this.#servers.during(() => guest.serve(command, options))
        const { address, port } = service
        return {
          address,
          port,
          [Symbol.asyncDispose]: () => this.#servers.during(async () => service[Symbol.asyncDispose]()),
        }
      },
    }
  }

  client({ exec }: LoadClient): LoadClient {
    return { exec: (command, options) => this.#commands.during(() => exec(command, options)) }
  }

  get total(): TimeBreakdownMs {
    const whole = ({ milliseconds }: OverlappingTimer) => Math.round(milliseconds)
    return { commands: whole(this.#commands), servers: whole(this.#servers), boots: whole(this.#boots) }
  }
}
