import { logGamma, regularizedBeta } from './beta.ts'

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
function countPValue(work: number, controls: readonly Control[]): number {
  const parts = controls.map(prediction)
  const beyond = work - sum(parts.map(({ always }) => always))
  if (beyond <= 0) return 1
  const mean = sum(parts.map((part) => part.mean))
  if (mean === 0) return 0
  const variance = Math.max(sum(parts.map((part) => part.variance)), mean * (1 + 1e-6))
  const [size, success] = [mean ** 2 / (variance - mean), mean / variance]
  return regularizedBeta(1 - success, beyond, size)
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/** The expected value of (1 - p)^n, where p is the share of a control's recordings that have any call. */
function absence({ counts }: Control, n: number): number {
  const present = counts.filter((count) => count > 0).length
  // Jeffreys' prior.
  const [a, b] = [present + 0.5, counts.length - present + 0.5]
  return Math.exp(logBeta(a, b + n) - logBeta(a, b))
}

/**
 * Returns the probability that a background as in the controls makes any call in this many rounds or more, whatever the
 * number of calls in a burst.
 *
 * The predictive distribution of a share with a beta prior is beta-binomial (Gelman et al., Bayesian Data Analysis, 3rd
 * edition, section 2.4). Its first two moments are those of all controls together.
 * @param present the rounds in which the work calls the name
 * @param rounds all rounds
 * @param controls `recordings`: how many are as long as the work of one round
 */
function presencePValue(present: number, rounds: number, controls: readonly Control[]): number {
  const known = controls.filter(({ counts, recordings }) => counts.length > 0 && recordings > 0)
  if (present <= 0) return 1
  if (known.length === 0) return 0
  const moment = (order: number) =>
    known.reduce((product, control) => product * absence(control, order * control.recordings), 1)
  const absent = moment(1)
  // If the work is much shorter than many recordings, rounding may leave nothing of the difference.
  const share = Math.max((moment(2) - absent ** 2) / (absent * (1 - absent)), 1e-9)
  const size = 1 / share - 1
  const [a, b] = [(1 - absent) * size, absent * size]
  let sum = 0
  for (let count = present; count <= rounds; count++) {
    const choices = -Math.log(rounds + 1) - logBeta(count + 1, rounds - count + 1)
    sum += Math.exp(choices + logBeta(a + count, b + rounds - count) - logBeta(a, b))
  }
  return Math.min(1, sum)
}

/** From so many recordings on, or half of them, the counts of those with any call show how large bursts are. */
const minWithCalls = 5

const showsBursts = ({ counts }: Control): boolean =>
  counts.length > 0 && counts.filter((count) => count > 0).length >= Math.min(minWithCalls, counts.length / 2)

/**
 * Returns the probability that a background as in the controls has as many calls as the work. If too few recordings
 * of the controls have any call to show the size of bursts, it compares the number of rounds that have any call.
 * @param work the calls of each round
 * @param controls `recordings`: how many are as long as all rounds
 */
export function backgroundPValue(work: readonly number[], controls: readonly Control[]): number {
  if (controls.some(showsBursts)) return countPValue(sum(work), controls)
  const ofRound = controls.map(({ counts, recordings }) => ({ counts, recordings: recordings / work.length }))
  return presencePValue(work.filter((count) => count > 0).length, work.length, ofRound)
}
