/**
 * Exact null distributions of the two rank statistics, by dynamic programming over sums of ranks.
 * All sums are of non-negative terms, so relative error stays near machine precision even far in the tail.
 */

/**
 * The distribution of Σ rᵢ·Bᵢ for fair coins Bᵢ: what the signed-rank statistic is under the null, given the ranks.
 * Source: F. Wilcoxon, Biometrics Bull. 1 (1945) 80–83; the recursion as in R's `csignrank` (src/nmath/signrank.c).
 * Cost: ranks.length · Σ ranks additions (4 million for 200 untied ranks: about 10 ms).
 * @param ranks positive integers; mid-ranks are passed doubled
 * @returns P(sum = s) at index s
 */
export function coinSumProbabilities(ranks: readonly number[]): Float64Array {
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const probability = new Float64Array(total + 1)
  probability[0] = 1
  let reached = 0
  for (const rank of ranks) {
    reached += rank
    for (let s = reached; s >= 0; s--) {
      probability[s] = 0.5 * (probability[s]! + (s >= rank ? probability[s - rank]! : 0))
    }
  }
  return probability
}

/** Turns probabilities into P(statistic ≤ s), in place. */
function cumulate(probability: Float64Array): Float64Array {
  for (let s = 1; s < probability.length; s++) probability[s] = Math.min(1, probability[s]! + probability[s - 1]!)
  return probability
}

const signedRankCache = new Map<number, Float64Array>()

/**
 * P(W⁺ ≤ w) at index w, for n untied, non-zero differences; kept per n, as each claim of a run asks for the same few n.
 */
export function signedRankCdf(n: number): Float64Array {
  let cdf = signedRankCache.get(n)
  if (cdf === undefined) {
    cdf = cumulate(coinSumProbabilities(Array.from({ length: n }, (_, i) => i + 1)))
    signedRankCache.set(n, cdf)
  }
  return cdf
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
