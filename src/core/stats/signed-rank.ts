import { type Interval, type IntervalOptions, requireAlpha, requireFinite, roundingTolerance } from './interval.ts'
import { quantileSorted } from './quantile.ts'

/**
 * Exact null distributions of the two rank statistics, by dynamic programming over sums of ranks.
 * All sums are of non-negative terms, so relative error stays near machine precision even far in the tail.
 */

/**
 * The distribution of Σ rᵢ·Bᵢ for fair coins Bᵢ: what the signed-rank statistic is under the null, given the ranks.
 * Source: F. Wilcoxon, Biometrics Bull. 1 (1945) 80–83; the recursion as in R's `csignrank` (src/nmath/signrank.c).
 * Cost: ranks.length · most additions at most (4 million for 200 untied ranks and all sums: about 10 ms).
 * @param ranks positive integers; mid-ranks are passed doubled
 * @param most the largest sum that is needed, because a small tail costs much less than the whole distribution
 * @returns P(sum = s) at index s, up to `most`
 */
function coinSumProbabilities(ranks: readonly number[], most: number): Float64Array {
  const probability = new Float64Array(most + 1)
  probability[0] = 1
  let reached = 0
  for (const rank of ranks) {
    addCoin(probability, rank, reached)
    reached += rank
  }
  return probability
}

/** Adds one rank, in place. `reached` is the sum of the ranks before. */
function addCoin(probability: Float64Array, rank: number, reached: number): void {
  for (let s = Math.min(reached + rank, probability.length - 1); s >= 0; s--) {
    probability[s] = 0.5 * (probability[s]! + (s >= rank ? probability[s - rank]! : 0))
  }
}

/** Turns probabilities into P(statistic ≤ s), in place. */
function cumulate(probability: Float64Array): Float64Array {
  for (let s = 1; s < probability.length; s++) probability[s] = Math.min(1, probability[s]! + probability[s - 1]!)
  return probability
}

const signedRankCache = new Map<number, Float64Array>()

/** P(W⁺ = w) of the largest n so far. Looks ask for ascending n, and each n continues the one before. */
let grown = { n: 0, probability: Float64Array.of(1) }

/**
 * P(W⁺ ≤ w) at index w, for n untied, non-zero differences; kept per n, as each claim of a run asks for the same few n.
 */
export function signedRankCdf(n: number): Float64Array {
  let cdf = signedRankCache.get(n)
  if (cdf === undefined) {
    cdf = cumulate(untiedProbabilities(n))
    signedRankCache.set(n, cdf)
  }
  return cdf
}

/** P(W⁺ = w) at index w, for n untied, non-zero differences. The caller may change it. */
function untiedProbabilities(n: number): Float64Array {
  const from = grown.n <= n ? grown : { n: 0, probability: Float64Array.of(1) }
  const probability = new Float64Array((n * (n + 1)) / 2 + 1)
  probability.set(from.probability)
  for (let rank = from.n + 1; rank <= n; rank++) addCoin(probability, rank, (rank * (rank - 1)) / 2)
  if (n > grown.n) grown = { n, probability: probability.slice() }
  return probability
}

const mannWhitneyCache = new Map<string, Float64Array>()

/**
 * P(U ≤ u) at index u for two untied samples of m and n values: the share of m-subsets of the ranks 1 … m + n with that
 * sum.
 * Source: H. B. Mann & D. R. Whitney, Ann. Math. Stat. 18 (1947) 50–60.
 * Cost: (m + n)·m·m·n additions at most (12 million for 50 and 50).
 */
export function mannWhitneyCdf(m: number, n: number): Float64Array {
  const [small, large] = m < n ? [m, n] : [n, m]
  const key = `${small} ${large}`
  let cdf = mannWhitneyCache.get(key)
  if (cdf !== undefined) return cdf
  const size = small * large
  // ways[k][u]: k of the ranks seen so far are taken, and their sum exceeds its least value k(k+1)/2 by u
  const ways = Array.from({ length: small + 1 }, () => new Float64Array(size + 1))
  ways[0]![0] = 1
  for (let rank = 1; rank <= small + large; rank++) {
    for (let k = Math.min(rank, small); k >= 1; k--) {
      const to = ways[k]!
      const from = ways[k - 1]!
      for (let u = rank - k; u <= size; u++) to[u] = to[u]! + from[u - (rank - k)]!
    }
  }
  const counts = ways[small]!
  const total = counts.reduce((sum, count) => sum + count, 0)
  cdf = cumulate(counts.map((count) => count / total))
  mannWhitneyCache.set(key, cdf)
  return cdf
}

/**
 * The largest k with P(statistic ≤ k − 1) ≤ alpha; 0 when even the most extreme outcome is likelier than alpha.
 * The k-th smallest of the averages (or differences) that the statistic counts is then a one-sided (1 − alpha) bound.
 */
