/** Guards that every entry point of this module shares: statistics of nothing, or of NaN, are errors, never numbers. */

/**
 * @throws RangeError when `values` is empty or holds a NaN or an infinity; `what` names the argument in the message.
 */
export function requireFinite(values: readonly number[], what: string): void {
  if (values.length === 0) throw new RangeError(`${what}: at least one value is needed, got none`)
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new RangeError(`${what}: value ${i} is ${values[i]}, expected a finite number`)
  }
}

/**
 * @throws RangeError unless 0 < alpha ≤ 0.5: one-sided error rates above a half would put the low bound over the high.
 */
export function requireAlpha(alpha: number): void {
  if (!(alpha > 0 && alpha <= 0.5)) throw new RangeError(`alpha: expected 0 < alpha ≤ 0.5, got ${alpha}`)
}

/**
 * How much a difference may be off by rounding alone. Differences are logarithms of ratios, or shares of a limit, so
 * the last bit of the values moves them by about 1e-16 of 1.
 */
export const roundingTolerance = 1e-12

/**
 * Whether a bound is really above a threshold, not by rounding alone: ln(105 / 100) exceeds ln(1 + 5 %) by 7e-18.
 * Every comparison of a bound with a threshold goes through here, so a value exactly at the threshold is undecided.
 * @param value,threshold logarithms of ratios, or other numbers without a unit
 */
export const beyond = (value: number, threshold: number): boolean => value - threshold > roundingTolerance

/** @throws RangeError unless `value` is an integer ≥ `least`. */
export function requireCount(value: number, least: number, what: string): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${what}: expected an integer ≥ ${least}, got ${value}`)
  }
}

/**
 * An estimate between two one-sided bounds.
 *
 * Each bound alone is missed with probability ≤ alpha, so `[low, high]` is a (1 − 2·alpha) interval: 90 % at the
 * default alpha of 0.05. This is the form that non-inferiority and equivalence tests need.
 * Source: D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657–680.
 */
export interface Interval {
  /** In the unit of the input (for `ratioInterval`: a plain ratio). */
  readonly estimate: number
  /** Lower one-sided (1 − alpha) bound; −Infinity (0 for a ratio) when there is too little data for a finite one. */
  readonly low: number
  /** Upper one-sided (1 − alpha) bound; +Infinity when there is too little data for a finite one. */
  readonly high: number
  /** How many values the interval rests on (for two samples: the size of the smaller one). */
  readonly n: number
}

export interface IntervalOptions {
  /** One-sided error rate of each bound, 0 < alpha ≤ 0.5; default 0.05. */
  readonly alpha?: number
}
