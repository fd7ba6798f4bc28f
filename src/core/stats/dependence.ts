import { regularizedBeta } from './beta.ts'
import { requireFinite, roundingTolerance } from './interval.ts'
import { normalCdf } from './normal.ts'
import { median } from './quantile.ts'

/**
 * Whether consecutive rounds depend on each other. Every interval and test of this module assumes that they do not.
 * T. Kalibera and R. Jones (ISMM 2013) make this check the first step of an evaluation.
 */

/** With fewer rounds the tests have almost no power. */
export const minRoundsForDependence = 10

/** How often independent rounds are called dependent. The two tests share it. */
const dependenceAlpha = 0.01

export interface Dependence {
  /** Whether independent rounds would look like this in less than 1 % of cases. */
  readonly isDependent: boolean
  /** The correlation of the ranks of neighboring rounds, -1 to 1. */
  readonly correlation: number
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
export function testDependence(d: readonly number[], tests = 1): Dependence | undefined {
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

/** Mid-ranks. Values that differ in the last bit only are equal: quantized values are ties. */
function midRanks(values: readonly number[]): number[] {
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
