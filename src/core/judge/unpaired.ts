/** Two series that were not measured in the same rounds: values of an import. */
import type { Metric } from '../../dsl/metric.ts'
import { type Interval, ratioInterval, ratioPValue } from '../stats/index.ts'
import { hypothesisTest, requireHalfMargin } from './answer.ts'
import { type Alternative, asRatio, type DecisionRule } from './compare.ts'
import { type ComparisonResult, notEvaluated } from './evidence.ts'
import { perClaimAlpha } from './rates.ts'
import { type Series, worseSign } from './samples.ts'

/**
 * Judges by the Hodges–Lehmann shift of all pairs, with Mann–Whitney bounds: wider than of pairs of rounds, because what the
 * host did meanwhile does not cancel out. A median of several is not to be had: which values belong together is not known.
 */
export function judgeUnpaired(a: Series, b: Series, metric: Metric, rule: DecisionRule, of: string): ComparisonResult {
  if (new Set([...a.digests, ...b.digests]).size > 1) return notEvaluated('different-work')
  const [own, other] = [[...a.rounds.values()], [...b.rounds.values()]]
  if (own.length === 0 || other.length === 0) return notEvaluated('too-few-rounds')
  if ([...own, ...other].includes(0)) return notEvaluated('zero-value')
  const interval = signed(ratioInterval(own, other), metric)
  const sign = worseSign(metric)
  const p = (shift: number, side: Alternative['side']) => {
    const way = sign === 1 ? side : side === 'greater' ? 'less' : 'greater'
    return ratioPValue(own, other, Math.exp(sign * shift), way)
  }
  const id = ['unpaired', of, ...own, ...other].join('\0')
  return {
    ...requireHalfMargin(rule, rule.judge(interval), (shift, side) => p(shift, side) <= perClaimAlpha.atHalf),
    measured: asRatio(interval, metric),
    of: `${of}, unpaired`,
    interval,
    margin: rule.margin ?? null,
    extraRoundsNeeded: null,
    tests: rule.against.map((side) =>
      hypothesisTest(id, side, (shift, way) => ({ ranks: p(shift, way), student: p(shift, way), smallestPossible: 0 })),
    ),
  }
}

/** A ratio's interval as signed differences of logarithms: above 0 is worse. */
function signed({ estimate, low, high, n }: Interval, metric: Metric): Interval {
  const [least, most] = [Math.log(low), Math.log(high)]
  return worseSign(metric) === 1
    ? { estimate: Math.log(estimate), low: least, high: most, n }
    : { estimate: -Math.log(estimate), low: -most, high: -least, n }
}
