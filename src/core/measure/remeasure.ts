import type { Load } from '../../host/load.ts'
import { type Plan, plannedResults } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'

/** Shares of the guests' CPUs above which a sample counts as disturbed, and the least disturbed time in seconds. */
export const disturbanceThresholds = {
  steal: 0.05,
  otherProcesses: 0.1,
  /** The kernel's ticks are 10 ms long, so a shorter time may be an artifact. */
  seconds: 0.03,
} as const

/**
 * Whether other processes, or the hypervisor below the host, disturbed a sample.
 * @param seconds the length of the sample
 */
export function isDisturbed({ steal, otherProcesses, otherProcessesOnClientCpus }: Load, seconds: number): boolean {
  const exceeds = (share: number, limit: number) => share >= limit && share * seconds >= disturbanceThresholds.seconds
  const others = Math.max(otherProcesses ?? 0, otherProcessesOnClientCpus ?? 0)
  return exceeds(steal, disturbanceThresholds.steal) || exceeds(others, disturbanceThresholds.otherProcesses)
}

/** How many steps may be measured again: a tenth of all steps, so that a busy host does not double the run. */
export class RemeasureBudget {
  #left: number

  /**
   * @param steps how many steps will be measured
   * @param allowed false for --no-remeasure
   */
  constructor(steps: number, allowed = true) {
    this.#left = allowed ? Math.ceil(steps / 10) : 0
  }

  /** The budget of a run. */
  static forPlan(plan: Plan, allowed = true): RemeasureBudget {
    return new RemeasureBudget(plannedResults(plan).length * plan.profile.rounds, allowed)
  }

  /** Takes one step of the budget. Returns false if none is left. */
  take(): boolean {
    return this.#left-- > 0
  }
}

/**
 * Takes a sample, or the two of a duet, and takes them once more if the host was disturbed. Returns both attempts, with
 * the disturbed ones marked. Whether to repeat never depends on the platform or on the values.
 * @param startLoadMeter starts to observe the host; the returned function returns the load since then
 */
export async function measureUndisturbed(
  take: () => Promise<readonly Sample[]>,
  startLoadMeter: () => () => Load,
  budget: Pick<RemeasureBudget, 'take'>,
): Promise<Sample[]> {
  const attempt = async (): Promise<Sample[]> => {
    const stopLoadMeter = startLoadMeter()
    const samples = await take()
    const load = stopLoadMeter()
    const seconds = Math.max(...samples.map(({ wallMs }) => wallMs)) / 1000
    return samples.map((sample) => ({ ...sample, load, ...(isDisturbed(load, seconds) && { disturbed: true }) }))
  }
  const first = await attempt()
  // A failure has other causes than load, and warm-up samples are not used.
  const repeats = first.every(({ disturbed, outcome, warmup }) => disturbed && outcome.ok && !warmup)
  return repeats && budget.take() ? [...first, ...(await attempt())] : first
}
