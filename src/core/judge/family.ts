/** Many claims of one run that could fail it: Holm's correction of what is contradicted. See docs/statistics.md. */
import { holm } from '../stats/index.ts'
import type { Test } from './looks.ts'

/** The chance of even one false failure in a run. */
export const familyRate = 0.05

export interface Family {
  /** How many different things are tested. */
  readonly size: number
  /** Whether a test stands against all the others. */
  stands(test: Test): boolean
}

/**
 * Holm over the tests that can fail the run, each counted once however many claims make it. A test is by ranks where its
 * rounds are enough for ranks to reach the rate among so many; where they are not, by Student's t on the logarithms, or
 * five rounds could never fail a run that has two claims. Which of the two depends on counts alone, never on the figures.
 */
export function familyOf(tests: readonly Test[]): Family {
  const distinct = [...new Map(tests.map((test) => [test.id, test])).values()]
  const size = distinct.length
  const adjusted = holm(distinct.map((test) => (test.smallest * size <= familyRate ? test.ranks : test.student)))
  const byId = new Map(distinct.map((test, at) => [test.id, adjusted[at]!]))
  // One test alone was decided at its own rate already.
  return { size, stands: ({ id }) => size <= 1 || (byId.get(id) ?? 0) <= familyRate }
}
