/** The facts that the paper's text states, as `isobench judge --paper` reads them. */

import { readFileSync } from 'node:fs'
import { judge } from '../../../src/core/judge/judge.ts'
import { buildReport, withFindings } from '../../../src/core/judge/report.ts'
import type { ScheduledPlan } from '../../../src/core/model/plan.ts'
import type { Report } from '../../../src/core/model/report.ts'
import type { BenchData, Suite } from '../../../src/core/model/suite.ts'
import type { Verdicts } from '../../../src/core/model/verdict.ts'
import { type ImportedStatement, importRecord } from '../../../src/core/records/import.ts'
import { findingsOn } from './parts.ts'
import { allPlatforms } from './suite.ts'

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))

export interface PaperFacts {
  readonly published: readonly ImportedStatement[]
}

export const paperFacts = read('../../../benches/paper-facts.json') as PaperFacts

interface Fact {
  readonly id: string
  readonly value: unknown
}

/** What the text states, by the id that `note` of each statement of `paperFacts` begins with. */
export const statedFacts = new Map(
  (read('../../fixtures/paper/stated-facts.json') as { facts: Fact[] }).facts.map(({ id, value }) => [id, value]),
)

/** The paper's facts, judged. @param first statements that come before those of the paper, and so replace them */
export function judgeFacts(suite: Suite, first: readonly ImportedStatement[] = []): Report {
  const facts = { ...paperFacts, published: [...first, ...paperFacts.published] }
  const record = importRecord('paper-facts.json', facts, suite, allPlatforms)
  return buildReport(withFindings(record, suite), { strict: false })
}

const importedPlan = (suite: Suite, published: readonly ImportedStatement[]): ScheduledPlan =>
  importRecord('paper-facts.json', { ...paperFacts, published }, suite, allPlatforms).plan

let paperPlan: ScheduledPlan | undefined

/** The verdicts of the parts about one bench only, which is faster. */
export function judgeFactsOn(bench: BenchData, suite: Suite, first: readonly ImportedStatement[]): Verdicts {
  const plan = importedPlan(suite, first)
  paperPlan ??= importedPlan(suite, paperFacts.published)
  const platforms = paperPlan.platforms.map((one) =>
    one.available ? one : plan.platforms.find(({ name }) => name === one.name)!,
  )
  const published = [...(plan.published ?? []), ...(paperPlan.published ?? [])].filter((one) =>
    one.case.startsWith(bench.id),
  )
  const benches = [{ ...bench, claims: [] }]
  return judge({ ...paperPlan, platforms, benches, findings: findingsOn(suite, bench), published }, [])
}

/** Finding 22 as it is printed, with gVisor in the second group. */
export const printedStatements = paperFacts.published.flatMap((one): ImportedStatement[] =>
  one.note === 'mysql.g2' && 'platforms' in one ? [{ ...one, platforms: ['gvisor', 'firecracker'] }] : [],
)
