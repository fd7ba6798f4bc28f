import { requireFinite } from './interval.ts'

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

/** Student's t: the parametric stand-in where ranks of few rounds cannot reach a small enough p-value. */

/**
 * P(T > t) with `df` degrees of freedom. Source: Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.3–4.
 */
function studentTail(t: number, df: number): number {
  const theta = Math.atan(Math.abs(t) / Math.sqrt(df))
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)]
  const odd = df % 2 === 1
  let term = odd ? cosine : 1
  let sum = df === 1 ? 0 : term
  for (let k = odd ? 3 : 2; k <= df - 2; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine
    sum += term
  }
  const within = odd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum
  const tail = Math.max(0, (1 - within) / 2)
  return t >= 0 ? tail : 1 - tail
}

/**
 * One-sided p-value of the mean of `d` against `shift`; 1 for fewer than two values. Exact for normal differences, and
 * on the cautious side for those with heavy symmetric tails. Differences without any spread give 0 or 1.
 * Source: Student, Biometrika 6 (1908) 1–25.
 * @throws RangeError on empty or non-finite input
 */
export function studentPValue(d: readonly number[], shift: number, side: 'greater' | 'less'): number {
  requireFinite(d, 'studentPValue')
  requireFinite([shift], 'studentPValue: shift')
  const n = d.length
  if (n < 2) return 1
  const mean = d.reduce((sum, value) => sum + value / n, 0)
  const variance = d.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  const distance = side === 'greater' ? mean - shift : shift - mean
  if (variance === 0) return distance > 0 ? 0 : 1
  return studentTail(distance / Math.sqrt(variance / n), n - 1)
}
