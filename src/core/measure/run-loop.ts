import type { CpuAssignment } from '../../host/cpus.ts'
import { refuseLastingChanges } from '../../util/builtins.ts'
import { type FinalClaim, judgeClaims } from '../judge/judge.ts'
import { type CasesToMeasure, type Plan, type ScheduledPlan, type Step, stepsOfRound } from '../model/plan.ts'
import { causeOf, type Sample } from '../model/record.ts'
import { benchById } from '../model/suite.ts'
import type { StopReason } from '../reporter.ts'
import type { MeasureContext } from './context.ts'
import type { Duet } from './duet.ts'
import type { GuestPool } from './guest-pool.ts'
import { measureUndisturbed, type RemeasureBudget } from './remeasure.ts'
import { measure } from './sample.ts'

/** The run loop: steps of a schedule, for `run`, `noise` and `watch`. `planned-schedule.ts` has that of a run. */

/** If the half width of the interval is this share of the margin, the true value lies at the margin itself. */
const preciseShare = 1 / 3

/**
 * Whether more rounds may decide a claim. The direction that the claim leans to plays no part. More rounds do not help
 * if samples failed, if there is nothing to compare with, or if the interval is the margin itself. A claim that is no
 * longer measured stays undecided, so the looks together err no more often than with all their rounds.
 */
export function isUndecided({ final }: FinalClaim): boolean {
  const { outcome, interval, margin, reason } = final
  if (outcome !== 'inconclusive' || reason?.code === 'equals-margin') return false
  if (!interval || margin === null) return true
  if (reason && ['within-half-margin', 'host-overloaded', 'multiplicity'].includes(reason.code)) return true
  return !((interval.high - interval.low) / 2 <= margin * preciseShare)
}

/** The cases and platforms of undecided claims. */
export function casesWorthMeasuring(plan: ScheduledPlan, samples: readonly Sample[]): CasesToMeasure {
  const needed = new Map<string, Set<string>>()
  for (const claim of judgeClaims(plan, samples)) {
    if (!isUndecided(claim)) continue
    for (const id of claim.cases) {
      const platforms = needed.get(id) ?? new Set()
      needed.set(id, platforms)
      for (const name of claim.needs) platforms.add(name)
    }
  }
  // The ratios of a report are those of pairs, so native is always needed.
  for (const platforms of needed.values()) platforms.add('native')
  return needed
}

/** A step to measure now. */
export interface ScheduledStep extends Step {
  /** The round of the loop. Guests with the lifetime `round` are removed when it changes. Negative for warm-up. */
  readonly round: number
  /** The index of the block in the plan. */
  readonly block: number
  /** The round that the sample gets. Samples of one round are compared with each other. */
  readonly sampleRound: number
  /** How many steps are left if none becomes unnecessary, this one included. */
  readonly left: number
}

/** Decides what is measured next. */
export interface Schedule {
  /**
   * Returns the next step, or why there is none.
   * @param samples all samples of the loop so far
   */
  next(samples: readonly Sample[]): ScheduledStep | { readonly stopped: StopReason }
}

/** Whether a sample has shown that a step must fail: the image lacks a program, or the platform cannot do such work. */
export function cannotSucceed(step: Step, sample: Sample): boolean {
  const cause = causeOf(sample)
  if (cause === undefined || sample.case !== step.case.id) return false
  return cause.kind === 'missing-program' || sample.platform === step.platform
}

/** Yields steps, and returns why there are no more. */
export type StepGenerator = Generator<ScheduledStep, StopReason, void>

/** A schedule from a generator of its steps. */
export function fromGenerator(start: (samples: () => readonly Sample[]) => StepGenerator): Schedule {
  let current: readonly Sample[] = []
  const steps = start(() => current)
  return {
    next(samples) {
      current = samples
      const { done, value } = steps.next()
      return done ? { stopped: value } : value
    },
  }
}

/** Some cases on some platforms, for watch mode. */
export interface MeasureJob {
  readonly cases: CasesToMeasure
  readonly rounds: number
  readonly warmup: number
  /** By the id of a case, the rounds that it has already. It joins the job after as many rounds, without warm-up. */
  readonly done: ReadonlyMap<string, number>
  /** Whether isobench started the job itself, to decide claims that are undecided. */
  readonly background: boolean
}

/** What a job needs to know about the samples of former jobs. */
export interface FormerSamples {
  /** Those of this job too. A step that cannot succeed is not tried again by a later job. */
  readonly samples: readonly Sample[]
  /** The first round of a case that has no sample. */
  nextRound(caseId: string): number
  /** A number for the order of steps, different on each call. */
  nextOrder(): number
}

