import { buildReport } from '../report/build.ts'
import { latestRecord, readRecord } from './reader.ts'

/** The benches whose claims failed the latest run, or whose samples failed; by id. */
export function lastFailed(root: string): Set<string> {
  const report = buildReport(readRecord(latestRecord(root)), { strict: false })
  const { claims, findings } = report.failures
  const ofFindings = report.claims.filter(
    ({ finding, verdict }) => finding !== null && findings.includes(finding) && verdict === 'contradicted',
  )
  const broken = report.cases.filter(({ results: cells }) => cells.some(({ errors }) => errors.length > 0))
  return new Set([
    ...claims.map((index) => report.claims[index]!.bench),
    ...ofFindings.map(({ bench }) => bench),
    ...broken.map(({ id }) => id),
  ])
}
