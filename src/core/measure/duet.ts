import { type CpuAssignment, type DuetCpus, duetAssignment } from '../../host/cpus.ts'
import type { Step } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { MeasureContext } from './context.ts'
import type { GuestPool } from './guest-pool.ts'
import { createRendezvous } from './rendezvous.ts'
import { measure } from './sample.ts'

/**
 * Measures native and a platform at the same time. Each has its own cores, and they swap cores from round to round.
 *
 * A disturbance of the host then affects both, and a difference between the core sets favors neither.
 * Source: L. Bulej et al., "Duet Benchmarking: Improving Measurement Accuracy in the Cloud", ICPE 2020.
 */
export class Duet {
  /** The CPUs of both guests together, and the client's. */
  readonly cpus: CpuAssignment
  readonly #pools: readonly [GuestPool, GuestPool]

  /** @param createPool creates a pool of guests on some CPUs */
  constructor(cpus: DuetCpus, createPool: (cpus: readonly number[]) => GuestPool) {
    this.#pools = [createPool(cpus[0]), createPool(cpus[1])]
    this.cpus = duetAssignment(cpus)
  }

  /** Takes the samples of a step and of its duet partner. Both guests are booted before either starts its work. */
  async measure(
    { case: benchCase, platform, duetWith }: Step,
    round: number,
    context: Omit<MeasureContext, 'pool' | 'session' | 'ready'>,
  ): Promise<Sample[]> {
    const { arrive, open, opened } = createRendezvous(2)
    const ready = () => {
      arrive()
      return opened
    }
    const swapped = round % 2 === 0 ? 0 : 1
    const take = async (name: string, partner: string, at: number): Promise<Sample> => {
      const pool = this.#pools[(at + swapped) % 2]!
      const { session } = pool
      try {
        const step = { case: benchCase, platform: name, duetWith: partner }
        const sample = await measure(step, round, { ...context, session, pool, ready })
        return { ...sample, duetWith: partner, cpus: [...session.limits.cpus] }
      } finally {
        // Release the other guest if this one fails before the rendezvous.
        open()
      }
    }
    // Wait for both before passing on an interruption, so that nothing boots while the run cleans up.
    const taken = await Promise.allSettled([take(platform, duetWith!, 0), take(duetWith!, platform, 1)])
    return taken.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }

  /** Removes the guests of the round. */
  async endRound(): Promise<void> {
    for (const pool of this.#pools) await pool.endRound()
  }
}
