import type { Metric } from '../../dsl/metric.ts'
import type { BenchCase } from '../model/plan.ts'
import type { BenchData } from '../model/suite.ts'
import { isDecided } from '../model/verdict.ts'
import { beyond, type Interval } from '../stats/index.ts'
import { PublishedResults } from './published.ts'
import type { Samples } from './samples.ts'
import { type ComparisonResult, intervalBetween, type Measured } from './tests.ts'

/** Values too good to be a property of the platform: section 3.3 of the paper found disks "faster" than the disk. */

/** A ratio to native that is better than this is suspicious. */
export const suspicious = 1.1

/**
 * Tags of benches in which a cache below the guest (`io`) or the guest's clock (`cpu`) can make values better than they
 * are. In these, isolation makes no platform better than native. In others, such as memory, a platform may really be.
 */
const exposedTags = ['io', 'cpu']

/** Whether a cache or a clock is the likely cause of values that are better than native's. */
const isExposed = ({ tags, workload }: BenchData): boolean =>
  !workload.traced && (workload.kind === 'in-guest' || tags.some((tag) => exposedTags.includes(tag)))

/** The signed log differences of a platform from native: positive is worse. Undefined if they cannot be compared. */
function differenceFromNative(
  samples: Samples,
  caseId: string,
  platform: string,
  [name, metric]: readonly [string, Metric],
  { plan }: Pick<Measured, 'plan'>,
): Pick<Interval, 'low' | 'high'> | undefined {
  const published = plan.published && new PublishedResults(plan.published, [caseId], name)
  const own = samples.series(caseId, platform, name, 'native')
  const native = samples.series(caseId, 'native', name, platform)
  if (own.rounds.size === 0 || native.rounds.size === 0) return published?.bounds(platform, ['native'], metric)
  return intervalBetween(own, native, metric, plan.sequential)
}

/** `certain`: the whole interval is more than a tenth better than native. `likely`: its middle is. */
export type Suspicion = 'certain' | 'likely' | 'none'

/** Whether the values of a platform are suspiciously much better than those of native. */
export function suspicionOf(
  benchCase: Pick<BenchCase, 'id'>,
  bench: BenchData,
  platform: string,
  metric: string,
  { plan, samples }: Measured,
): Suspicion {
  const definition = bench.metrics[metric]
  if (platform === 'native' || !definition || !isExposed(bench)) return 'none'
  const difference = differenceFromNative(samples, benchCase.id, platform, [metric, definition], { plan })
  if (!difference) return 'none'
  if (beyond(-Math.log(suspicious), difference.high)) return 'certain'
  return beyond(-Math.log(suspicious), (difference.low + difference.high) / 2) ? 'likely' : 'none'
}

/** A platform, or a median, with what its values look like. */
export interface Suspect {
  readonly name: string
  readonly suspicion: Suspicion
}

/**
 * A verdict that would turn if a suspicious value were worse is not evaluated. What is worse although the platform
 * looks so good stands. That a platform is better than claimed needs values that are not even likely to be suspicious.
 */
export function applySuspicion(judged: ComparisonResult, platform: Suspect, reference?: Suspect): ComparisonResult {
  if (!isDecided(judged)) return judged
  const suspects = [
    ...(isSuspect(platform, judged) && !saysWorse(judged) ? [platform] : []),
    ...(reference?.suspicion === 'certain' ? [reference] : []),
  ]
  if (suspects.length === 0) return judged
  return {
    ...judged,
    outcome: 'not-evaluated',
    direction: null,
    reason: { code: 'suspiciously-fast', platforms: suspects.map(({ name }) => name) },
    tests: [],
    extraRoundsNeeded: null,
  }
}

const isSuspect = ({ suspicion }: Suspect, { outcome, direction }: ComparisonResult): boolean =>
  suspicion === 'certain' || (suspicion === 'likely' && outcome === 'contradicted' && direction === 'better')

/** Whether the decision is that the platform is worse than something. */
const saysWorse = ({ outcome, direction, wantsWorse }: ComparisonResult): boolean =>
  (outcome === 'contradicted' && direction === 'worse') || (outcome === 'holds' && wantsWorse === true)
