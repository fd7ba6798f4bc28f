/** What a claim is judged by, and what judging one gives. */
import type { ScheduledPlan } from '../schedule/plan.ts'
import type { Interval } from '../stats/index.ts'
import type { Outcome } from './compare.ts'
import type { Test } from './family.ts'
import type { Estimate } from './judgement.ts'
import type { Samples } from './samples.ts'

/** Everything that a claim is judged by. */
export interface JudgeInput {
  readonly plan: ScheduledPlan
  readonly samples: Samples
}

export interface ComparisonResult extends Omit<Outcome, 'reason'> {
  readonly reason: string | null
  readonly measured: Estimate | null
  readonly of: string
  /** What would contradict the claim, tested; none where there is no data. */
  readonly tests: readonly Test[]
  /** About how many more rounds would decide it; null where that cannot be told. */
  readonly extraRoundsNeeded: number | null
  /** The interval that was judged, as signed differences, and the margin of the claim. */
  readonly interval: Interval | null
  readonly margin: number | null
  /** Whether it claims that the platform is the worse one. */
  readonly wantsWorse?: boolean
  /** What there is to see where no figure is: that it was stated in words. */
  readonly seen?: string
}

export const notEvaluated = (reason: string): ComparisonResult => ({
  verdict: 'not-evaluated',
  direction: null,
  reason,
  measured: null,
  of: '',
  tests: [],
  extraRoundsNeeded: null,
  interval: null,
  margin: null,
})
