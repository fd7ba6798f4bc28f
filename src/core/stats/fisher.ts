import { logGamma } from './beta.ts'
import { requireCount } from './interval.ts'

/** ln(n!). */
const logFactorial = (n: number): number => logGamma(n + 1)

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k)

/** Tables that are as likely as the observed one but for rounding count, as in R's `fisher.test`. */
const relativeTolerance = 1e-7

/**
 * Fisher's exact test of a table of two rows and two columns: the two-sided p-value, which is the probability of all
 * tables with these margins that are at most as likely as the observed one.
 * Source: R. A. Fisher, "Statistical Methods for Research Workers", 5th ed. (1934), section 21.02; the two-sided rule
 * is that of R's `fisher.test`.
 * @param table counts `[[a, b], [c, d]]`: a row for each group, a column for each answer
 * @throws RangeError if a count is not an integer of 0 or more
 */
export function fisherExact([[a, b], [c, d]]: readonly [readonly [number, number], readonly [number, number]]): number {
  for (const count of [a, b, c, d]) requireCount(count, 0, 'fisherExact: count')
  const [row, other, column] = [a + b, c + d, a + c]
  const logTotal = logChoose(row + other, column)
  const probability = (x: number) => Math.exp(logChoose(row, x) + logChoose(other, column - x) - logTotal)
  const observed = probability(a) * (1 + relativeTolerance)
  let sum = 0
  for (let x = Math.max(0, column - other); x <= Math.min(row, column); x++) {
    const p = probability(x)
    if (p <= observed) sum += p
  }
  return Math.min(1, sum)
}
