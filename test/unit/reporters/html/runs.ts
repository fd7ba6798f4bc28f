/** Pages of runs: one that fails and regressed, a large one, and one with hostile names. */
import { fileURLToPath } from 'node:url'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import type { Report } from '../../../../src/core/model/report.ts'
import { compareRecords, withBaseline } from '../../../../src/core/records/compare.ts'
import { compareKinds, judgeKind, latestStatements } from '../../../../src/core/records/fleet.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { fleetPage } from '../../../../src/reporters/html/fleet.ts'
import { renderPage } from '../../../../src/reporters/html/page.ts'
import { surveysOf } from '../../../support/merged.ts'
import { simulateHosts } from '../../../support/simulated-fleet.ts'
import { scaled } from '../../core/judge/builders.ts'
import { contextOf, hostile, Memory, makeRecord } from '../fixture.ts'

export const real: RunRecord = {
  ...readRecord(fileURLToPath(new URL('../../../fixtures/records/prime-latency-boot.jsonl', import.meta.url))),
  file: '/project/.isobench/runs/2026-11-23T10-33-00.jsonl',
}

/** gVisor at 60 % of its rate of primes. */
const slower: RunRecord = {
  ...real,
  samples: real.samples.map((one) =>
    one.platform === 'gvisor' && one.case.includes('prime') ? scaled(one, 0.6) : one,
  ),
}

export const judged = (record: RunRecord): Report => buildReport(record, { strict: false })

/** The page of a run that regressed against the baseline `main`. */
export function failingPage(): string {
  const comparison = compareRecords(real, slower, { marginPercent: 5 })
  const former = judged(real)
  const against = () => ({ name: 'main', report: former, comparison })
  return renderPage(
    [withBaseline(judged(slower), comparison, false)],
    contextOf(new Memory(), { against, former: () => former }),
  )
}

export const pageOf = (...records: readonly RunRecord[]): string =>
  renderPage(records.map(judged), contextOf(new Memory()))

/** The page of simulated hosts with dissent, and of one with hostile names. */
export function fleetHtml(): string {
  const records = [...simulateHosts({ hosts: 12, unmitigated: [3, 7] }), makeRecord(true)]
  const statements = latestStatements(records)
  const kinds = records.map((record) => judgeKind(surveysOf([record]), statements, { strict: false }))
  return fleetPage(compareKinds(kinds, [{ file: hostile, why: hostile }], false))
}
