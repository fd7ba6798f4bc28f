import { regularizedBeta } from './beta.ts'

/** Counts without the work, in equally long recordings. */
export interface Control {
  readonly counts: readonly number[]
  /** How many such recordings are as long as the work. */
  readonly recordings: number
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)

/** Returns the count that the controls predict for the work. */
export const expectedCount = (controls: readonly Control[]): number =>
  sum(controls.map(({ counts, recordings }) => (recordings * sum(counts)) / Math.max(1, counts.length)))

/** Returns the largest count that a work as long as its controls could have if each recording had the highest one. */
export const largestCount = (controls: readonly Control[]): number =>
  sum(controls.map(({ counts, recordings }) => recordings * Math.max(0, ...counts)))

/** Fewer recordings do not show that a background varies by less than independent events do. */
const minRecordings = 10

/** The moments of one control's part in the work: calls that each recording has, and those that vary. */
function prediction({ counts, recordings }: Control) {
  const n = counts.length
  if (n === 0) return { always: 0, mean: 0, variance: 0 }
  const least = Math.min(...counts)
  const average = sum(counts) / n
  // Jeffreys' prior adds half a call, so that calls which no control had are rare rather than impossible.
  const mean = (sum(counts) - n * least + 0.5) / n
  const sample = n > 1 ? sum(counts.map((count) => (count - average) ** 2)) / (n - 1) : 0
  const variance = n < minRecordings ? Math.max(sample, mean, average) : Math.max(sample, mean)
  return {
    always: recordings * least,
    mean: recordings * mean,
    // That of the work, and that of the estimated mean.
    variance: variance * recordings * (1 + recordings / n),
  }
}

/**
 * Returns the probability that a background as in the controls reaches this count during the work.
 *
 * The predictive distribution of a Poisson rate with a gamma prior is negative binomial (Gelman et al., Bayesian Data
 * Analysis, 3rd edition, section 2.6). Its mean and variance are those of the controls, because calls that come in
 * bursts vary by more than Poisson's. Calls that every recording of a control has are constant.
 */
export function backgroundPValue(work: number, controls: readonly Control[]): number {
  const parts = controls.map(prediction)
  const beyond = work - sum(parts.map(({ always }) => always))
  if (beyond <= 0) return 1
  const mean = sum(parts.map((part) => part.mean))
  if (mean === 0) return 0
  const variance = Math.max(sum(parts.map((part) => part.variance)), mean * (1 + 1e-6))
  const [size, success] = [mean ** 2 / (variance - mean), mean / variance]
  return regularizedBeta(1 - success, beyond, size)
}
