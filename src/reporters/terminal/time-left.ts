import { type Plan, plannedResults } from '../../core/model/plan.ts'
import { benchById } from '../../core/model/suite.ts'
import { stepDurations } from '../../core/records/step-durations.ts'
import type { Progress } from '../../core/reporter.ts'
import { duration } from '../format.ts'

/** Fewer steps than this say nothing of how long the rest takes. */
const enoughSteps = 3

/** Milliseconds as `~4 min left` or `nearly done`. */
const leftText = (ms: number): string => (ms < 1000 ? 'nearly done' : `~${duration(ms)} left`)

/**
 * `~4 min left`, if the remaining steps take as long as the ones before; empty if that is unknown. All times in
 * milliseconds since the epoch.
 * @param stepAt when the step after `done` steps began
 */
export function timeLeft(
  { done, steps }: Pick<Progress, 'done' | 'steps'>,
  { startedAt, stepAt }: { readonly startedAt: number; readonly stepAt: number },
  now: number,
): string {
  if (done < enoughSteps) return ''
  const each = (stepAt - startedAt) / done
  return leftText(Math.max(0, each * (steps - done) - (now - stepAt)))
}

const resultKey = (caseId: string, platform: string): string => `${caseId}\0${platform}`

/** One case on one platform: how long a step of it should take, and what its steps took, in milliseconds. */
interface Pace {
  readonly estimate: number
  steps: number
  total: number
  latest: number
}

/**
 * The time that the rest of a run takes. A result that has steps goes on as they did. Any other takes what `--dry-run`
 * estimates, times the factor by which the steps before were off. Benches differ by a factor of ten, so the average
 * step says little of the benches that come last.
 */
export class TimeLeft {
  readonly #stepsOfResult: number
  readonly #paces: ReadonlyMap<string, Pace>

  constructor(plan: Plan) {
    const { profile, benches, cases, platforms } = plan
    const seconds = stepDurations([], profile)
    const casesById = new Map(cases.map((one) => [one.id, one]))
    this.#stepsOfResult = profile.warmup + profile.rounds
    this.#paces = new Map(
      plannedResults(plan).map(({ case: id, platform: name }) => {
        const benchCase = casesById.get(id)!
        const bench = benchById(benches, benchCase.bench)!
        const { sample } = seconds(benchCase, bench, platforms.find((one) => one.name === name)!)
        return [resultKey(id, name), { estimate: sample * 1000, steps: 0, total: 0, latest: 0 }]
      }),
    )
  }

  #pace({ case: point, platform }: Progress): Pace | undefined {
    return this.#paces.get(resultKey(point.id, platform))
  }

  /** Takes note of the milliseconds that a step took. */
  took(step: Progress, ms: number): void {
    const pace = this.#pace(step)
    if (!pace) return
    pace.steps++
    pace.total += ms
    pace.latest = ms
  }

  /** Milliseconds of the latest step of the same result; undefined if it had none. */
  latest(step: Progress): number | undefined {
    const pace = this.#pace(step)
    return pace && pace.steps > 0 ? pace.latest : undefined
  }

  /**
   * `~4 min left`; empty before enough steps are done.
   * @param since milliseconds since the current step began
   */
  text({ done, steps }: Progress, since: number): string {
    if (done < enoughSteps) return ''
    const paces = [...this.#paces.values()]
    const took = paces.reduce((sum, { total }) => sum + total, 0)
    const estimated = paces.reduce((sum, { estimate, steps: count }) => sum + estimate * count, 0)
    const factor = estimated > 0 ? took / estimated : 1
    let left = 0
    let count = 0
    for (const { estimate, steps: made, total } of paces) {
      const rest = Math.max(0, this.#stepsOfResult - made)
      left += rest * (made > 0 ? total / made : estimate * factor)
      count += rest
    }
    // The run may have fewer steps left than planned: decided claims need no more rounds.
    const share = count > 0 ? (steps - done) / count : 0
    return leftText(Math.max(0, left * share - since))
  }
}
