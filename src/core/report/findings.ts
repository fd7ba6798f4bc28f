/** The findings as the bench files state them now, over a record that may have been measured with fewer. */
import type { BenchData, Suite } from '../collect/types.ts'
import type { RunRecord } from '../record/reader.ts'

/**
 * The record with every finding of the suite, and with no other claims: what a bench expects of itself is not the paper's.
 * Benches that the record has not measured come with it, without points, so that a claim about them can say so.
 */
export function withFindings(record: RunRecord, suite: Pick<Suite, 'benches' | 'findings' | 'problems'>): RunRecord {
  const measured = new Set(record.plan.benches.map(({ id }) => id))
  const plain = (bench: BenchData): BenchData => ({ ...bench, claims: [] })
  const benches = [...record.plan.benches, ...suite.benches.filter(({ id }) => !measured.has(id))].map(plain)
  const findings = [...suite.findings].sort((a, b) => a.id - b.id)
  return { ...record, problems: suite.problems, plan: { ...record.plan, benches, findings } }
}
