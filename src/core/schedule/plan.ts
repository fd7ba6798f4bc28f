import type { Plan } from '../plan/plan.ts'
import type { PublishedResult } from '../record/stated.ts'
import type { SequentialPlan } from '../stats/index.ts'
import type { WeightsSource } from '../weights/source.ts'

/** What the same platform twice differed by on this host: see `core/noise`. */
export interface NoiseFloor {
  /** The point's id. */
  readonly case: string
  readonly metric: string
  /** As a difference of logarithms, ≥ 0. */
  readonly logRatio: number
}

/** A plan with what its judging needs to know, so that a record is judged as its run was. */
export interface ScheduledPlan extends Plan {
  /** The looks at the growing data; left out: one, after the last round. */
  readonly sequential?: SequentialPlan | undefined
  readonly noiseFloors?: readonly NoiseFloor[]
  /** What weighted scores are made of, where the project has imported that. */
  readonly weights?: WeightsSource
  /** What an imported source states without samples; there, what is neither stated nor sampled needs its figures. */
  readonly published?: readonly PublishedResult[]
}

/** For each case (by id), the platforms to measure it on. */
export type CasesToMeasure = ReadonlyMap<string, ReadonlySet<string>>
