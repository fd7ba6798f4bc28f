/** Whether others had most of the CPUs in most rounds: then figures say who was scheduled when, not what a platform costs. */
import type { ComparisonResult } from './evidence.ts'
import type { Series } from './samples.ts'

const isMostly = ({ rounds, overloaded }: Series): boolean => overloaded.size * 2 > rounds.size

/**
 * Whether others had most of the CPUs in most rounds of every side. One crowded side is not enough, since a host that is busy
 * is so for all: kernel threads that work for one platform alone count as others' work, and must not excuse it.
 * @param sides measured in the same rounds, one at least
 */
export const isCrowdedHost = (sides: readonly Series[]): boolean => sides.length > 0 && sides.every(isMostly)

/** What is contradicted on a crowded host is inconclusive. docs/statistics.md, "Foreign load". */
export function applyHostLoad(judged: ComparisonResult, sides: readonly Series[]): ComparisonResult {
  if (judged.verdict !== 'contradicted' || !isCrowdedHost(sides)) return judged
  return { ...judged, verdict: 'inconclusive', direction: null, reason: 'host-overloaded', extraRoundsNeeded: null }
}
