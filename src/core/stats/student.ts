/** Student's t: the parametric stand-in where ranks of few rounds cannot reach a small enough p-value. */
import { requireFinite } from './check.ts'

/** P(T > t) with `df` degrees of freedom. Source: Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.3–4. */
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
 * One-sided p-value of the mean of `d` against `shift`; 1 for fewer than two values. Exact for normal differences, and on
 * the cautious side for those with heavy symmetric tails. Differences without any spread give 0 or 1.
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
