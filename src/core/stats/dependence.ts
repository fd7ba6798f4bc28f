import { regularizedBeta } from './beta.ts'
import { requireFinite, roundingTolerance } from './interval.ts'
import { normalCdf } from './normal.ts'
import { median } from './quantile.ts'
import { seeded } from './random.ts'

/**
 * Whether consecutive rounds depend on each other. Every interval and test of this module assumes that they do not.
 * T. Kalibera and R. Jones (ISMM 2013) make this check the first step of an evaluation.
 */

/** With fewer rounds the tests have almost no power. */
export const minRoundsForDependence = 10

/** How often independent rounds are called dependent. All tests of a comparison share it. */
const dependenceAlpha = 0.01

export interface Dependence {
  /** Whether independent rounds would look like this in less than 1 % of cases, over all tests of the comparison. */
  readonly isDependent: boolean
  /** The correlation of the ranks of neighboring rounds, -1 to 1. */
  readonly correlation: number
}

/** What the differences of one comparison show. */
export interface OwnDependence extends Dependence {
  /** How far the differences move from the first round to the last one, in their own unit. */
  readonly drift: number
}

/**
 * Tests the differences of consecutive rounds for correlation of neighbors and for a trend.
 * @param d in the order of the rounds
 * @param tests how many such tests the caller makes at once (Bonferroni)
 * @returns undefined for fewer than ten rounds
 * @throws RangeError on non-finite input
 */
export function testDependence(d: readonly number[], tests = 1): OwnDependence | undefined {
  if (d.length < minRoundsForDependence) return undefined
  requireFinite(d, 'testDependence')
  const ratio = vonNeumannRatio(d)
  const least = Math.min(ratioPValue(ratio, d.length), trendPValue(d))
  return {
    isDependent: 2 * tests * least <= dependenceAlpha,
    correlation: 1 - ratio / 2,
    drift: theilSenSlope(d) * (d.length - 1),
  }
}

/** Permutations of the rounds. The smallest p-value is far below the rate of each test. */
const permutations = 1999

/** A p-value is known well enough after so many permutations that are at least as extreme. */
const enoughExtremes = 20

/**
 * Tests several comparisons of the same rounds together, because one comparison of ten rounds shows little.
 *
 * The statistics are the sums over the comparisons of von Neumann's ratio and of the squared rank correlation with
 * time. Their distribution is that over permutations of the rounds, the same permutation for all comparisons. So the
 * test keeps its rate if the comparisons depend on each other, as those with the same reference do.
 * Sources: A. Wald and J. Wolfowitz, Ann. Math. Stat. 14 (1943) 378-388, for permuting a series; F. Pesarin and
 * L. Salmaso, "Permutation Tests for Complex Data" (2010), for permuting dependent ones together; J. Besag and
 * P. Clifford, Biometrika 78 (1991) 301-304, for stopping early.
 * @param all the differences of each comparison, in the order of the same rounds
 * @param tests how many such tests the caller makes at once (Bonferroni)
 * @returns undefined for fewer than ten rounds or two comparisons
 * @throws RangeError on non-finite input, or on comparisons of unequal length
 */
export function testJointDependence(all: readonly (readonly number[])[], tests = 1): Dependence | undefined {
  const n = all[0]?.length ?? 0
  if (all.length < 2 || n < minRoundsForDependence) return undefined
  const products = productsOfRounds(all, n)
  const order = Array.from({ length: n }, (_, round) => round)
  const [path, trend] = [pathLength(products, order), squaredTrend(products, order)]
  const random = seeded(`rounds ${n}`)
  let [shorter, steeper, drawn] = [0, 0, 0]
  while (drawn < permutations && (shorter < enoughExtremes || steeper < enoughExtremes)) {
    drawn++
    permute(order, random)
    if (pathLength(products, order) <= path + roundingTolerance) shorter++
    if (squaredTrend(products, order) >= trend - roundingTolerance) steeper++
  }
  const least = (Math.min(shorter, steeper) + 1) / (drawn + 1)
  return { isDependent: 2 * tests * least <= dependenceAlpha, correlation: 1 - path / all.length / 2 }
}

