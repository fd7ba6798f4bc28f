import { type Load, loadBetween, readCounters, runnableCount } from '../../host/load.ts'
import type { Plan } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { Session } from '../session/session.ts'

/** Samples that something else on the host disturbed: marked, and taken once more. */

/** Shares of the guests' CPUs from which a sample counts as disturbed, and the least time, as ticks of 10 ms are coarse. */
export const disturbanceThresholds = { steal: 0.05, otherProcesses: 0.1, seconds: 0.03 } as const

export function isDisturbed(
  { steal, otherProcesses: foreign, otherProcessesOnClientCpus: foreignToClient }: Load,
  seconds: number,
): boolean {
  const over = (share: number, limit: number) => share >= limit && share * seconds >= disturbanceThresholds.seconds
  const foreigners = Math.max(foreign ?? 0, foreignToClient ?? 0)
  return over(steal, disturbanceThresholds.steal) || over(foreigners, disturbanceThresholds.otherProcesses)
}

/** A run repeats at most a tenth of its steps, so that a busy host does not double it. */
export class RemeasureBudget {
  #left: number

  constructor(plan: Pick<Plan, 'cases' | 'platforms' | 'profile'>, allowed = true) {
    const cells = plan.cases.length * plan.platforms.filter(({ available }) => available).length
    this.#left = allowed ? Math.ceil((cells * plan.profile.rounds) / 10) : 0
  }

  take(): boolean {
    return this.#left-- > 0
  }
}

/**
 * Takes a sample, or those of a duet, and once more when the host disturbed it. All are given, marked; which platform it is,
 * and what the figures are, plays no part.
 * @param prefix of the session's groups
 */
export async function measureUndisturbed(
  once: () => Promise<readonly Sample[]>,
  { cores, prefix }: Pick<Session, 'cores' | 'prefix'>,
  repeats: Pick<RemeasureBudget, 'take'>,
): Promise<Sample[]> {
  const watch = async (): Promise<Sample[]> => {
    const from = readCounters(cores, prefix)
    const samples = await once()
    const runnable = runnableCount()
    const load = loadBetween(from, readCounters(cores, prefix), cores, runnable)
    const seconds = Math.max(...samples.map(({ wallMs }) => wallMs)) / 1000
    return samples.map((sample) => ({ ...sample, load, ...(isDisturbed(load, seconds) && { disturbed: true }) }))
  }
  const first = await watch()
  // A failure is not the host's load, and warm-up is thrown away.
  const again = first.every(({ disturbed, error, warmup }) => disturbed && error === undefined && !warmup)
  return again && repeats.take() ? [...first, ...(await watch())] : first
}
