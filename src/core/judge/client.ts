/** Whether isobench's own client was the limit, rather than the platform: then a figure says how fast the client is. */
import { median } from '../stats/index.ts'
import type { ComparisonResult } from './evidence.ts'
import type { Samples } from './samples.ts'

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
