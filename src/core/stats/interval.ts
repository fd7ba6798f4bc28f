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
  /** How many values the interval rests on (for two samples: their sum). */
  readonly n: number
}

export interface IntervalOptions {
  /** One-sided error rate of each bound, 0 < alpha ≤ 0.5; default 0.05. */
  readonly alpha?: number
}
