import { requireFinite } from './interval.ts'

/** Order statistics of one sample, all in the unit of the input. */

/** A sorted copy in the array type that sorts numbers as numbers. */
export function sorted(values: readonly number[] | Float64Array): Float64Array {
  return Float64Array.from(values).sort()
}

/** The type 7 quantile of values that are sorted already; no checks. */
export function quantileSorted(ascending: Float64Array, p: number): number {
  const at = (ascending.length - 1) * p
  const below = Math.floor(at)
  const low = ascending[below]!
  const high = ascending[Math.min(below + 1, ascending.length - 1)]!
  return low === high ? low : low + (at - below) * (high - low)
}

/**
 * The p-quantile by linear interpolation of order statistics: "type 7", the default of R, NumPy and Excel.
 * Source: R. J. Hyndman & Y. Fan, The American Statistician 50 (1996) 361–365, definition 7.
 * @param p in [0, 1]; 0.99 for a p99
 * @throws RangeError on empty or non-finite values, or p outside [0, 1]
 */
export function quantile(values: readonly number[], p: number): number {
  requireFinite(values, 'quantile')
  if (!(p >= 0 && p <= 1)) throw new RangeError(`quantile: expected 0 ≤ p ≤ 1, got ${p}`)
  return quantileSorted(sorted(values), p)
}

/** The middle value, or the mean of the middle two. @throws RangeError on empty or non-finite values */
export function median(values: readonly number[]): number {
  requireFinite(values, 'median')
  return quantileSorted(sorted(values), 0.5)
}

/**
 * The median absolute deviation from the median, raw: not scaled by 1.4826 to estimate a standard deviation.
 * Source: F. R. Hampel, JASA 69 (1974) 383–393.
 * @throws RangeError on empty or non-finite values
 */
export function mad(values: readonly number[]): number {
  const centre = median(values)
  return median(values.map((value) => Math.abs(value - centre)))
}

/**
 * A value further from the median than this many raw MADs is an outlier: ten standard deviations of a normal sample.
 */
export const OUTLIER_MADS = 1.4826 * 10

/**
 * How many values lie more than {@link OUTLIER_MADS} raw MADs from the median. For display: outliers are never deleted,
 * because medians and ranks carry them.
 *
 * This is hyperfine's rule to the letter (sharkdp/hyperfine, src/outlier_detection.rs): score = (x − median) / MAD,
 * with *no* factor 0.6745, against 1.4826 · 10; and when the MAD is 0, whatever differs from the median is an outlier.
 * Background: B. Iglewicz & D. Hoaglin, "How to Detect and Handle Outliers", ASQC (1993), who use 0.6745·|x −
 * median|/MAD > 3.5.
 * @throws RangeError on empty or non-finite values
 */
export function countOutliers(values: readonly number[]): number {
  const centre = median(values)
  const limit = OUTLIER_MADS * mad(values)
  return values.filter((value) => Math.abs(value - centre) > limit).length
}
