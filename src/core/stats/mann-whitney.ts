import { beyond, type Interval, type IntervalOptions, requireAlpha, requireFinite } from './interval.ts'
import { normalCdf, normalQuantile } from './normal.ts'
import { quantileSorted } from './quantile.ts'
import { criticalOrder, mannWhitneyCdf } from './signed-rank.ts'

/** Two independent samples: for comparing two run records. Rounds of different records are not pairs. */

/** Up to this many values in each sample the Mann–Whitney distribution is exact; beyond, it is normal. */
export const EXACT_UP_TO = 50

/**
 * How many times larger `a` is than `b`: the Hodges–Lehmann shift of ln a against ln b, and its Mann–Whitney bounds,
 * both put through exp. `{ estimate: 1.1 }` says that a is 10 % above b. Symmetric noise isn't needed, only that the
 * two distributions of logs differ by a shift.
 *
 * low and high are one-sided (1 − alpha) bounds; 0 and Infinity when the samples are too small for finite ones. `n` is
 * the size of the smaller sample. Ties make the interval wider than promised, never narrower (G. E. Noether, JASA 62
 * (1967) 184–188).
 * Sources: Hodges & Lehmann, Ann. Math. Stat. 34 (1963) 598–611; Hollander, Wolfe & Chicken, "Nonparametric Statistical
 * Methods", 3rd ed. (2014), sections 4.2–4.3.
 * Normal form, with continuity correction: k = ⌊mn/2 + ½ − z·√(mn(m+n+1)/12)⌋.
 * @throws RangeError on empty samples, values that aren't finite and > 0, or alpha outside (0, 0.5]
 */
export function ratioInterval(
  a: readonly number[],
  b: readonly number[],
  { alpha = 0.05 }: IntervalOptions = {},
): Interval {
  requireAlpha(alpha)
  const logA = logs(a, 'ratioInterval: first sample')
  const logB = logs(b, 'ratioInterval: second sample')
  const differences = new Float64Array(a.length * b.length)
  let next = 0
  for (const x of logA) for (const y of logB) differences[next++] = x - y
  differences.sort()
  const estimate = Math.exp(quantileSorted(differences, 0.5))
  const n = Math.min(a.length, b.length)
  const k = shiftBoundOrder(a.length, b.length, alpha)
  if (k === 0) return { estimate, low: 0, high: Infinity, n }
  const low = Math.exp(differences[k - 1]!)
  const high = Math.exp(differences[differences.length - k]!)
  return { estimate, low: Math.min(low, estimate), high: Math.max(high, estimate), n }
}

/**
 * The one-sided Mann–Whitney p-value against the null that `a` is at most `ratio` times `b` (`greater`), or at least
 * that (`less`). Pairs that lie exactly at the ratio count against rejecting, so `low > ratio` of {@link ratioInterval}
 * exactly when the p-value is ≤ alpha.
 * Source: H. B. Mann & D. R. Whitney, Ann. Math. Stat. 18 (1947) 50–60.
 * @throws RangeError as {@link ratioInterval}, or when ratio isn't > 0
 */
export function ratioPValue(
  a: readonly number[],
  b: readonly number[],
  ratio: number,
  side: 'greater' | 'less',
): number {
  if (!(ratio > 0)) throw new RangeError(`ratioPValue: expected a ratio > 0, got ${ratio}`)
  if (side === 'less') return ratioPValue(b, a, 1 / ratio, 'greater')
  const logA = logs(a, 'ratioPValue: first sample')
  const logB = logs(b, 'ratioPValue: second sample')
  const shift = Math.log(ratio)
  let against = 0
  for (const x of logA) for (const y of logB) if (!beyond(x - y, shift)) against++
  const [m, n] = [a.length, b.length]
  if (m <= EXACT_UP_TO && n <= EXACT_UP_TO) return mannWhitneyCdf(m, n)[against]!
  return Math.min(1, normalCdf((against + 0.5 - (m * n) / 2) / Math.sqrt((m * n * (m + n + 1)) / 12)))
}

function shiftBoundOrder(m: number, n: number, alpha: number): number {
  if (m <= EXACT_UP_TO && n <= EXACT_UP_TO) return criticalOrder(mannWhitneyCdf(m, n), alpha)
  const deviation = Math.sqrt((m * n * (m + n + 1)) / 12)
  return Math.max(0, Math.floor((m * n) / 2 + 0.5 + normalQuantile(alpha) * deviation))
}

function logs(values: readonly number[], what: string): number[] {
  requireFinite(values, what)
  return values.map((value, i) => {
    if (value <= 0) throw new RangeError(`${what}: value ${i} is ${value}, a ratio needs values > 0`)
    return Math.log(value)
  })
}
