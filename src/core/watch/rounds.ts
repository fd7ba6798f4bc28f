/** Takes the samples of a job, round by round. */
import type { MeasureContext } from '../measure/means.ts'
import { measure } from '../measure/measure.ts'
import { type Plan, stepsOfRound } from '../plan/plan.ts'
import type { Job } from './jobs.ts'
import type { CasesToMeasure } from '../schedule/plan.ts'
import type { SampleStore } from './kept.ts'
import type { Warm } from './warm.ts'

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
