import type { RunRecord } from '../src/core/model/record.ts'
import { claimsOf } from '../src/core/model/suite.ts'
import { readRecord } from '../src/core/records/record-file.ts'

/** What the pictures of the README show: one bench of a stored run. */

const bench = 'benches/compute/prime.bench.ts#prime verification'

/**
 * Reads a record as if its run had measured only the bench of the pictures.
 * @param file default: the stored record of the tests
 */
export function pictureRecord(file = 'test/fixtures/records/prime-latency-boot.jsonl'): RunRecord {
  const record = readRecord(file)
  const { plan } = record
  const cases = plan.cases.filter((one) => one.bench === bench)
  const ids = new Set(cases.map(({ id }) => id))
  return {
    ...record,
    file: '/project/.isobench/runs/prime.jsonl',
    samples: record.samples.filter((sample) => ids.has(sample.case)),
    plan: {
      ...plan,
      cases,
      benches: plan.benches.filter(({ id }) => id === bench),
      excluded: [],
      findings: plan.findings.filter((finding) => claimsOf(finding).some((claim) => claim.bench === bench)),
    },
  }
}