export function criticalOrder(cdf: Float64Array, alpha: number): number {
  let low = 0
  let high = cdf.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (cdf[middle - 1]! <= alpha) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * The one-sample (paired) Wilcoxon signed-rank family: estimate, exact interval, exact p-value.
 *
 * `d` are differences of pairs, for isobench ln(platform / native) per round, in log units. The only assumption is that
 * they are independent and symmetric about their centre; interleaved pairs with the same noise are. No normality. Where
 * only the platform has tails, d is skewed and the centre is the pseudomedian, which counts part of the tails: they are
 * its cost too.
 * Source: M. Hollander, D. A. Wolfe & E. Chicken, "Nonparametric Statistical Methods", 3rd ed. (2014), sections
 * 3.1–3.3.
 */

/** The n(n+1)/2 averages (dᵢ + dⱼ)/2, i ≤ j, ascending. Halves are added, so that huge values don't overflow. */
function walshAverages(d: readonly number[]): Float64Array {
  const averages = new Float64Array((d.length * (d.length + 1)) / 2)
  let next = 0
  for (let i = 0; i < d.length; i++) {
    averages[next++] = d[i]!
    for (let j = 0; j < i; j++) averages[next++] = d[i]! / 2 + d[j]! / 2
  }
  return averages.sort()
}

/**
 * The Hodges–Lehmann estimate of the centre: the median of the Walsh averages, in the unit of `d`.
 * Source: J. L. Hodges & E. L. Lehmann, Ann. Math. Stat. 34 (1963) 598–611.
 * @throws RangeError on empty or non-finite input
 */
export function hodgesLehmann(d: readonly number[]): number {
  requireFinite(d, 'hodgesLehmann')
  return quantileSorted(walshAverages(d), 0.5)
}

/**
 * The Hodges–Lehmann estimate between exact one-sided (1 − alpha) bounds, in the unit of `d`.
 *
 * The bounds are the k-th smallest and k-th largest Walsh average, k from the exact null distribution of W⁺ (J. W.
 * Tukey 1949; Hollander et al., section 3.3). So `low > θ` exactly when `signedRankPValue(d, θ, 'greater') ≤ alpha` if
 * there are no ties; with ties the closed interval still covers at least as often as promised (G. E. Noether, JASA 62
 * (1967) 184–188).
 * When 2^-n > alpha no finite bound exists: low = −Infinity, high = Infinity (n < 5 at alpha 0.05). Time and memory
 * grow as n² (and n³ at most once per n for the distribution): meant for n up to some hundreds.
 * @throws RangeError on empty or non-finite input, or alpha outside (0, 0.5]
 */
export function signedRankInterval(d: readonly number[], { alpha = 0.05 }: IntervalOptions = {}): Interval {
  requireFinite(d, 'signedRankInterval')
  requireAlpha(alpha)
  const averages = walshAverages(d)
  const estimate = quantileSorted(averages, 0.5)
  const k = criticalOrder(signedRankCdf(d.length), alpha)
  if (k === 0) return { estimate, low: -Infinity, high: Infinity, n: d.length }
  // rounding in the interpolated median may put it a last bit outside bounds that are themselves single averages
  const low = Math.min(averages[k - 1]!, estimate)
  const high = Math.max(averages[averages.length - k]!, estimate)
  return { estimate, low, high, n: d.length }
}

/**
 * The exact one-sided p-value for "centre > shift" (`'greater'`) or "centre < shift" (`'less'`).
 *
 * Ties get mid-ranks and the p-value is that of the permutation distribution given those ranks (as coin's
 * `wilcoxsign_test(distribution = 'exact')`). Zeros follow Pratt: they take part in the ranking, then lose their rank;
 * dropping them first (Wilcoxon) can make the p-value fall while the evidence shrinks. All zero: 1.
 * Source: J. W. Pratt, JASA 54 (1959) 655–667. Cost: as {@link coinSumProbabilities}.
 * @param shift in the unit of `d`, which is about 1: differences below 1e-12 are rounding
 * @throws RangeError on empty or non-finite input
 */
export function signedRankPValue(d: readonly number[], shift: number, side: 'greater' | 'less'): number {
  requireFinite(d, 'signedRankPValue')
  requireFinite([shift], 'signedRankPValue: shift')
  const flip = side === 'greater' ? 1 : -1
  const moved = d.map((value) => flip * (value - shift))
  // Subtracting the shift must not break ties, nor move a difference off the shift.
  const largest = d.reduce((most, value) => Math.max(most, Math.abs(value)), Math.max(1, Math.abs(shift)))
  const tolerance = roundingTolerance * largest
  const { ranks, positive } = doubledRanks(moved, tolerance)
  if (ranks.length === 0) return 1
  // P(W⁺ ≥ w) = P(W⁺ ≤ total − w): the distribution is symmetric, and the lower tail is summed from its small end
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const untied = ranks.length === d.length && ranks.every((rank, i) => rank === 2 * (i + 1))
  if (untied) return signedRankCdf(d.length)[(total - positive) / 2]!
  // Both tails have the same distribution. The shorter one costs less.
  return 2 * positive > total ? lowerTail(ranks, total - positive) : 1 - lowerTail(ranks, positive - 1)
}

/** P(sum ≤ most) of coins with these ranks. */
const lowerTail = (ranks: readonly number[], most: number): number =>
  most < 0 ? 0 : coinSumProbabilities(ranks, most).reduce((sum, probability) => sum + probability, 0)

/** Twice the mid-ranks of the non-zero magnitudes, ascending, and the sum of the ranks of positive values. */
function doubledRanks(values: readonly number[], tolerance: number): { ranks: number[]; positive: number } {
  const order = [...values].sort((a, b) => Math.abs(a) - Math.abs(b))
  const ranks: number[] = []
  let positive = 0
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && Math.abs(order[to]!) - Math.abs(order[to - 1]!) <= tolerance) to++
    const isZero = Math.abs(order[from]!) <= tolerance
    for (let i = from; i < to && !isZero; i++) {
      ranks.push(from + 1 + to)
      if (order[i]! > 0) positive += from + 1 + to
    }
    from = to
  }
  return { ranks, positive }
}
