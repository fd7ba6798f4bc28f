import type { Matcher, Reference } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { PublishedResult } from '../model/plan-schema.ts'
import { median } from '../stats/index.ts'
import { asRatio, asValue, type DecisionRule } from './rules.ts'
import { worseSign } from './samples.ts'
import { type ComparisonResult, notEvaluated } from './tests.ts'

/** What a source states in words or numbers, without samples: a paper's text, say. */

/** What is called equal, or on par, is within 5 %: the vocabulary of docs/findings.md. */
const equal = Math.log(1.05)
/** Tells one side of a margin from the other. */
const least = 1e-9

interface Bounds {
  readonly low: number
  readonly high: number
  /** Whether it comes from numbers; else from words alone. */
  readonly numbers: boolean
}

/** The statements of one metric at one point, or at those of a series. */
export class PublishedResults {
  readonly #all: readonly PublishedResult[]

  constructor(all: readonly PublishedResult[], points: readonly string[], metric: string) {
    this.#all = all.filter((one) => points.includes(one.case) && one.metric === metric)
  }

  /** A platform against a reference by what is stated; undefined where nothing is. */
  against(
    platform: string,
    reference: Reference,
    metric: Metric,
    rule: DecisionRule,
    of: string,
  ): ComparisonResult | undefined {
    const others = (reference.medianOf ?? [reference.platform]).filter((name) => name !== platform)
    const bounds = this.#ratio(platform, others, metric) ?? this.#ordered(platform, others)
    return bounds && judgeBounds(bounds, rule, of, (interval) => asRatio(interval, metric))
  }

  /** A platform against a limit in the metric's unit. */
  value(platform: string, limit: number, metric: Metric, rule: DecisionRule): ComparisonResult | undefined {
    const stated = this.#values(platform)
    if (!stated) return undefined
    const [low, high] = stated.map((value) => worseSign(metric) * (value - limit)).sort((a, b) => a - b) as [
      number,
      number,
    ]
    return judgeBounds({ low, high, numbers: true }, rule, metric.unit, (interval) => asValue(interval, metric, limit))
  }

  /** Where over a parameter a platform is best, against where it is claimed to be. */
  peak(
    platform: string,
    { over, from, to }: Extract<Matcher, { readonly kind: 'peaksAt' }>,
  ): ComparisonResult | undefined {
    const found = this.#all.find((one) => one.kind === 'peak' && one.platform === platform && one.over === over)
    if (found?.kind !== 'peak') return undefined
    const [low, high] = found.at
    const verdict =
      low >= from && high <= to ? 'holds' : high < from || low > to ? 'contradicted' : ('inconclusive' as const)
    return {
      verdict,
      direction: verdict === 'contradicted' ? 'worse' : null,
      reason: verdict === 'inconclusive' ? 'interval-crosses-margin' : null,
      measured: { estimate: (low + high) / 2, low, high, rounds: 0 },
      of: `${over}, as stated`,
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

  /** By a ratio that is stated, or by two values; of a median, by the values of two members or more. */
  #ratio(platform: string, others: readonly string[], metric: Metric): Bounds | undefined {
    const sign = worseSign(metric)
    const bounds = ([low, high]: readonly [number, number]): Bounds => {
      const [a, b] = [sign * Math.log(low), sign * Math.log(high)]
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
    return bounds([own[0] / median(theirs.map(([, high]) => high)), own[1] / median(theirs.map(([low]) => low))])
  }

  #ordered(platform: string, others: readonly string[]): Bounds | undefined {
    for (const one of this.#all) {
      if (one.kind !== 'order') continue
      const rank = (name: string) => one.order.findIndex((group) => group.includes(name))
      const mine = rank(platform)
      const theirs = others.map(rank).filter((at) => at >= 0)
      if (mine < 0 || theirs.length < Math.min(2, others.length)) continue
      if (theirs.every((at) => at === mine)) return { low: -equal + least, high: equal - least, numbers: false }
      if (theirs.every((at) => mine < at)) return { low: -Infinity, high: -least, numbers: false }
      if (theirs.every((at) => mine > at)) return { low: least, high: Infinity, numbers: false }
    }
    return undefined
  }
}

/** A statement that does not reach the margin needs the figure that its source may show, and nobody has read. */
function judgeBounds(
  { low, high, numbers }: Bounds,
  rule: DecisionRule,
  of: string,
  measured: (interval: { low: number; high: number; estimate: number; n: number }) => ComparisonResult['measured'],
): ComparisonResult {
  const ends = [low, high].filter(Number.isFinite)
  const interval = { low, high, estimate: ends.reduce((sum, end) => sum + end, 0) / ends.length, n: 0 }
  // What is stated lies at a limit as well as inside it: 600 ms are at most 600 ms.
  const outcomes = [0, least, -least].map((by) => rule.judge({ ...interval, low: low + by, high: high + by }))
  const outcome = outcomes.find(({ verdict }) => verdict === 'holds') ?? outcomes[0]!
  if (outcome.verdict === 'inconclusive' && !numbers) return notEvaluated('no-published-number')
  return {
    ...outcome,
    ...(outcome.verdict === 'inconclusive' && { reason: 'interval-crosses-margin' as const }),
    measured: numbers ? measured(interval) : null,
    of: numbers ? `${of}, as stated` : '',
    tests: [],
    extraRoundsNeeded: null,
    interval: null,
    margin: null,
    ...(!numbers && { seen: 'by the order that is stated' }),
  }
}
