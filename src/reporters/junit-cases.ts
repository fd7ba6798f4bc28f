import { describeParams, type Params } from '../core/model/plan.ts'
import type { PlatformResult, Report } from '../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict } from '../core/model/verdict.ts'
import type { ProfileChange } from '../core/records/profile-changes.ts'
import type { Row } from '../core/records/row-changes.ts'
import type { Matcher } from '../dsl/claim.ts'
import { seriesOf } from '../dsl/finding-id.ts'
import { sanitize } from '../util/text.ts'
import { repositoryPath } from './annotation.ts'
import { benchElsewhere, claimLocation, formatPlace } from './claim-place.ts'
import { changeText } from './comparison.ts'
import { failedOn } from './failures.ts'
import { formatClaim, formatFinding, formatPlatforms, formatReason } from './format.ts'
import type { BaselineView } from './metric-table.ts'
import { addedText } from './new-names.ts'
import { failedResults, isAsked, outcomeName, resultsOf } from './summary.ts'

/** The test cases of a JUnit report: one per problem, claim, finding, and comparison with a baseline. */

export interface TestCase {
  /** The file that states it: the name of its suite. */
  readonly file: string
  /** `<bench id> [params]`. With `name` it is unique in a report, because CI servers know a test by these two. */
  readonly className: string
  /** Has no margin, so that a test keeps its history if the margin is edited. */
  readonly name: string
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped'
  /** What kind of failure it is. */
  readonly type: string
  readonly message: string
  /** Where it is stated, or why it is not decided. */
  readonly detail: string
  /** Duration of the samples that it rests on, in seconds. */
  readonly seconds: number
  /** Contradicted, but it does not fail the run. */
  readonly isWarning?: boolean
}

/** Test cases with unique names. */
export function testCases(report: Report, root: string, baseline: BaselineView | undefined): TestCase[] {
  const parts = partNumbers(report)
  const cases = [
    ...report.problems.map(
      ({ file, message, fix }): TestCase => ({
        file,
        className: file,
        name: 'can be used',
        outcome: 'error',
        type: 'invalid',
        message,
        detail: fix ? `fix: ${fix}` : '',
        seconds: 0,
      }),
    ),
    ...report.claims.flatMap((verdict, index) =>
      isAsked(verdict) ? [claimCase(report, verdict, parts.get(index), root)] : [],
    ),
    ...report.findings.flatMap((finding) =>
      finding.claims.some((index) => isAsked(report.claims[index]!)) ? [findingCase(report, finding, root)] : [],
    ),
    ...(baseline?.comparison.rows.filter(({ failsRun }) => failsRun) ?? []).map((row) =>
      baselineCase(report, row, baseline!.name),
    ),
    ...(baseline?.comparison.profiles ?? []).map((profile) => profileCase(report, profile, baseline!.name)),
  ]
  return withUniqueNames(cases.map((one) => ({ ...one, file: repositoryPath(one.file, root) })))
}

/** Numbers equal names: `name`, `name (2)`. XML schemas collapse spaces, so names that differ in them are equal. */
function withUniqueNames(cases: readonly TestCase[]): TestCase[] {
  const seen = new Map<string, number>()
  return cases.map((one) => {
    const [className, name] = [one.className, one.name].map((text) => sanitize(text).replace(/\s+/g, ' ').trim()) as [
      string,
      string,
    ]
    const key = JSON.stringify([className, name])
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return { ...one, className, name: count === 1 ? name : `${name} (${count})` }
  })
}

/** By the index of a claim of a finding with several parts: the number of its part, from 1. */
function partNumbers({ findings }: Report): Map<number, number> {
  return new Map(
    findings
      .filter(({ parts }) => parts.length > 1)
      .flatMap(({ parts }) => parts.flatMap((part, at) => part.claims.map((index) => [index, at + 1] as const))),
  )
}

/** What a matcher asserts, without its margin. */
function matcherName(matcher: Matcher): string {
  switch (matcher.kind) {
    case 'withinNative':
      return 'within a margin of native'
    case 'equivalentTo':
      return `equivalent to ${matcher.platform}`
    case 'notWorseThan':
      return `not worse than ${matcher.platform}`
    case 'betterThan':
      return `better than ${matcher.platform}`
    case 'worseThan':
      return `worse than ${matcher.platform}`
    case 'atMost':
      return 'at most a limit'
    case 'atLeast':
      return 'at least a limit'
    case 'ranked':
      return 'in a stable order'
    case 'noStableOrder':
      return 'in no stable order'
    case 'peaksAt':
      return `best in a range of ${matcher.over}`
    case 'constant':
      return `flat over ${matcher.over}`
    case 'peakWithin':
      return `at its best ${matcher.over} not worse than ${matcher.platform}`
    case 'worsensAtMost':
      return `not much worse at ${matcher.over} ${matcher.to} than at ${matcher.from}`
  }
}

const isMeasured = (all: Params, part: Params): boolean =>
  Object.entries(part).every(([name, value]) => all[name] === value)

const wallSeconds = (results: readonly Pick<PlatformResult, 'samples'>[]): number =>
  results.flatMap(({ samples }) => samples).reduce((sum, { wallMs }) => sum + wallMs / 1000, 0)

/** Duration of all samples of the benches of a file, in seconds. */
export const fileSeconds = (report: Report, file: string, root: string): number =>
  wallSeconds(
    resultsOf(report).flatMap(({ bench, result }) => (repositoryPath(bench.bench.file, root) === file ? [result] : [])),
  )

