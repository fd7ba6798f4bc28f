import type { Guest, LoadClient, Service } from '../../dsl/guest.ts'
import type { Workload } from '../../dsl/workload.ts'
import type { Plan } from '../model/plan.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { Exec, LoadClientHost } from '../session/exec-target.ts'
import type { Session } from '../session/session.ts'
import type { GuestBundles } from './guest-api.ts'
import type { GuestPool } from './guest-pool.ts'
import type { LateErrors } from './late-errors.ts'

/** What measuring a step needs. */
export interface MeasureContext {
  readonly session: Session
  readonly plan: Plan
  readonly image: { readonly rootfs: string; readonly digest: string }
  readonly platforms: ReadonlyMap<string, ResolvedPlatform>
  /** The workloads with their functions, by the bench's id. */
  readonly workloads: ReadonlyMap<string, Workload>
  readonly bundles: GuestBundles
  readonly client: LoadClientHost
  readonly pool: GuestPool
  /** Starts host processes; `runTimed` in production. */
  readonly exec: Exec
  /** Errors of workloads that are over. If left out, the handler of the process gets them. */
  readonly lateErrors?: LateErrors
  /** Awaited after the boot and before the work. In duet mode it resolves when both guests are there. */
  readonly ready?: () => Promise<void>
}

/** Parts of a sample's wall time in milliseconds, by the host's monotonic clock. The rest is isobench's own. */
export interface TimeBreakdownMs {
  /** The workload's commands in guest and client, or its boots. Overlapping time counts once. */
  readonly commands: number
  /** Starting servers until they answer, and stopping them. */
  readonly servers: number
  /** Booting the guest, if this sample is the first that uses it. */
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

/** Measures where the wall time of a sample goes. */
export class TimeBreakdown {
  /** The latest failure, for the message of a sample that never ended. */
  failure: unknown
  readonly #failed = (error: unknown) => {
    this.failure = error
  }
  readonly #commands = new OverlappingTimer(this.#failed)
  readonly #servers = new OverlappingTimer(this.#failed)
  readonly #boots = new OverlappingTimer(this.#failed)

  /** Measures the boot of a guest. */
  readonly booting = <T>(boot: () => Promise<T>): Promise<T> => this.#boots.during(boot)

  /** Measures a boot that is the workload itself. */
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
