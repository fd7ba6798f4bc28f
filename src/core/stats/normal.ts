/** The standard normal distribution. */

/** φ(x). */
export function normalDensity(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)
}

/**
 * Φ(x), absolute error < 1e-15: the series ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …).
 * Source: G. Marsaglia, "Evaluating the Normal Distribution", J. Stat. Softw. 11(4) (2004).
 */
export function normalCdf(x: number): number {
  if (x < -8) return 0
  if (x > 8) return 1
  let sum = x
  let term = x
  for (let i = 3; ; i += 2) {
    term *= (x * x) / i
    if (sum + term === sum) break
    sum += term
  }
  return 0.5 + sum * normalDensity(x)
}

/**
 * Φ⁻¹(p) by bisection of {@link normalCdf} on ±8; absolute error < 1e-9 for 1e-6 ≤ p ≤ 1 − 1e-6.
 * @throws RangeError unless 0 < p < 1
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`normalQuantile: expected 0 < p < 1, got ${p}`)
  return bisect((x) => normalCdf(x) < p, -8, 8)
}

/** The x in [low, high] where `isBelow` turns from true to false, to the last bit that halving reaches. */
export function bisect(isBelow: (x: number) => boolean, low: number, high: number): number {
  let from = low
  let to = high
  for (let i = 0; i < 60; i++) {
    const middle = (from + to) / 2
    if (isBelow(middle)) from = middle
    else to = middle
  }
  return (from + to) / 2
}
