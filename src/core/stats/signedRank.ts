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
import { requireAlpha, requireFinite } from './check.ts'
import type { Interval, IntervalOptions } from './interval.ts'
import { coinSumProbabilities, criticalOrder, signedRankCdf } from './nullDistribution.ts'
import { quantileSorted } from './quantile.ts'

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
 * grow as n² (and n³ once per n for the distribution): meant for n up to some hundreds.
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

/** Differences closer than this share of the largest magnitude are ties: subtracting the shift must not break them. */
const TIE_TOLERANCE = 1e-12

/**
 * The exact one-sided p-value for "centre > shift" (`'greater'`) or "centre < shift" (`'less'`).
 *
 * Ties get mid-ranks and the p-value is that of the permutation distribution given those ranks (as coin's
 * `wilcoxsign_test(distribution = 'exact')`). Zeros follow Pratt: they take part in the ranking, then lose their rank;
 * dropping them first (Wilcoxon) can make the p-value fall while the evidence shrinks. All zero: 1.
 * Source: J. W. Pratt, JASA 54 (1959) 655–667. Cost: as {@link coinSumProbabilities}.
 * @param shift in the unit of `d`
 * @throws RangeError on empty or non-finite input
 */
export function signedRankPValue(d: readonly number[], shift: number, side: 'greater' | 'less'): number {
  requireFinite(d, 'signedRankPValue')
  requireFinite([shift], 'signedRankPValue: shift')
  const flip = side === 'greater' ? 1 : -1
  const moved = d.map((value) => flip * (value - shift))
  const tolerance = TIE_TOLERANCE * d.reduce((most, value) => Math.max(most, Math.abs(value)), Math.abs(shift))
  const { ranks, positive } = doubledRanks(moved, tolerance)
  if (ranks.length === 0) return 1
  // P(W⁺ ≥ w) = P(W⁺ ≤ total − w): the distribution is symmetric, and the lower tail is summed from its small end
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const untied = ranks.length === d.length && ranks.every((rank, i) => rank === 2 * (i + 1))
  if (untied) return signedRankCdf(d.length)[(total - positive) / 2]!
  const probability = coinSumProbabilities(ranks)
  let p = 0
  for (let s = 0; s <= total - positive; s++) p += probability[s]!
  return Math.min(1, p)
}

/** Twice the mid-ranks of the magnitudes that aren't zero, ascending, and the sum of those whose value is positive. */
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
