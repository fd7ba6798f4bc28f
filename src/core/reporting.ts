/** What a run tells while it goes. Reporters take what they need; every hook may be left out. */
import type { Problem } from './errors.ts'
import type { Plan, Step } from './plan/plan.ts'
import type { Sample } from './record/schema.ts'
import type { Report } from './report/schema.ts'

/** One step that begins, and how far the run is. */
export interface Progress extends Step {
  readonly round: number
  readonly warmup: boolean
  /** Steps done, of `steps`. */
  readonly done: number
  readonly steps: number
}

export interface Reporter {
  /** What isobench does before it measures: a probe, a package, a step of the image's build. */
  preparing?(what: string): void
  /** Files and benches that cannot be used. */
  problems?(problems: readonly Problem[]): void
  planned?(plan: Plan): void
  measuring?(progress: Progress): void
  sampled?(sample: Sample): void
  /** The end, also of an interrupted run and of `judge`. */
  finished?(report: Report): Promise<void> | void
}

/** Tells every reporter, in their order. */
export function tellAll(reporters: readonly Reporter[]): Required<Reporter> {
  return {
    preparing: (what) => {
      for (const one of reporters) one.preparing?.(what)
    },
    problems: (problems) => {
      for (const one of reporters) one.problems?.(problems)
    },
    planned: (plan) => {
      for (const one of reporters) one.planned?.(plan)
    },
    measuring: (progress) => {
      for (const one of reporters) one.measuring?.(progress)
    },
    sampled: (sample) => {
      for (const one of reporters) one.sampled?.(sample)
    },
    finished: async (report) => {
      for (const one of reporters) await one.finished?.(report)
    },
  }
}
