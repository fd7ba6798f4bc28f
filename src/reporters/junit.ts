import { basename } from 'node:path'
import { describeParams } from '../core/model/plan.ts'
import type { Report } from '../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict } from '../core/model/verdict.ts'
import { documentReporter, escapeHtml } from './document.ts'
import {
  formatAssertion,
  formatClaim,
  formatFinding,
  formatFindingTitle,
  formatPlatforms,
  formatReason,
} from './format.ts'
import { benchName, claimLocation, outcomeName, repositoryPath } from './summary.ts'

type Outcome = 'passed' | 'failure' | 'error' | 'skipped'

interface Case {
  readonly suite: string
  /** Relative to the repository in CI; absent: the suite. */
  readonly file?: string
  readonly group: string
  readonly name: string
  readonly outcome: Outcome
  /** What CI shows of a case that did not pass. */
  readonly message: string
  readonly detail: string
  /** The figures, also of a case that passed. */
  readonly numbers?: string
}

function casesOf(report: Report, root: string): Case[] {
  return [
    ...report.problems.map(({ file, message, fix }) => broken(file, message, fix)),
    ...report.claims.map((verdict) => claimCase(verdict, root)),
    ...report.findings.map((finding) => findingCase(report, finding, root)),
  ].map((one) => ({ ...one, file: repositoryPath(one.suite, root) }))
}

function xml(cases: readonly Case[]): string {
  const suites = [...new Set(cases.map(({ suite }) => suite))]
  const all = suites.map((suite) =>
    suiteXml(
      suite,
      cases.filter((one) => one.suite === suite),
    ),
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="isobench" ${totals(cases)}>`,
    ...all,
    '</testsuites>',
    '',
  ].join('\n')
}

/**
 * A testsuite per bench file, a testcase per claim and finding. Failed is what fails the run; what is in doubt, cannot
 * be judged, or is contradicted without failing the run is skipped, with the reason. Of several records, the suites are
 * named `<record>: <file>`.
 */
export const junit = documentReporter(
  'junit',
  'JUnit XML for CI: a test case per claim and finding',
  (report, { root }) => xml(casesOf(report, root)),
  (runs, { root }) =>
    xml(
      runs.flatMap(({ report }) =>
        casesOf(report, root).map((one) => ({
          ...one,
          suite: `${basename(report.record)}: ${one.suite}`,
        })),
      ),
    ),
)

const broken = (file: string, message: string, fix: string | undefined): Case => ({
  suite: file,
  group: file,
  name: 'can be used',
  outcome: 'error',
  message,
  detail: fix ? `fix: ${fix}` : '',
})

function claimCase(verdict: ClaimVerdict, root: string): Case {
  const { file, line } = claimLocation(verdict, root)
  const params = describeParams(verdict.params)
  const source = verdict.finding === null ? '' : ` (finding ${verdict.finding})`
  const text = formatClaim(verdict)
  return {
    suite: verdict.bench.file,
    group: benchName(verdict.bench) + (params && ` ${params}`),
    name: `${verdict.claim.metric} of ${formatPlatforms(verdict)} is ${formatAssertion(verdict)}${source}`,
    outcome: verdict.failsRun ? 'failure' : verdict.outcome === 'holds' ? 'passed' : 'skipped',
    message: `${outcomeName(verdict.outcome)}: ${text}`,
    detail: line === undefined ? file : `${file}:${line}`,
    numbers: text,
  }
}

function findingCase(report: Report, finding: FindingVerdict, root: string): Case {
  const first = report.claims[finding.claims[0] ?? -1]
  return {
    suite: first ? claimLocation(first, root).file : 'findings',
    group: 'findings',
    name: `finding ${finding.id}: ${formatFindingTitle(finding)}`,
    outcome: finding.failsRun ? 'failure' : finding.outcome === 'holds' ? 'passed' : 'skipped',
    message: `${outcomeName(finding.outcome)}: ${formatFinding(finding, report)}`,
    detail: finding.reasons.map(formatReason).join('; '),
  }
}

function totals(cases: readonly Case[]): string {
  const number = (outcome: Outcome) => cases.filter((one) => one.outcome === outcome).length
  const counts = {
    tests: cases.length,
    failures: number('failure'),
    errors: number('error'),
    skipped: number('skipped'),
  }
  return Object.entries(counts)
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ')
}

function suiteXml(name: string, cases: readonly Case[]): string {
  return [` <testsuite name="${escapeHtml(name)}" ${totals(cases)}>`, ...cases.map(caseXml), ' </testsuite>'].join('\n')
}

function caseXml({ suite, file = suite, group, name, outcome, message, detail, numbers }: Case): string {
  const start = `  <testcase classname="${escapeHtml(group)}" name="${escapeHtml(name)}" file="${escapeHtml(file)}"`
  const inside = [
    ...(outcome === 'passed'
      ? []
      : [`<${outcome} message="${escapeHtml(message)}">${escapeHtml(detail)}</${outcome}>`]),
    ...(numbers ? [`<system-out>${escapeHtml(numbers)}</system-out>`] : []),
  ]
  return inside.length === 0 ? `${start}/>` : `${start}>\n   ${inside.join('\n   ')}\n  </testcase>`
}