/** The sum over the comparisons of the products of two rounds' ranks, which are centered and scaled to a norm of 1. */
function productsOfRounds(all: readonly (readonly number[])[], n: number): readonly Float64Array[] {
  const products = Array.from({ length: n }, () => new Float64Array(n))
  for (const d of all) {
    requireFinite(d, 'testJointDependence')
    if (d.length !== n) throw new RangeError(`testJointDependence: expected ${n} rounds, got ${d.length}`)
    const centered = midRanks(d).map((rank) => rank - (n + 1) / 2)
    // Without any spread every order is equally likely.
    const spread = centered.reduce((sum, rank) => sum + rank ** 2, 0) || 1
    for (const [i, row] of products.entries())
      for (let j = 0; j < n; j++) row[j] = row[j]! + (centered[i]! * centered[j]!) / spread
  }
  return products
}

/** The sum of von Neumann's ratios: the squared distances of neighboring rounds. */
function pathLength(products: readonly Float64Array[], order: readonly number[]): number {
  let sum = 0
  for (let at = 1; at < order.length; at++) {
    const [a, b] = [order[at - 1]!, order[at]!]
    sum += products[a]![a]! + products[b]![b]! - 2 * products[a]![b]!
  }
  return sum
}

/** The sum of the squared products of ranks and time. */
function squaredTrend(products: readonly Float64Array[], order: readonly number[]): number {
  const middle = (order.length - 1) / 2
  let sum = 0
  for (const [i, round] of order.entries()) {
    const row = products[round]!
    let inner = 0
    for (let j = 0; j < order.length; j++) inner += (j - middle) * row[order[j]!]!
    sum += (i - middle) * inner
  }
  return sum
}

/** Fisher and Yates' shuffle, in place. */
function permute(order: number[], random: () => number): void {
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[order[at], order[other]] = [order[other]!, order[at]!]
  }
}

/**
 * Ranks from 1; equal values share the mean of their ranks. Values that differ in the last bit only are equal:
 * quantized values are ties.
 */
export function midRanks(values: readonly number[]): number[] {
  const order = values.map((value, at) => ({ value, at })).sort((a, b) => a.value - b.value)
  const ranks = new Array<number>(values.length).fill(0)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && order[to]!.value - order[to - 1]!.value <= roundingTolerance) to++
    for (let i = from; i < to; i++) ranks[order[i]!.at] = (from + 1 + to) / 2
    from = to
  }
  return ranks
}

/**
 * The rank version of von Neumann's ratio: about 2 for independent rounds, less if neighbors are alike; 2 without any
 * spread. Source: R. Bartels, JASA 77 (1982) 40-46.
 */
function vonNeumannRatio(d: readonly number[]): number {
  const ranks = midRanks(d)
  const mean = (d.length + 1) / 2
  const spread = ranks.reduce((sum, rank) => sum + (rank - mean) ** 2, 0)
  if (spread === 0) return 2
  return ranks.slice(1).reduce((sum, rank, at) => sum + (rank - ranks[at]!) ** 2, 0) / spread
}

/** P(ratio ≤ observed) by the beta approximation of Bartels' section 2, which he recommends from ten values on. */
function ratioPValue(ratio: number, n: number): number {
  const shape = (5 * n * (n + 1) * (n - 1) ** 2) / (2 * (n - 2) * (5 * n * n - 2 * n - 9)) - 0.5
  return regularizedBeta(ratio / 4, shape, shape)
}

/**
 * Two-sided p-value of a trend: the number of pairs that rise minus the number that fall. Ties count as neither, which
 * makes the test cautious. Source: H. B. Mann, Econometrica 13 (1945) 245-259.
 */
function trendPValue(d: readonly number[]): number {
  const n = d.length
  let score = 0
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      const rise = d[i]! - d[j]!
      if (Math.abs(rise) > roundingTolerance) score += Math.sign(rise)
    }
  const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  const z = Math.max(0, Math.abs(score) - 1) / deviation
  return Math.min(1, 2 * normalCdf(-z))
}

/** The median slope of all pairs, per round. Source: P. K. Sen, JASA 63 (1968) 1379-1389. */
function theilSenSlope(d: readonly number[]): number {
  return median(d.flatMap((value, i) => d.slice(0, i).map((before, j) => (value - before) / (i - j))))
}
