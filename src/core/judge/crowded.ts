/** Whether others had most of the CPUs in most rounds: then figures say who was scheduled when, not what a platform costs. */
import type { Judged } from './evidence.ts'
import type { Series } from './samples.ts'

const isMostly = ({ rounds, crowded }: Series): boolean => crowded.size * 2 > rounds.size

/**
 * What is contradicted on a crowded host is inconclusive. Both sides must have been crowded, since a host that is busy is so for
 * both: kernel threads that work for one platform alone count as others' work, and must not excuse it.
 * docs/statistics.md, "Foreign load".
 */
export function withCrowd(judged: Judged, sides: readonly Series[]): Judged {
  if (judged.verdict !== 'contradicted' || !sides.every(isMostly)) return judged
  return { ...judged, verdict: 'inconclusive', direction: null, reason: 'crowded-host', moreRounds: null }
}
