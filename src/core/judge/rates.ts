/**
 * How often a verdict may be wrong. What is promised at the margin says little of platforms that are equal: where the noise
 * is great against the margin, equal platforms lie as good as at it. So each promise is a test of its own, and what fails a
 * run has passed them all (an intersection–union test: R. L. Berger, Technometrics 24 (1982) 295–300, by which no further
 * correction is due). docs/statistics.md has what this costs.
 */

/** Of one claim. */
export const perClaimAlpha = {
  /** When the truth lies at the margin, to either side. */
  atMargin: 0.05,
  /** Contradicted though the truth lies at half of the margin. */
  atHalf: 0.005,
} as const

/** Of even one claim of a run that fails it. */
export const familywiseAlpha = {
  /** When the truth of each lies at its margin or within. */
  atMargin: 0.05,
  /** When all platforms are equal. */
  whenEqual: 0.01,
} as const
