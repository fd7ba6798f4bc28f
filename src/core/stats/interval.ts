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
