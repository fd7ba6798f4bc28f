import { type CasesToMeasure, type ScheduledPlan, type Step, stepsOfRound } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { StopReason } from '../reporter.ts'
import { planOfBlock } from './bench-order.ts'
import {
  cannotSucceed,
  casesWorthMeasuring,
  fromGenerator,
  type Schedule,
  type ScheduledStep,
  type StepGenerator,
} from './run-loop.ts'

/** Which step of a run is next: rounds, blocks, interim looks and the time budget. */

/** Limits of a planned schedule. */
export interface PlannedScheduleOptions {
  /** Milliseconds, from the creation of the schedule, after which no other case begins. */
  readonly maxDuration?: number | undefined
  /** By the index of a block, estimated seconds of one of its steps. Absent: unknown, so every block fits. */
  readonly stepSeconds?: readonly number[] | undefined
  /** The clock, in milliseconds. */
  readonly now?: () => number
}

/**
 * The rounds of a plan, for `run` and `noise`: block by block, up to the first interim look; then block by block what
 * is undecided, up to the next look.
 *
 * At each interim look, decided cases are dropped. Steps that cannot succeed are dropped at once. When the time is up,
 * the platforms of the current case are still measured, because only samples of the same round are compared.
 *
 * With a time limit, a block begins only if all its rounds are expected to fit. If its first round shows that they do
 * not fit, it is given up for another block. If no block fits, the first one begins.
 */
export function plannedSchedule(plan: ScheduledPlan, options: PlannedScheduleOptions = {}): Schedule {
  return fromGenerator((samples) => new PlannedSteps(plan, options, samples).all())
}

/** The rounds from one interim look to the next. */
interface Segment {
  /** The first round; negative for warm-up. */
  readonly from: number
  /** The round after the last one. */
  readonly to: number
  /** By the index of a block, its steps in one round. */
  readonly steps: readonly number[]
}

class PlannedSteps {
  readonly #blocks: readonly ScheduledPlan[]
  readonly #until: number
  readonly #now: () => number
  /** By the index of a block, milliseconds of one of its steps: estimated, then measured. */
  readonly #stepMs: number[]
  /** The blocks of which milliseconds are measured. */
  readonly #begun = new Set<number>()
  /** Milliseconds of the finished blocks. The ratio corrects the estimates of the others for the speed of this host. */
  readonly #finished = { estimated: 0, measured: 0 }
  readonly #notMeasured: { readonly bench: string; readonly seconds: number }[] = []
  #needed: CasesToMeasure | undefined
  #begunRounds = 0
  #finishedBlocks = 0

  constructor(
    private readonly plan: ScheduledPlan,
    { maxDuration = Number.POSITIVE_INFINITY, stepSeconds = [], now = () => performance.now() }: PlannedScheduleOptions,
    private readonly samples: () => readonly Sample[],
  ) {
    this.#now = now
    this.#until = now() + maxDuration
    this.#blocks = (plan.blocks ?? [plan.benches.map(({ id }) => id)]).map((_, block) => planOfBlock(plan, block))
    this.#stepMs = this.#blocks.map((_, block) => 1000 * (stepSeconds[block] ?? 0))
  }

