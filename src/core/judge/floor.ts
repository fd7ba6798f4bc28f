import type { Floor } from '../schedule/plan.ts'
import type { Single } from './claims.ts'
import type { Judged } from './evidence.ts'

/**
 * A margin that is below what two equal platforms differ by on this host is too fine to fail by: what is inconclusive, or
 * contradicted by no more than the noise, is `underpowered`. What is beyond the noise too stays contradicted, and what
 * holds at the finer margin holds.
 */
export function withFloor(
  { judged, points, claim }: Pick<Single, 'judged' | 'points' | 'claim'>,
  floors: readonly Floor[],
): Judged {
  const { verdict, interval, margin } = judged
  if (!interval || margin === null || (verdict !== 'contradicted' && verdict !== 'inconclusive')) return judged
  const floor = floors.find((one) => points.includes(one.point) && one.metric === claim.metric)
  if (!floor || margin >= floor.d) return judged
  if (verdict === 'contradicted' && (interval.low > floor.d || interval.high < -floor.d)) return judged
  const carried = `${(100 * Math.expm1(floor.d)).toPrecision(2)} %`
  return { ...judged, verdict: 'undecidable', direction: null, reason: `underpowered:${carried}`, tests: [] }
}
