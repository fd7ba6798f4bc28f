import type { Matcher, Reference } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { PublishedResult } from '../model/plan-schema.ts'
import type { Estimate } from '../model/verdict.ts'
import { type Interval, median } from '../stats/index.ts'
import { asRatio, asValue, type Decision, type DecisionRule, limitAt, type ValueInterval } from './rules.ts'
import { isCollapse, logOrCollapsed, worseSign } from './samples.ts'
import { type ComparisonResult, notEvaluated } from './tests.ts'

/** Platforms that a source calls equal, or on par, are within 5 %: the vocabulary of docs/explanation/findings.md. */
const equal = Math.log(1.05)
/** Separates one side of a margin from the other. */
const epsilon = 1e-9

interface Bounds {
  readonly low: number
  readonly high: number
  /** Whether it comes from numbers, not from words alone. */
  readonly numbers: boolean
}

/** What a source states, in words or numbers, about one metric of one case, or of the cases of a series. */
export class PublishedResults {
  readonly #all: readonly PublishedResult[]

  constructor(all: readonly PublishedResult[], cases: readonly string[], metric: string) {
    this.#all = all.filter((one) => cases.includes(one.case) && one.metric === metric)
  }

  /** A platform against a reference; undefined if the source states nothing about them. */
  against(
    platform: string,
    reference: Reference,
    metric: Metric,
    rule: DecisionRule,
    estimate: (interval: ValueInterval) => Estimate,
  ): ComparisonResult | undefined {
    const others = (reference.medianOf ?? [reference.platform]).filter((name) => name !== platform)
    const bounds = this.bounds(platform, others, metric) ?? this.#ordered(platform, others)
    if (!bounds && this.#hasNoRatio(platform, others, metric)) return notEvaluated({ code: 'zero-value' })
    return bounds && judgeBounds(bounds, rule, (interval) => estimate(asRatio(interval, metric)))
  }

  /** A platform against a limit in the metric's unit. */
  value(platform: string, atMostOrLeast: number, metric: Metric, rule: DecisionRule): ComparisonResult | undefined {
    const stated = this.#values(platform)
    if (!stated) return undefined
    const limit = limitAt(atMostOrLeast)
    const distance = (value: number) => (worseSign(metric) * (value - limit.value)) / limit.scale
    const [low, high] = stated.map(distance).sort((a, b) => a - b) as [number, number]
    return judgeBounds({ low, high, numbers: true }, rule, (interval) => ({
      kind: 'amount',
      ...asValue(interval, metric, limit),
      unit: metric.unit,
    }))
  }

  /** The parameter's value at which a platform is best, against the claimed one. */
  peak(
    platform: string,
    { over, from, to }: Extract<Matcher, { readonly kind: 'peaksAt' }>,
  ): ComparisonResult | undefined {
    const found = this.#all.find((one) => one.kind === 'peak' && one.platform === platform && one.over === over)
    if (found?.kind !== 'peak') return undefined
    const [low, high] = found.at
    const outcome =
      low >= from && high <= to ? 'holds' : high < from || low > to ? 'contradicted' : ('inconclusive' as const)
    return {
      outcome,
      direction: outcome === 'contradicted' ? 'worse' : null,
      reason: outcome === 'inconclusive' ? { code: 'interval-crosses-margin' } : null,
      estimate: { kind: 'argmax', value: (low + high) / 2, low, high, rounds: 0, parameter: over },
      published: true,
      tests: [],
      extraRoundsNeeded: null,
      interval: null,
      margin: null,
    }
  }

  #values(platform: string): [number, number] | undefined {
    const found = this.#all.find((one) => one.kind === 'value' && one.platform === platform)
    return found?.kind === 'value' ? found.value : undefined
  }

  /**
   * The signed log differences of a platform from others that the source's numbers give: by a stated ratio, or by two
   * values; for a median, by the values of at least two members.
   */
  bounds(platform: string, others: readonly string[], metric: Metric): Bounds | undefined {
    const sign = worseSign(metric)
    const bounds = ([low, high]: readonly [number, number]): Bounds => {
      const [a, b] = [sign * logOrCollapsed(low), sign * logOrCollapsed(high)]
      return { low: Math.min(a, b), high: Math.max(a, b), numbers: true }
    }
    for (const one of this.#all) {
      if (one.kind !== 'ratio') continue
      if (one.platform === platform && others.every((name) => one.to.includes(name))) return bounds(one.ratio)
      if (others.length === 1 && one.platform === others[0] && one.to.includes(platform)) {
        return bounds([1 / one.ratio[1], 1 / one.ratio[0]])
      }
    }
    const own = this.#values(platform)
    const theirs = others.flatMap((name) => [this.#values(name)].filter((value) => value !== undefined))
    if (!own || theirs.length < Math.min(2, others.length)) return undefined
    if (this.#hasNoRatio(platform, others, metric)) return undefined
    return bounds([own[0] / median(theirs.map(([, high]) => high)), own[1] / median(theirs.map(([low]) => low))])
  }

  /** Whether a value of 0 leaves no ratio: one of the reference, or one that is not for the worse. */
  #hasNoRatio(platform: string, others: readonly string[], metric: Metric): boolean {
    const isZero = (name: string) => this.#values(name)?.[0] === 0
    return others.some(isZero) || (isZero(platform) && !isCollapse(metric))
  }

  #ordered(platform: string, others: readonly string[]): Bounds | undefined {
    for (const one of this.#all) {
      if (one.kind !== 'order') continue
      const rank = (name: string) => one.order.findIndex((group) => group.includes(name))
      const mine = rank(platform)
      const theirs = others.map(rank).filter((at) => at >= 0)
      if (mine < 0 || theirs.length < Math.min(2, others.length)) continue
      if (theirs.every((at) => at === mine)) return { low: -equal + epsilon, high: equal - epsilon, numbers: false }
      if (theirs.every((at) => mine < at)) return { low: -Infinity, high: -epsilon, numbers: false }
      if (theirs.every((at) => mine > at)) return { low: epsilon, high: Infinity, numbers: false }
    }
    return undefined
  }
}

/**
 * A stated value has no error, so it can equal a threshold. It satisfies a limit that it equals: 600 ms are at most
 * 600 ms. It violates an order: a platform at a ratio of 1 is neither better nor worse than the other one.
 */
function judgeStated(interval: Interval, rule: DecisionRule): Decision {
  const { low, high } = interval
  const decisions = [0, epsilon, -epsilon].map((by) => rule.judge({ ...interval, low: low + by, high: high + by }))
  const exact = decisions[0]!
  if (rule.isStrict) {
    const isEqual = Math.abs(low) < epsilon && Math.abs(high) < epsilon
    return (isEqual && decisions.find(({ outcome }) => outcome === 'contradicted')) || exact
  }
  return decisions.find(({ outcome }) => outcome === 'holds') ?? exact
}

/** If words alone do not decide, the source's number is needed. */
function judgeBounds(
  { low, high, numbers }: Bounds,
  rule: DecisionRule,
  estimate: (interval: Interval) => Estimate,
): ComparisonResult {
  const ends = [low, high].filter(Number.isFinite)
  const interval = { low, high, estimate: ends.reduce((sum, end) => sum + end, 0) / ends.length, n: 0 }
  const decision = judgeStated(interval, rule)
  if (decision.outcome === 'inconclusive' && !numbers) return notEvaluated({ code: 'no-published-number' })
  return {
    ...decision,
    ...(decision.outcome === 'inconclusive' && { reason: { code: 'interval-crosses-margin' } as const }),
    estimate: numbers ? estimate(interval) : null,
    published: true,
    tests: [],
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
  }
}
