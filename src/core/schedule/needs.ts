/** Which cells are still worth a visit. */
import { type FinalClaim, judgeClaims } from '../judge/judge.ts'
import type { Sample } from '../record/schema.ts'
import type { CasesToMeasure, ScheduledPlan } from './plan.ts'

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