  *all(): StepGenerator {
    const { rounds, warmup } = this.plan.profile
    const looks = this.plan.sequential?.looks ?? [rounds]
    let from = 0 - warmup
    for (const to of looks) {
      const steps = this.#blocks.map((_, block) => this.#stepsOf(block, 0).length)
      if (yield* this.#segment({ from, to, steps })) return this.#stop('time-up')
      from = to
      if (to === rounds) break
      this.#needed = casesWorthMeasuring(this.plan, this.samples())
      if (this.#needed.size === 0) return this.#stop('all-decided')
    }
    return this.#stop(this.#notMeasured.length > 0 ? 'time-up' : 'all-rounds')
  }

  /** @returns whether the time is up */
  *#segment(segment: Segment): Generator<ScheduledStep, boolean, void> {
    const isFirst = segment.from <= 0
    let pending = [...this.#blocks.keys()]
    for (;;) {
      const block = this.#choose(pending, segment)
      if (block === undefined) break
      pending = pending.toSpliced(pending.indexOf(block), 1)
      const ended = yield* this.#measure(block, segment, pending)
      if (ended === 'too-long') this.#leaveOut([block], segment)
      if (ended !== 'time-up') continue
      if (isFirst) this.#leaveOut(this.#hasRounds(block) ? pending : [block, ...pending], segment)
      return true
    }
    if (isFirst) this.#leaveOut(pending, segment)
    return !isFirst && pending.length > 0
  }

  /** The next block that fits into the time. If none does and nothing is measured yet, the next one. */
  #choose(pending: readonly number[], segment: Segment): number | undefined {
    const left = this.#until - this.#now()
    const fitting = pending.find((one) => this.#blockMs(one, segment) <= left)
    return fitting ?? (this.#finishedBlocks === 0 && this.samples().length === 0 ? pending[0] : undefined)
  }

  /** The blocks that fit into some milliseconds, each after those before it. */
  #fitting(pending: readonly number[], segment: Segment, ms: number): number[] {
    let left = ms
    return pending.filter((block) => {
      const needed = this.#blockMs(block, segment)
      if (needed > left) return false
      left -= needed
      return true
    })
  }

  #blockMs(block: number, { from, to, steps }: Segment): number {
    const { estimated, measured } = this.#finished
    const speed = estimated > 0 && !this.#begun.has(block) ? measured / estimated : 1
    return steps[block]! * (to - from) * this.#stepMs[block]! * speed
  }

  *#measure(
    block: number,
    segment: Segment,
    pending: readonly number[],
  ): Generator<ScheduledStep, 'done' | 'time-up' | 'too-long', void> {
    const { from, to, steps: counts } = segment
    const startedAt = this.#now()
    const elapsed = () => this.#now() - startedAt
    // What the whole block takes at least, if every round is as long as the first one so far.
    const isTooLong = () => elapsed() * (to - from) > this.#until - startedAt
    let done = 0
    for (let round = from; round < to; round++) {
      const steps = this.#stepsOf(block, round)
      for (const [at, step] of steps.entries()) {
        const isNewCase = at === 0 || steps[at - 1]!.case.id !== step.case.id
        if (isNewCase && this.#now() > this.#until) return 'time-up'
        const isEarly = from <= 0 && (round === from || (round === from + 1 && at === 0))
        if (isNewCase && isEarly && isTooLong() && this.#hasAlternative(pending, segment)) {
          this.#stepMs[block] = Math.max(this.#stepMs[block]!, elapsed() / Math.max(1, done))
          this.#begun.add(block)
          return 'too-long'
        }
        if (!this.samples().some((sample) => cannotSucceed(step, sample))) {
          if (round >= 0) this.#begunRounds = Math.max(this.#begunRounds, round + 1)
          const own = steps.length - at + (to - 1 - round) * counts[block]!
          const stepsAfter = () => this.#stepsAfter(own, block, segment, pending)
          yield {
            ...step,
            round,
            sampleRound: round,
            block,
            // Computed if it is read: it looks at every other block.
            get left() {
              return own + stepsAfter()
            },
          }
        }
        done++
      }
    }
    if (done > 0) {
      if (!this.#begun.has(block)) {
        this.#finished.estimated += done * this.#stepMs[block]!
        this.#finished.measured += elapsed()
      }
      this.#stepMs[block] = elapsed() / done
      this.#begun.add(block)
    }
    this.#finishedBlocks++
    return 'done'
  }

  #hasAlternative(pending: readonly number[], segment: Segment): boolean {
    const left = this.#until - this.#now()
    return this.#finishedBlocks > 0 || pending.some((one) => this.#blockMs(one, segment) <= left)
  }

  /** The steps of other blocks, and of later looks if nothing is decided before them. */
  #stepsAfter(own: number, block: number, segment: Segment, pending: readonly number[]): number {
    const { from, to, steps } = segment
    const { rounds } = this.plan.profile
    const next = this.#fitting(pending, segment, this.#until - this.#now() - own * this.#stepMs[block]!)
    const later = steps.reduce((sum, count) => sum + count * (rounds - to), 0)
    return next.reduce((sum, one) => sum + steps[one]! * (to - from), later)
  }

  #stepsOf(block: number, round: number): Step[] {
    const needed = this.#needed
    return stepsOfRound(this.#blocks[block]!, round).filter(({ case: benchCase, platform, duetWith }) => {
      const platforms = needed?.get(benchCase.id)
      // In duet mode native has no own steps: if only native is needed, any duet partner will do.
      return !needed || platforms?.has(platform) || (duetWith !== undefined && platforms?.size === 1)
    })
  }

  /** Whether a block has samples beside those of warm-up rounds. */
  #hasRounds(block: number): boolean {
    const cases = new Set(this.#blocks[block]!.cases.map(({ id }) => id))
    return this.samples().some((sample) => !sample.warmup && cases.has(sample.case))
  }

  #leaveOut(blocks: readonly number[], segment: Segment): void {
    for (const block of blocks) {
      const { cases } = this.#blocks[block]!
      const seconds = this.#blockMs(block, segment) / 1000
      for (const bench of new Set(cases.map((one) => one.bench))) {
        const share = cases.filter((one) => one.bench === bench).length / cases.length
        this.#notMeasured.push({ bench, seconds: Math.round(seconds * share) })
      }
    }
  }

  #stop(why: StopReason['why']): StopReason {
    const notMeasured = this.#notMeasured
    return { why, rounds: this.#begunRounds, ...(notMeasured.length > 0 && { notMeasured }) }
  }
}
