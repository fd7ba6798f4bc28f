import { failures } from '../judge/exit-code.ts'
import { type FinalClaim, judge, judgeClaims } from '../judge/judge.ts'
import {
  type CasesToMeasure,
  type Plan,
  plannedResults,
  type ScheduledPlan,
  type Step,
  stepsOfRound,
} from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { Reporter } from '../reporter.ts'
import type { Job } from '../watch/changes.ts'
import type { SampleStore } from '../watch/sample-store.ts'
import type { MeasureContext } from './context.ts'
import type { Warm } from './guest-pool.ts'
import { measure } from './sample.ts'

/** Which cells are still worth a visit. */

/** An interval of this share of the margin to either side says all that it will: the truth lies at the margin itself. */
const preciseShare = 1 / 3

/**
 * Whether more rounds may decide a claim, whichever way it leans: what would fail the run and what would pass it are
 * measured on alike. A claim whose samples failed, or that has nothing to compare with, is not helped by rounds.
 */
export function isUndecided({ final, told }: FinalClaim): boolean {
  if (told.verdict !== 'inconclusive') return false
  const { interval, margin, reason } = final
  if (!interval || margin === null || reason === 'within-half-margin' || reason === 'host-overloaded') return true
  if (reason?.startsWith('multiplicity')) return true
  return !((interval.high - interval.low) / 2 <= margin * preciseShare)
}

export function casesWorthMeasuring(plan: ScheduledPlan, samples: readonly Sample[]): CasesToMeasure {
  const needs = new Map<string, Set<string>>()
  for (const decision of judgeClaims(plan, samples)) {
    if (!isUndecided(decision)) continue
    for (const point of decision.cases) {
      const platforms = needs.get(point) ?? new Set()
      needs.set(point, platforms)
      for (const name of decision.needs) platforms.add(name)
    }
  }
  // native goes on with whatever goes on: the report's ratios are of pairs.
  for (const platforms of needs.values()) platforms.add('native')
  return needs
}

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

/** Takes the samples of a job, round by round. */

/** Where a job's rounds are. */
export interface Measuring {
  readonly kind: 'measuring'
  readonly round: number
  readonly rounds: number
  readonly done: number
  readonly steps: number
  readonly platform: string
  readonly bench: string
  /** Rounds that go on by themselves because something is undecided. */
  readonly background: boolean
}

export interface Told {
  /** Before each sample. */
  measuring(now: Measuring): void
  /** After each round. */
  roundEnded(): void
}

export class Rounds {
  /** Counts on from job to job, so that every round has an order of its own. */
  #round = 0

  constructor(private readonly kept: SampleStore) {}

  /** Keeps the samples as they come. @throws the reason of the session's signal, when that is aborted. */
  async take(
    { cases: cells, rounds, warmup, fresh: anew }: Job,
    means: Omit<MeasureContext, 'slots'>,
    warm: Warm,
    told: Told,
  ): Promise<void> {
    const { plan, session } = means
    if (anew) this.kept.forget(cells)
    const first = new Map([...cells.keys()].map((point) => [point, this.kept.next(point)]))
    const due = (round: number) =>
      stepsOfRound(plan, round).filter(({ case: point, platform }) => cells.get(point.id)?.has(platform))
    const steps = due(0).length * (rounds + warmup)
    warm.wanted = wantedAhead(plan, cells)
    let done = 0
    for (let round = -warmup; round < rounds; round++) {
      for (const step of due(this.#round++)) {
        session.signal.throwIfAborted()
        const { platform, case: point } = step
        told.measuring({
          kind: 'measuring',
          round,
          rounds,
          done: done++,
          steps,
          platform,
          bench: point.id,
          background: !anew,
        })
        const number = round < 0 ? round : first.get(point.id)! + round
        this.kept.add(await measure(step, number, { ...means, slots: warm.slots(platform) }))
      }
      told.roundEnded()
      await warm.endRound()
    }
  }
}

/** The platforms that a guest is worth booting ahead for: those whose benches use one of the round. */
function wantedAhead({ benches, cases: points, platforms }: Plan, cells: CasesToMeasure): Set<string> {
  const rounds = new Set(
    benches.filter(({ workload }) => workload.lifecycle === 'round' && workload.kind !== 'boot').map(({ id }) => id),
  )
  const used = points
    .filter(({ id, bench }) => rounds.has(bench) && cells.has(id))
    .flatMap(({ id }) => [...cells.get(id)!])
  return new Set(platforms.filter(({ name, available }) => available && used.includes(name)).map(({ name }) => name))
}

/**
 * Tells `reporter` everything, and calls `stop` once at the end of a round after which something already fails the run.
 * Judging after every round is looking often at the same data: more false alarms than the 5 % of one look.
 */
export function failFast(reporter: Required<Reporter>, stop: () => void): Required<Reporter> {
  let plan: Plan | undefined
  let perRound = 0
  let stopped = false
  const samples: Sample[] = []
  const ofRound = new Map<number, number>()
  const look = () => {
    if (!plan || stopped) return
    const { claims, findings } = failures(judge(plan, samples))
    if (claims.length + findings.length === 0) return
    stopped = true
    stop()
  }
  return {
    ...reporter,
    onPlan(planned) {
      plan = planned
      perRound = plannedResults(plan).length
      reporter.onPlan(planned)
    },
    onSample(sample) {
      reporter.onSample(sample)
      samples.push(sample)
      const number = (ofRound.get(sample.round) ?? 0) + 1
      ofRound.set(sample.round, number)
      if (!sample.warmup && number === perRound) look()
    },
    // A round that left something out has fewer samples: its end is where the next one begins.
    onStepStart(progress) {
      const before = samples.at(-1)
      const shorter = before && !before.warmup && (ofRound.get(before.round) ?? 0) < perRound
      if (shorter && before.round !== progress.round) look()
      reporter.onStepStart(progress)
    },
  }
}
