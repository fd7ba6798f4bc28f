import { beyond, rankAgreement } from '../stats/index.ts'
import { isHostOverloaded } from './adjustments.ts'
import { decisivePart, minRounds, tooFewRounds } from './rules.ts'
import type { Series } from './samples.ts'
import { type ComparisonResult, notEvaluated, type Test } from './tests.ts'

/** Claims about several platforms together. */

/**
 * That the claim is true on at least `least` of the platforms. Platforms without samples may be among them or not, so
 * the claim is contradicted only if too few others are left.
 */
export function judgeOnAtLeast(parts: readonly ComparisonResult[], least: number): ComparisonResult {
  const withOutcome = (outcome: ComparisonResult['outcome']) => parts.filter((part) => part.outcome === outcome)
  // The platforms that the run lacks could make it hold.
  if (parts.length < least) return notEvaluated({ code: 'too-few-platforms', needed: least, measured: parts.length })
  const holding = withOutcome('holds')
  const contradicted = withOutcome('contradicted')
  const doubtful = withOutcome('inconclusive')
  const open = withOutcome('not-evaluated')
  const decided = (part: ComparisonResult | undefined): ComparisonResult => ({
    ...(part ?? parts[0]!),
    tests: testsAgainst(parts, least),
  })
  if (holding.length >= least) return decided(holding[least - 1])
  if (parts.length - contradicted.length < least) {
    return decided(contradicted[0])
  }
  if (holding.length + doubtful.length >= least) return decided(decisivePart(doubtful))
  return decided(open[0])
}

const byRanks = (a: Test, b: Test) => a.atMargin.p.ranks - b.atMargin.p.ranks

/**
 * The claim is contradicted if it is contradicted on so many platforms that `least` cannot be reached. The least
 * certain of those tests represents them.
 */
function testsAgainst(parts: readonly ComparisonResult[], least: number): ComparisonResult['tests'] {
  const best = parts.flatMap(({ tests }) => [...tests].sort(byRanks)[0] ?? [])
  const decisive = best.sort(byRanks)[parts.length - least]
  return decisive ? [decisive] : []
}

/** Above this mean rank correlation of two rounds, an order is stable. */
const stableFrom = 0.5

/** That the order of several platforms changes from round to round. */
export function judgeNoStableOrder(names: readonly string[], all: readonly Series[]): ComparisonResult {
  if (new Set(all.flatMap(({ digests }) => [...digests])).size > 1) return notEvaluated({ code: 'different-work' })
  const common = [...all[0]!.rounds.keys()].filter((round) => all.every(({ rounds }) => rounds.has(round)))
  if (common.length < 2) {
    const failed = names.filter((_, at) => all[at]!.errors.length > 0)
    return notEvaluated(failed.length > 0 ? { code: 'sample-errors', platforms: failed } : tooFewRounds)
  }
  const { estimate, low, high } = rankAgreement(common.map((round) => all.map(({ rounds }) => rounds.get(round)!)))
  const base: Omit<ComparisonResult, 'outcome' | 'direction' | 'reason'> = {
    estimate: { kind: 'rank-correlation', value: estimate, low, high, rounds: common.length },
    tests: [],
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
  }
  if (common.length < minRounds) return { ...base, outcome: 'inconclusive', direction: null, reason: tooFewRounds }
  // Load shuffles the order, so it would make the claim hold.
  if (isHostOverloaded(all))
    return { ...base, outcome: 'inconclusive', direction: null, reason: { code: 'host-overloaded' } }
  if (beyond(stableFrom, high)) return { ...base, outcome: 'holds', direction: null, reason: null }
  // A stable order is not worse for anybody.
  if (beyond(low, stableFrom)) return { ...base, outcome: 'contradicted', direction: 'better', reason: null }
  return { ...base, outcome: 'inconclusive', direction: null, reason: { code: 'interval-crosses-margin' } }
}
