/** Many claims at once: adjusted p-values, to be compared with the rate that the whole family may err at. */

function requireProbabilities(p: readonly number[], what: string): void {
  p.forEach((value, i) => {
    if (!(value >= 0 && value <= 1)) throw new RangeError(`${what}: p-value ${i} is ${value}, expected 0 ≤ p ≤ 1`)
  })
}

/** The indices of `p` from the smallest to the largest value. */
function ascending(p: readonly number[]): number[] {
  return p.map((_, i) => i).sort((i, j) => p[i]! - p[j]!)
}

/**
 * Holm's adjusted p-values, in the order of the input. Rejecting where the result ≤ α keeps the chance of even one
 * false rejection ≤ α, under any dependence between the claims. An empty family gives an empty result.
 * Source: S. Holm, Scand. J. Stat. 6 (1979) 65–70; same as R's `p.adjust(p, 'holm')`.
 * @throws RangeError on a value outside [0, 1]
 */
export function holm(p: readonly number[]): number[] {
  requireProbabilities(p, 'holm')
  const adjusted = new Array<number>(p.length).fill(0)
  let most = 0
  ascending(p).forEach((index, rank) => {
    most = Math.max(most, Math.min(1, (p.length - rank) * p[index]!))
    adjusted[index] = most
  })
  return adjusted
}

/**
 * Benjamini–Hochberg adjusted p-values (q-values), in the order of the input. Rejecting where the result ≤ q keeps the
 * expected share of false rejections among all rejections ≤ q, for independent or positively dependent claims.
 * Source: Y. Benjamini & Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289–300; same as R's `p.adjust(p, 'BH')`.
 * @throws RangeError on a value outside [0, 1]
 */
export function benjaminiHochberg(p: readonly number[]): number[] {
  requireProbabilities(p, 'benjaminiHochberg')
  const adjusted = new Array<number>(p.length).fill(0)
  let least = 1
  const order = ascending(p)
  for (let rank = order.length; rank >= 1; rank--) {
    const index = order[rank - 1]!
    least = Math.min(least, (p.length / rank) * p[index]!)
    adjusted[index] = least
  }
  return adjusted
}