/** The results that verdicts are about, each once. */
function resultsBehind(report: Report, verdicts: readonly ClaimVerdict[]): PlatformResult[] {
  const results = verdicts.flatMap(({ bench, case: id, params, platforms }) =>
    report.cases
      .filter((one) => (id === null ? one.bench.id === bench.id && isMeasured(one.params, params) : one.case === id))
      .flatMap((one) => one.results.filter(({ platform }) => platforms.includes(platform))),
  )
  return [...new Set(results)]
}

const isContradicted = ({ outcome }: { readonly outcome: string }): boolean => outcome === 'contradicted'

/** What fails the run fails. A contradiction that does not fail it is decided, so it is not skipped. */
const outcomeOf = (verdict: Pick<FindingVerdict, 'outcome' | 'failsRun'>): TestCase['outcome'] => {
  if (verdict.failsRun) return 'failure'
  return verdict.outcome === 'inconclusive' || verdict.outcome === 'not-evaluated' ? 'skipped' : 'passed'
}

/** The failed samples that leave a claim without a verdict. */
const failedTexts = (report: Report, verdict: ClaimVerdict, root: string): string[] =>
  failedResults(report, [verdict]).map(({ bench, result }) =>
    failedOn({ ...bench, errors: result.errors }, [result.platform], root),
  )

const resultsWithFailed = (report: Report) => resultsOf(report).filter(({ result }) => result.errors.length > 0)

/** The files of the benches with failed samples, which may have no claim. */
export const filesWithFailed = (report: Report, root: string): string[] =>
  resultsWithFailed(report).map(({ bench }) => repositoryPath(bench.bench.file, root))

/** A line for each result with failed samples, of the benches of a file. */
export const failedLines = (report: Report, file: string, root: string): string[] =>
  resultsWithFailed(report).flatMap(({ bench, result }) =>
    repositoryPath(bench.bench.file, root) === file
      ? [failedOn({ ...bench, errors: result.errors }, [result.platform], root)]
      : [],
  )

function claimCase(report: Report, verdict: ClaimVerdict, part: number | undefined, root: string): TestCase {
  const elsewhere = benchElsewhere(report, verdict, root)
  const place = formatPlace(claimLocation(verdict, root))
  const { claim, finding, bench, outcome } = verdict
  const params = describeParams(verdict.params)
  const which = finding === null ? '' : ` (finding ${finding}${part === undefined ? '' : `, part ${part}`})`
  const several = claim.onAtLeast === undefined ? '' : ', on several of them'
  return {
    file: bench.file,
    className: bench.id + (params && ` [${params}]`),
    name: `${claim.metric} of ${formatPlatforms(verdict)}: ${matcherName(claim.matcher)}${several}${which}`,
    outcome: outcomeOf(verdict),
    type: outcome,
    message: `${outcomeName(outcome)}: ${formatClaim(verdict)}`,
    detail: [elsewhere ? `${place} (${elsewhere})` : place, ...failedTexts(report, verdict, root)].join('\n'),
    seconds: wallSeconds(resultsBehind(report, [verdict])),
    isWarning: isContradicted(verdict) && !verdict.failsRun,
  }
}

function findingCase(report: Report, finding: FindingVerdict, root: string): TestCase {
  const verdicts = finding.claims.map((index) => report.claims[index]!)
  return {
    file: verdicts[0] ? claimLocation(verdicts[0], root).file : 'findings',
    className: seriesOf(finding.id) === undefined ? 'findings' : `findings of the series ${seriesOf(finding.id)}`,
    name: `finding ${finding.id}: ${finding.title}`,
    outcome: outcomeOf(finding),
    type: finding.outcome,
    message: `${outcomeName(finding.outcome)}: ${formatFinding(finding, report)}`,
    detail: finding.reasons.map(formatReason).join('; '),
    seconds: wallSeconds(resultsBehind(report, verdicts)),
    isWarning: isContradicted(finding) && !finding.failsRun,
  }
}

function baselineCase(report: Report, row: Row, baseline: string): TestCase {
  const { bench, case: id, platform, metric, change } = row
  const result = report.cases.find((one) => one.case === id)?.results.find((one) => one.platform === platform)
  const fails = change === 'regressed' || change === 'lost'
  return {
    file: bench.file,
    className: id,
    name: `${metric} of ${platform}: no regression against the baseline`,
    outcome: fails ? 'failure' : change === 'unclear' ? 'skipped' : 'passed',
    type: change,
    message: `${change} against the baseline ${baseline}: ${metric} of ${platform}${changeText(row)}`,
    detail: bench.file,
    seconds: wallSeconds(result ? [result] : []),
  }
}

function profileCase(report: Report, profile: ProfileChange, baseline: string): TestCase {
  const { bench, case: id, platform, role, source } = profile
  const result = report.cases.find((one) => one.case === id)?.results.find((one) => one.platform === platform)
  const added = profile.added.filter(({ change }) => change === 'new')
  const text = added.length === 0 ? 'no new name' : addedText({ ...profile, added, platforms: [platform] })
  return {
    file: bench.file,
    className: id,
    name: `${source} of the ${role} on ${platform}: no new name against the baseline`,
    outcome: added.length > 0 ? 'failure' : 'passed',
    type: 'new',
    message: `${text}, against the baseline ${baseline}`,
    detail: bench.file,
    seconds: wallSeconds(result ? [result] : []),
  }
}
