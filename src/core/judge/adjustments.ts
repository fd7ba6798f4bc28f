import type { NoiseFloor } from '../model/plan.ts'
import { median } from '../stats/index.ts'
import type { JudgedClaim } from './claim.ts'
import type { Samples, Series } from './samples.ts'
import type { ComparisonResult } from './tests.ts'

/** Whether isobench's own client was the limit, rather than the platform: then a figure says how fast the client is. */

/** A client that uses this share of its CPUs has no more to give. What is left goes to waking and to others. */
export const clientSaturationShare = 0.9

/** Median of the client's share of its CPUs over a cell's samples; null where no client was watched. */
export function clientShare(samples: Samples, point: string, platform: string): number | null {
  const shares = samples.of(point, platform).flatMap(({ values, client }) => (values && client ? [client.cpu] : []))
  return shares.length > 0 ? median(shares) : null
}

export const isClientBound = (samples: Samples, point: string, platform: string): boolean =>
  (clientShare(samples, point, platform) ?? 0) >= clientSaturationShare

/**
 * A claim on a cell whose client was the limit cannot be judged. Where it was the limit for the reference only, the reference
 * is in truth as good or better, so that what makes the platform worse still stands and all else does not.
 */
export function applyClientLimit(
  judged: ComparisonResult,
  platform: { readonly bound: boolean; readonly name: string },
  reference?: typeof platform,
): ComparisonResult {
  const names = [platform, ...(reference ? [reference] : [])].filter(({ bound }) => bound).map(({ name }) => name)
  if (names.length === 0 || judged.verdict === 'not-evaluated') return judged
  if (!platform.bound && isWorseFor(judged)) return judged
  return {
    ...judged,
    verdict: 'not-evaluated',
    direction: null,
    reason: `client-bound:${names.join(',')}`,
    tests: [],
    extraRoundsNeeded: null,
  }
}

/** Whether what was decided would only be clearer if the reference were better. */
const isWorseFor = ({ verdict, direction, wantsWorse }: ComparisonResult): boolean =>
  (verdict === 'contradicted' && direction === 'worse') || (verdict === 'holds' && wantsWorse === true)

/** Whether others had most of the CPUs in most rounds: then figures say who was scheduled when, not what a platform costs. */

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
