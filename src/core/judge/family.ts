/** Many claims of one run that could fail it: Holm's correction of what is contradicted. See docs/statistics.md. */
import { holm } from '../stats/index.ts'
import { type PValues, pValueAtRate } from './looks.ts'
import { familywiseAlpha as rates } from './rates.ts'

/** One way in which a claim could fail the run. */
export interface Test {
  readonly direction: 'worse' | 'better'
  readonly atMargin: Hypothesis
  /** That equal platforms would have given this; undefined where equal platforms do contradict the claim. */
  readonly whenEqual: Hypothesis | undefined
}

export interface Hypothesis {
  /** Equal for two claims that ask the same of the same samples. */
  readonly id: string
  readonly p: PValues
}

export interface HolmCorrection {
  /** How many different things are tested. */
  readonly size: number
  /** Whether a test stands against all the others. */
  rejects(test: Test): boolean
}

/**
 * Holm over the tests that can fail the run, each counted once however many claims make it: against its margin, and against
 * all platforms being equal. A test must stand both.
 */
export function holmCorrection(tests: readonly Test[]): HolmCorrection {
  const margins = rejected(
    tests.map((test) => test.atMargin),
    rates.atMargin,
  )
  const equals = rejected(
    tests.flatMap((test) => test.whenEqual ?? []),
    rates.whenEqual,
  )
  return {
    size: margins.size,
    // One test alone was decided at its own rate already.
    rejects: ({ atMargin, whenEqual }) =>
      (margins.size <= 1 || margins.has(atMargin)) && (whenEqual === undefined || equals.has(whenEqual)),
  }
}

function rejected(hypotheses: readonly Hypothesis[], rate: number) {
  const distinct = [...new Map(hypotheses.map((one) => [one.id, one])).values()]
  const size = distinct.length
  const adjusted = holm(distinct.map(({ p }) => pValueAtRate(p, rate, size)))
  const ids = new Set(distinct.flatMap(({ id }, at) => (adjusted[at]! <= rate ? [id] : [])))
  return { size, has: ({ id }: Hypothesis) => ids.has(id) }
}
