import { type Step, stepsOfRound } from '../plan/plan.ts'
import type { Sample } from '../record/schema.ts'
import { casesWorthMeasuring } from './needs.ts'
import type { CasesToMeasure } from './plan.ts'
import type { ScheduledPlan } from './plan.ts'

/** A step that is due, and how many are still to come if nothing more is decided. */
export interface ScheduledStep extends Step {
  readonly round: number
  /** This step included. */
  readonly left: number
}

export interface StopReason {
  readonly why: 'all-rounds' | 'all-decided' | 'time-up'
  /** Rounds that were begun, warm-up left out. */
  readonly rounds: number
}

/** Whether a sample has shown that the step can only fail: the image lacks its program, or the platform cannot do such work. */
const cannotSucceed = (step: Step, { case: point, platform, missingProgram: lacks, unsupported }: Sample): boolean =>
  point === step.case.id && (lacks !== undefined || (unsupported === true && platform === step.platform))

/**
 * The steps of a run, one after the other. The caller adds each sample to `samples` before it asks for the next: at every
 * look but the last, what is decided is left out from then on, as is at once what can only fail. When `isTimeUp`, the run ends after the point in hand, so that
 * what is compared is always measured in the same rounds.
 */
export function* scheduleSteps(
  plan: ScheduledPlan,
  samples: readonly Sample[],
  isTimeUp: () => boolean = () => false,
): Generator<ScheduledStep, StopReason, void> {
  const { rounds, warmup } = plan.profile
  const looks = plan.sequential && plan.sequential.looks.length > 1 ? plan.sequential.looks : []
  let needs: CasesToMeasure | undefined
  const inRound = (round: number): Step[] =>
    stepsOfRound(plan, round).filter(({ case: point, platform, duetWith: beside }) => {
      const needed = needs?.get(point.id)
      // Where native alone is needed, it is beside any of the others that it is measured.
      return !needs || needed?.has(platform) || (beside !== undefined && needed?.size === 1)
    })
  let begun = 0
  for (let round = -warmup; round < rounds; round++) {
    const steps = inRound(round)
    for (const [at, step] of steps.entries()) {
      const newPoint = at === 0 || steps[at - 1]!.case.id !== step.case.id
      if (newPoint && isTimeUp()) return { why: 'time-up', rounds: begun }
      if (samples.some((sample) => cannotSucceed(step, sample))) continue
      if (round >= 0) begun = round + 1
      yield { ...step, round, left: steps.length - at + (rounds - 1 - round) * steps.length }
    }
    if (looks.includes(round + 1) && round + 1 < rounds) {
      needs = casesWorthMeasuring(plan, samples)
      if (needs.size === 0) return { why: 'all-decided', rounds: begun }
    }
  }
  return { why: 'all-rounds', rounds: begun }
}
