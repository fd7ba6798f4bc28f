import { rankAgreement } from '../stats/index.ts'
import { minRounds } from './rules.ts'
import type { Series } from './samples.ts'
import type { ComparisonResult, Test } from './tests.ts'

/** Claims about several platforms together. */

/**
 * That it is so on at least `least` of the platforms. Those that were not measured may be among them or not, so it is only
 * contradicted where too few are left.
 */
export function judgeOnAtLeast(parts: readonly ComparisonResult[], least: number): ComparisonResult {
  const of = (verdict: ComparisonResult['verdict']) => parts.filter((part) => part.verdict === verdict)
  const [holds, against, doubtful, open] = [of('holds'), of('contradicted'), of('inconclusive'), of('not-evaluated')]
  const verdict = (told: ComparisonResult | undefined): ComparisonResult => ({
    ...(told ?? parts[0]!),
    tests: testsOf(parts, least),
  })
  if (holds.length >= least) return verdict(holds[least - 1])
  if (parts.length - against.length < least) {
    return against.length > 0 ? verdict(against[0]) : { ...verdict(open[0]), verdict: 'not-evaluated' }
  }
  if (holds.length + doubtful.length >= least) return verdict(doubtful[0])
  return verdict(open[0])
}

const byRanks = (a: Test, b: Test) => a.atMargin.p.ranks - b.atMargin.p.ranks

/**
 * What would contradict it: that so many are contradicted that `least` cannot be reached. The least certain of as many as that
 * takes stands for them.
 */
function testsOf(parts: readonly ComparisonResult[], least: number): ComparisonResult['tests'] {
  const best = parts.flatMap(({ tests }) => [...tests].sort(byRanks)[0] ?? [])
  const decisive = best.sort(byRanks)[parts.length - least]
  return decisive ? [decisive] : []
}

/** Beyond this mean rank correlation of two rounds, an order is stable. */
const stable = 0.5

/** That the order of several platforms changes from round to round. */
export function judgeNoStableOrder(all: readonly Series[]): ComparisonResult {
  const base = {
    direction: null,
    tests: [],
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
    of: 'mean rank correlation',
  }
  const none = (reason: string): ComparisonResult => ({ ...base, verdict: 'not-evaluated', reason, measured: null })
  if (new Set(all.flatMap(({ digests }) => [...digests])).size > 1) return none('different-work')
  const common = [...all[0]!.rounds.keys()].filter((round) => all.every(({ rounds }) => rounds.has(round)))
  if (common.length < 2) return none(all.some(({ errors }) => errors.length > 0) ? 'sample-errors' : 'too-few-rounds')
  const { estimate, low, high } = rankAgreement(common.map((round) => all.map(({ rounds }) => rounds.get(round)!)))
  const measured = { estimate, low, high, rounds: common.length }
  if (common.length < minRounds) return { ...base, verdict: 'inconclusive', reason: 'too-few-rounds', measured }
  if (high < stable) return { ...base, verdict: 'holds', reason: null, measured }
  // A stable order harms nobody.
  if (low > stable) return { ...base, verdict: 'contradicted', direction: 'better', reason: null, measured }
  return { ...base, verdict: 'inconclusive', reason: 'interval-crosses-margin', measured }
}
