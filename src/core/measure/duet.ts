import { type CpuAssignment, type DuetCpus, duetAssignment } from '../../host/cpus.ts'
import type { Step } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { MeasureContext } from './context.ts'
import type { Stage } from './guest-pool.ts'
import { measure } from './sample.ts'

/**
 * Native and a platform at the same time, on cores of their own, which they swap from round to round: what disturbs the host
 * disturbs both, and what one of the core sets is better at does not favour either.
 * Source: L. Bulej et al., "Duet Benchmarking: Improving Measurement Accuracy in the Cloud", ICPE 2020.
 */

type DuetMeans = Omit<MeasureContext, 'slots' | 'session' | 'ready'>

export class Duet {
  readonly stages: readonly [Stage, Stage]
  /** Of both guests together. */
  readonly cores: CpuAssignment

  /** @param stageOn makes the stage on some CPUs */
  constructor(pair: DuetCpus, stageOn: (cpus: readonly number[]) => Stage) {
    this.stages = [stageOn(pair[0]), stageOn(pair[1])]
    this.cores = duetAssignment(pair)
  }

  /** Takes the samples of a step and of what is beside it. Both guests are there before either begins its work. */
  async measure({ case: point, platform, duetWith: beside }: Step, round: number, means: DuetMeans): Promise<Sample[]> {
    const { arrive, open } = createRendezvous(2)
    const swapped = round % 2 === 0 ? 0 : 1
    const take = async (name: string, other: string, at: number): Promise<Sample> => {
      const { session, slots } = this.stages[(at + swapped) % 2]!
      try {
        const own = { ...means, session, slots, ready: arrive }
        const sample = await measure({ case: point, platform: name, duetWith: other }, round, own)
        return { ...sample, duetWith: other, cpus: [...session.limits.cpus] }
      } finally {
        // Whoever failed before it began keeps nobody waiting.
        open()
      }
    }
    // Both have ended before an interruption is passed on, so that nothing is still being booted while the run cleans up.
    const taken = await Promise.allSettled([take(platform, beside!, 0), take(beside!, platform, 1)])
    return taken.map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    })
  }
}

/** Lets nobody on before all have arrived, or it was opened. */
function createRendezvous(count: number): { arrive(): Promise<void>; open(): void } {
  let missing = count
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    arrive: () => {
      missing--
      if (missing === 0) open()
      return opened
    },
    open: () => open(),
  }
}
