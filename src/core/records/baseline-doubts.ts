import { minRounds } from '../judge/rules.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { overloadedResults } from './compare.ts'

/** A result that lacks most of its rounds, because samples failed. */
export interface FewRounds {
  readonly case: string
  readonly platform: string
  /** Rounds with values. */
  readonly rounds: number
  /** Rounds of the case. */
  readonly of: number
}

/** Why a later comparison with a new baseline finds less than it should. */
export interface BaselineDoubts {
  /** Results other than native's, and how many of them are of an overloaded host. */
  readonly overloaded: ReturnType<typeof overloadedResults>
  readonly few: readonly FewRounds[]
  /** How many results there are, native's included. */
  readonly results: number
}

/** What a user must know of a record that becomes a baseline. @param report of this record */
export function baselineDoubts(record: RunRecord, { cases }: Pick<Report, 'cases'>): BaselineDoubts {
  const results = cases.flatMap((one) => {
    const measured = one.results.filter(({ unsupported }) => unsupported === undefined)
    const all = measured.flatMap(({ samples }) => samples)
    // A platform that fails at once is not tried in every round, so the rounds are those of all platforms.
    const of = roundsOf(all).size
    return measured.map(({ platform, samples }) => ({
      case: one.case,
      platform,
      rounds: roundsOf(samples.filter(({ error }) => error === undefined)).size,
      of,
      hasFailed: samples.some(({ warmup, error }) => !warmup && error !== undefined),
    }))
  })
  const few = results.filter(({ hasFailed, rounds, of }) => hasFailed && rounds < of && isFew(rounds, of))
  return {
    overloaded: overloadedResults(record),
    few: few.map(({ hasFailed: _, ...result }) => result),
    results: results.length,
  }
}

const roundsOf = (samples: Report['cases'][number]['results'][number]['samples']): Set<number> =>
  new Set(samples.flatMap(({ warmup, round }) => (warmup ? [] : [round])))

/** A few failed samples of many matter little. With fewer rounds than a test needs, nothing can be found. */
const isFew = (rounds: number, of: number): boolean => rounds < minRounds || rounds * 2 < of
