import { describeExitCode, exitCodes, failureTexts } from '../core/judge/exit-code.ts'
import type { Report } from '../core/model/report.ts'
import { listText, plural } from '../util/text.ts'
import { unmeasuredPlatforms, unmeasuredTexts } from './unmeasured.ts'

/** The exit code of a run, with the reasons that apply to it. */

export type ExitOfReport = Pick<
  Report,
  | 'exit'
  | 'status'
  | 'cases'
  | 'claims'
  | 'findings'
  | 'excluded'
  | 'shard'
  | 'damagedLines'
  | 'unreadableRecords'
  | 'problems'
>

/** What the exit code of a run means, for people: only the reasons that apply, if the report has them. */
export function describeExit(report: ExitOfReport): string {
  const { code } = report.exit
  const reasons = reasonsOf(report)
  return reasons.length > 0 ? reasons.join(', and ') : describeExitCode(code)
}

function reasonsOf(report: ExitOfReport): string[] {
  switch (report.exit.code) {
    case exitCodes.failed:
      return failureReasons(report)
    case exitCodes.inconclusive:
      return openReasons(report)
    case exitCodes.nothing:
      return nothingReasons(report)
    case exitCodes.invalid:
      return report.problems.length > 0 ? [`${plural(report.problems.length, 'problem')} in the project's files`] : []
    case exitCodes.interrupted:
      return [report.status === 'killed' ? 'the run was killed' : 'interrupted']
    default:
      return []
  }
}

/** Only a run with a baseline can have regressed. */
function failureReasons({ exit, claims, findings }: ExitOfReport): string[] {
  const { regressions = [], newNames = [] } = exit
  // With --strict, a regression may fail a run with claims that are in doubt. They are in `exit`, too.
  const directions = exit.claims.flatMap((index) => {
    const claim = claims[index]
    return claim?.outcome === 'contradicted' ? [claim.direction] : []
  })
  const isContradicted = findings.some(({ id, outcome }) => outcome === 'contradicted' && exit.findings.includes(id))
  const isWorse = directions.every((direction) => direction === 'worse')
  // With --strict-findings, a finding may be contradicted by claims that alone fail nothing.
  const differs = isWorse ? 'something is worse than claimed' : failureTexts.differs
  return [
    ...(directions.length > 0 ? [differs] : isContradicted ? ['a finding is contradicted'] : []),
    ...(regressions.length > 0 ? [failureTexts.regressed] : []),
    ...(newNames.length > 0 ? [failureTexts.isNew] : []),
  ]
}

/** Undecided comparisons with a baseline are not in the report. */
function openReasons(report: ExitOfReport): string[] {
  const { exit, claims, findings, excluded, shard, status, damagedLines, unreadableRecords } = report
  const inDoubt = exit.claims.flatMap((index) => claims[index] ?? [])
  const isOpen = findings.some(
    (one) => exit.findings.includes(one.id) && !one.claims.some((index) => exit.claims.includes(index)),
  )
  // With --strict, findings do not count as open in a record that lacks samples. Without it, the samples do not count.
  const isMissing = [
    ...inDoubt.map(({ reason }) => reason?.code),
    ...(isOpen ? [] : excluded.map(({ reason }) => reason)),
  ].includes('shard-missing')
  const strict = [
    ...(inDoubt.some(({ outcome }) => outcome === 'inconclusive') ? ['a verdict is inconclusive'] : []),
    ...(inDoubt.some(({ reason }) => reason?.code === 'sample-errors') ? ['samples failed'] : []),
    ...(inDoubt.some(({ reason }) => reason?.code === 'zero-value') ? ['a value of 0 has no ratio'] : []),
    ...(isMissing ? ['a shard is missing'] : []),
    ...(shard !== undefined && status === 'killed' && !isOpen ? ['a shard was killed'] : []),
    ...(damagedLines !== undefined && !isOpen ? ['lines of the record are missing'] : []),
    ...(unreadableRecords !== undefined && !isOpen ? ['the merge could not read a record'] : []),
  ]
  return [
    ...(strict.length > 0 ? [`with --strict, ${listText(strict)}`] : []),
    ...(isOpen ? ['with --require complete, a finding is open'] : []),
  ]
}

function nothingReasons(report: ExitOfReport): string[] {
  const unmeasured = unmeasuredPlatforms(report)
  if (unmeasured.length > 0) return unmeasuredTexts(unmeasured)
  // With a baseline, a run is not clean because of the comparison alone.
  const isCompared = report.exit.regressions !== undefined
  return [isCompared ? 'no regression against the baseline could be found' : 'no claim could be evaluated']
}
