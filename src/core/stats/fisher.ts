import { logGamma } from './beta.ts'
import { requireCount } from './interval.ts'

/** ln(n!). */
const logFactorial = (n: number): number => logGamma(n + 1)

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k)

/** Tables that are as likely as the observed one but for rounding count, as in R's `fisher.test`. */
const relativeTolerance = 1e-7

/**
 * The probabilities of all tables with the margins of `[[a, b], [c, d]]`, by their first count.
 * @throws RangeError if a count is not an integer of 0 or more
 */
function tablesLike(counts: readonly [number, number, number, number], name: string): Map<number, number> {
  for (const count of counts) requireCount(count, 0, `${name}: count`)
  const [a, b, c, d] = counts
  const [row, other, column] = [a + b, c + d, a + c]
  const logTotal = logChoose(row + other, column)
  const first = Math.max(0, column - other)
  return new Map(
    Array.from({ length: Math.min(row, column) - first + 1 }, (_, at) => {
      const x = first + at
      return [x, Math.exp(logChoose(row, x) + logChoose(other, column - x) - logTotal)]
    }),
  )
}

/**
 * Fisher's exact test of a table of two rows and two columns: the two-sided p-value, which is the probability of all
 * tables with these margins that are at most as likely as the observed one.
 * Source: R. A. Fisher, "Statistical Methods for Research Workers", 5th ed. (1934), section 21.02; the two-sided rule
 * is that of R's `fisher.test`.
 * @param table counts `[[a, b], [c, d]]`: a row for each group, a column for each answer
 * @throws RangeError if a count is not an integer of 0 or more
 */
export function fisherExact([[a, b], [c, d]]: readonly [readonly [number, number], readonly [number, number]]): number {
  const tables = tablesLike([a, b, c, d], 'fisherExact')
  const observed = tables.get(a)! * (1 + relativeTolerance)
  const sum = [...tables.values()].reduce((total, p) => (p <= observed ? total + p : total), 0)
  return Math.min(1, sum)
}

/** The one-sided p-value of a table, and the smallest one that a table with its margins can have. */
export interface OneSidedPValue {
  readonly p: number
  readonly smallestPossible: number
}

/**
 * Fisher's exact test, one-sided: that the first group has no higher rate than the second one.
 * @param hits how many of `of` have the property, in the first group and in the second one
 */
export function fisherGreater(
  first: { readonly hits: number; readonly of: number },
  second: { readonly hits: number; readonly of: number },
): OneSidedPValue {
  const counts = [first.hits, first.of - first.hits, second.hits, second.of - second.hits] as const
  const tables = [...tablesLike(counts, 'fisherGreater')]
  const sum = tables.reduce((total, [x, p]) => (x >= first.hits ? total + p : total), 0)
  return { p: Math.min(1, sum), smallestPossible: Math.min(1, tables.at(-1)![1]) }
}
