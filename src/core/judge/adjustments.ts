import type { NoiseFloor } from '../model/plan.ts'
import { isDecided } from '../model/verdict.ts'
import { beyond, median, testDependence } from '../stats/index.ts'
import type { JointDependence } from './comparable-cases.ts'
import type { Difference, Samples, Series } from './samples.ts'
import type { ComparisonResult } from './tests.ts'

/** Share of its CPUs from which the load client is the limit. The rest goes to wake-ups and to other processes. */
export const clientSaturationShare = 0.9

/** Median of the load client's share of its CPUs over the samples of a result; null without a client. */
export function clientShare(samples: Samples, caseId: string, platform: string): number | null {
  const shares = samples
    .of(caseId, platform)
    .flatMap(({ outcome, client }) => (outcome.ok && client ? [client.cpu] : []))
  return shares.length > 0 ? median(shares) : null
}

/** Whether the load client was the limit, not the platform: then the values describe the client. */
export const isClientBound = (samples: Samples, caseId: string, platform: string): boolean =>
  (clientShare(samples, caseId, platform) ?? 0) >= clientSaturationShare

interface ClientLimited {
  readonly name: string
  readonly bound: boolean
}

/**
 * A result is not evaluated if its load client was the limit. If the client was the limit only for the reference, the
 * reference is really as good or better: then a decision that the platform is worse stands.
 */
export function applyClientLimit(
  judged: ComparisonResult,
  platform: ClientLimited,
  reference?: ClientLimited,
): ComparisonResult {
  const bound = [platform, ...(reference ? [reference] : [])].filter((one) => one.bound)
  if (bound.length === 0 || judged.outcome === 'not-evaluated') return judged
  if (!platform.bound && isWorse(judged)) return judged
  return {
    ...judged,
    outcome: 'not-evaluated',
    direction: null,
    reason: { code: 'client-bound', platforms: bound.map(({ name }) => name) },
    tests: [],
    extraRoundsNeeded: null,
  }
}

/** Whether a better reference would only make the decision clearer. */
const isWorse = ({ outcome, direction, wantsWorse }: ComparisonResult): boolean =>
  (outcome === 'contradicted' && direction === 'worse') || (outcome === 'holds' && wantsWorse === true)

/** What a decided claim would be without the adjustment. */
const wouldBe = ({ outcome, direction }: ComparisonResult): { readonly wouldBe?: 'holds' | 'worse' | 'better' } => {
  if (outcome === 'holds') return { wouldBe: 'holds' }
  return direction === null ? {} : { wouldBe: direction }
}

const isMostlyOverloaded = ({ rounds, overloaded }: Series): boolean => overloaded.size * 2 > rounds.size

/**
 * Whether other processes had most of the CPUs in most rounds of every side. Then the values show the scheduling, not
 * the cost of a platform. One overloaded side is not enough: a busy host is busy for all sides, but kernel threads that
 * work for one platform also count as other processes, and must not excuse it.
 * @param sides measured in the same rounds
 */
export const isHostOverloaded = (sides: readonly Series[]): boolean =>
  sides.length > 0 && sides.every(isMostlyOverloaded)

/**
 * On an overloaded host a decided claim is inconclusive, whichever way it is decided. A claim that platforms are alike
 * still holds: load makes that harder, not easier.
 * @param claimsLikeness whether the claim is that values differ by no more than a margin
 */
export function applyHostLoad(
  judged: ComparisonResult,
  sides: readonly Series[],
  claimsLikeness = judged.margin !== null,
): ComparisonResult {
  if (judged.outcome !== 'contradicted' && (judged.outcome !== 'holds' || claimsLikeness)) return judged
  if (!isHostOverloaded(sides)) return judged
  return {
    ...judged,
    outcome: 'inconclusive',
    direction: null,
    reason: { code: 'host-overloaded', ...wouldBe(judged) },
    extraRoundsNeeded: null,
  }
}

/**
 * A decided claim is inconclusive if its rounds depend on each other: then there is less evidence than rounds, and each
 * interval is too narrow. Ten rounds of one comparison show that rarely, so those of comparable cases are tested too:
 * the comparison alone and all of them together have half of the error rate each. The verdict stands if every round is
 * further beyond the threshold than the rounds are apart.
 * @param series the differences of each comparison that decides, in the order of the rounds
 * @param thresholds what the differences are compared with
 * @param dependenceOf whether these rounds of all comparable cases depend on each other
 */
export function applyDependence(
  judged: ComparisonResult,
  series: readonly (readonly Difference[])[],
  thresholds: readonly number[],
  toPercent: (drift: number) => number,
  dependenceOf: (rounds: readonly number[]) => JointDependence | undefined,
): ComparisonResult {
  if (!isDecided(judged)) return judged
  const near = series.filter((rounds) => !isFarBeyond(rounds, thresholds)).sort((a, b) => b.length - a.length)
  if (near.length === 0) return judged
  const joint = dependenceOf(near[0]!.map(({ round }) => round))
  const tests = series.length * (joint ? 2 : 1)
  const own = near
    .flatMap(
      (rounds) =>
        testDependence(
          rounds.map(({ d }) => d),
          tests,
        ) ?? [],
    )
    .sort((a, b) => Number(b.isDependent) - Number(a.isDependent) || b.correlation - a.correlation)[0]
  if (!own || !(own.isDependent || joint?.isDependent)) return judged
  const found = own.isDependent || !joint ? { ...own, comparisons: 1 } : joint
  return {
    ...judged,
    outcome: 'inconclusive',
    direction: null,
    reason: {
      code: 'dependent-rounds',
      correlation: found.correlation,
      driftPercent: toPercent(own.drift),
      comparisons: found.comparisons,
      ...wouldBe(judged),
    },
    extraRoundsNeeded: null,
  }
}

function isFarBeyond(rounds: readonly Difference[], thresholds: readonly number[]): boolean {
  const d = rounds.map((one) => one.d)
  const [least, most] = [Math.min(...d), Math.max(...d)]
  const range = most - least
  return thresholds.every((threshold) => beyond(least - threshold, range) || beyond(threshold - most, range))
}

/**
 * A margin below this host's noise floor is too narrow to fail by: a claim that is inconclusive, or violated by no more
 * than the noise floor, is not evaluated. A claim that is violated by more stays contradicted, and one that holds still
 * holds.
 * @param cases ids of the cases that the claim is about
 */
export function applyNoiseFloor(
  judged: ComparisonResult,
  { cases, metric }: { readonly cases: readonly string[]; readonly metric: string },
  noiseFloors: readonly NoiseFloor[],
): ComparisonResult {
  const { outcome, interval, margin } = judged
  if (!interval || margin === null || (outcome !== 'contradicted' && outcome !== 'inconclusive')) return judged
  const noiseFloor = noiseFloors.find((one) => cases.includes(one.case) && one.metric === metric)
  if (!noiseFloor || !beyond(noiseFloor.logRatio, margin)) return judged
  const { logRatio } = noiseFloor
  const isBeyondFloor = beyond(interval.low, logRatio) || beyond(-logRatio, interval.high)
  if (outcome === 'contradicted' && isBeyondFloor) return judged
  return {
    ...judged,
    outcome: 'not-evaluated',
    direction: null,
    reason: { code: 'noise-floor', smallestMarginPercent: 100 * Math.expm1(logRatio) },
    tests: [],
  }
}