/** The rounds of a job. Their samples get the rounds after those that the store has. */
export function jobSchedule(job: MeasureJob, plan: Plan, store: FormerSamples): Schedule {
  return fromGenerator(() => jobSteps(job, plan, store))
}

function* jobSteps({ cases, rounds, warmup, done }: MeasureJob, plan: Plan, store: FormerSamples): StepGenerator {
  const firstRounds = new Map([...cases.keys()].map((id) => [id, store.nextRound(id)]))
  const roundsDone = (id: string) => done.get(id) ?? 0
  const joins = (id: string, round: number) => roundsDone(id) === 0 || round >= roundsDone(id)
  for (let round = 0 - warmup; round < rounds; round++) {
    const all = stepsOfRound(plan, store.nextOrder()).filter((step) => cases.get(step.case.id)?.has(step.platform))
    const stepsIn = (index: number) => all.filter((step) => joins(step.case.id, index))
    const steps = stepsIn(round)
    let later = 0
    for (let next = round + 1; next < rounds; next++) later += stepsIn(next).length
    for (const [at, step] of steps.entries()) {
      if (store.samples.some((sample) => cannotSucceed(step, sample))) continue
      const id = step.case.id
      const sampleRound = round < 0 ? round : firstRounds.get(id)! + round - roundsDone(id)
      yield { ...step, round, sampleRound, block: 0, left: steps.length - at + later }
    }
  }
  return { why: 'all-rounds', rounds }
}

/** What the loop measures with, and whom it informs. */
export interface LoopOptions {
  readonly schedule: Schedule
  readonly context: Omit<MeasureContext, 'pool' | 'ready'>
  readonly pool: GuestPool
  /** Measures the steps that have a duet partner. */
  readonly duet?: Duet | undefined
  /** How many disturbed steps may be measured again. */
  readonly remeasure: Pick<RemeasureBudget, 'take'>
  /** Called after each round but the last one. The loop stops if it returns true. */
  readonly stopWhen?: ((samples: readonly Sample[]) => boolean) | undefined
  readonly on: {
    /** A step begins. */
    step(step: ScheduledStep): void
    /** A sample was taken. */
    sample(sample: Sample): void
    /** All steps of a round are measured. Its guests are removed afterwards. */
    roundEnd?(): Promise<void> | void
    /** All steps of a block up to its last round, or up to an interim look, are measured. */
    blockEnd?(block: number, samples: readonly Sample[]): void
  }
}

/**
 * Measures what a schedule returns, step by step. The caller disposes the pool.
 * @returns why the loop ended; `interrupted` if the session's signal was aborted
 */
export async function runLoop(options: LoopOptions): Promise<StopReason | 'interrupted'> {
  const { signal } = options.context.session
  try {
    return await runRounds(options)
  } catch (error) {
    if (signal.aborted) return 'interrupted'
    throw error
  }
}

/** The CPUs to observe while several guests run: theirs and those of the load client, which they have too. */
function severalGuestsCpus(
  { case: { bench } }: Step,
  { plan, session: { cpus } }: Pick<MeasureContext, 'plan' | 'session'>,
): CpuAssignment | undefined {
  if (benchById(plan.benches, bench)?.workload.kind !== 'guests') return undefined
  const all = [...new Set([...cpus.guest, ...cpus.client])]
  return { guest: all, client: all }
}

async function runRounds({ schedule, context, pool, duet, remeasure, stopWhen, on }: LoopOptions): Promise<StopReason> {
  const { session } = context
  const samples: Sample[] = []
  const endRound = async () => {
    await on.roundEnd?.()
    await pool.endRound()
    await duet?.endRound()
  }
  let last: ScheduledStep | undefined
  for (;;) {
    const next = schedule.next(samples)
    const isOver = 'stopped' in next
    if (last && (isOver || next.round !== last.round || next.block !== last.block)) {
      await endRound()
      if (isOver || next.block !== last.block) on.blockEnd?.(last.block, samples)
      if (!isOver && last.round >= 0 && stopWhen?.(samples)) return { why: 'first-failure', rounds: last.round + 1 }
    }
    if (isOver) return next.stopped
    session.signal.throwIfAborted()
    // A sample measured with another clock, for example, would be false.
    refuseLastingChanges()
    last = next
    on.step(next)
    const isDuet = duet && next.duetWith !== undefined
    const take = async (): Promise<Sample[]> =>
      isDuet
        ? duet.measure(next, next.sampleRound, context)
        : [await measure(next, next.sampleRound, { ...context, pool })]
    const meter = () => session.startLoadMeter(isDuet ? duet.cpus : severalGuestsCpus(next, context))
    for (const sample of await measureUndisturbed(take, meter, remeasure)) {
      samples.push(sample)
      on.sample(sample)
    }
  }
}
