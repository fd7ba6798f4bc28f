import type { NoiseFloor } from '../schedule/plan.ts'
import type { JudgedClaim } from './claims.ts'
import type { ComparisonResult } from './evidence.ts'

/**
 * A margin that is below what two equal platforms differ by on this host is too fine to fail by: what is inconclusive, or
 * contradicted by no more than the noise, is `underpowered`. What is beyond the noise too stays contradicted, and what
 * holds at the finer margin holds.
 */
export function applyNoiseFloor(
  { judged, cases: points, claim }: Pick<JudgedClaim, 'judged' | 'cases' | 'claim'>,
  noiseFloors: readonly NoiseFloor[],
): ComparisonResult {
  const { verdict, interval, margin } = judged
  if (!interval || margin === null || (verdict !== 'contradicted' && verdict !== 'inconclusive')) return judged
  const noiseFloor = noiseFloors.find((one) => points.includes(one.case) && one.metric === claim.metric)
  if (!noiseFloor || margin >= noiseFloor.logRatio) return judged
  if (verdict === 'contradicted' && (interval.low > noiseFloor.logRatio || interval.high < -noiseFloor.logRatio))
    return judged
  const carried = `${(100 * Math.expm1(noiseFloor.logRatio)).toPrecision(2)} %`
  return { ...judged, verdict: 'not-evaluated', direction: null, reason: `underpowered:${carried}`, tests: [] }
}
