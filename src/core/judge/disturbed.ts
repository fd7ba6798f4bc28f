/** Whether others used the CPUs in most rounds: then the rounds say how busy the host was, and not independently of each other. */
import type { Judged } from './evidence.ts'
import type { Series } from './samples.ts'

const isMostly = ({ rounds, disturbed }: Series): boolean => disturbed.size * 2 > rounds.size

/**
 * What is contradicted by rounds most of which were disturbed is inconclusive: every test here takes rounds for independent,
 * and a neighbour that comes and goes makes them alike. Both sides must have been disturbed, since a host that is busy is so
 * for both: kernel threads that work for one platform alone count as others' work, and must not excuse it.
 * docs/statistics.md, "Foreign load".
 */
export function withDisturbance(judged: Judged, sides: readonly Series[]): Judged {
  if (judged.verdict !== 'contradicted' || !sides.every(isMostly)) return judged
  return { ...judged, verdict: 'inconclusive', direction: null, reason: 'disturbed', moreRounds: null }
}
