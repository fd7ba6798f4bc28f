import { isAbsolute, relative } from 'node:path'
import { describeParams } from '../core/model/plan.ts'
import type { CaseResult, MetricResult, PlatformResult, Report } from '../core/model/report.ts'
import type { ClaimVerdict, Verdict } from '../core/model/verdict.ts'
import { sanitize } from '../util/text.ts'
import { reasonText } from './format.ts'

/** What every reporter tells of a report, found once: counts, groups, what fails the run, and where things are. */

export const verdictSymbols: Record<Verdict, string> = {
  holds: '✓',
  contradicted: '✗',
  inconclusive: '?',
  'not-evaluated': '–',
}

const exitMeanings: Record<number, string> = {
  0: 'nothing regressed that fails a run',
  1: 'a finding regressed, or a bench’s own expectation is contradicted',
  3: 'something is in doubt, and --strict asks for certainty',
  4: 'not one claim could be decided',
  5: 'the config or a bench file is wrong',
  130: 'interrupted',
}

/** What an exit code says, in words. */
export const exitMeaning = (code: number): string => exitMeanings[code] ?? 'unknown'

export function count(verdicts: readonly { readonly verdict: Verdict }[]): Record<Verdict, number> {
  const counts = { holds: 0, contradicted: 0, inconclusive: 0, 'not-evaluated': 0 }
  for (const { verdict } of verdicts) counts[verdict]++
  return counts
}

/** The last line of every summary: `12 hold · 1 contradicted · 0 inconclusive · 3 undecidable`. */
export const countsLine = ({
  holds,
  contradicted,
  inconclusive,
  'not-evaluated': notEvaluated,
}: Record<Verdict, number>): string =>
  `${holds} hold · ${contradicted} contradicted · ${inconclusive} inconclusive · ${notEvaluated} not evaluated`

/** What a verdict of the profile quick is worth; null under any other. */
export const quickProfileNote = ({ profile }: Report): string | null =>
  profile.name === 'quick'
    ? 'Verdicts of the profile quick: small sizes that keep the shape; --profile paper has the values of the paper.'
    : null

const inDoubt = ({ severity, verdict, reason }: ClaimVerdict): boolean =>
  severity === 'fail' && (verdict === 'inconclusive' || reason?.startsWith('sample-errors') === true)

/** Whether the claim at `index` is among what makes the exit code other than 0. */
export function failsRun(report: Report, index: number): boolean {
  const claim = report.claims[index]!
  if (report.exitCode === 3) return inDoubt(claim)
  if (report.failures.claims.includes(index)) return true
  if (claim.finding === null || claim.verdict !== 'contradicted' || claim.severity !== 'fail') return false
  return report.failures.findings.includes(claim.finding)
}

/** As many as a line names. */
const namedFailures = 5

/** What makes the exit code 1, by name: `findings 1, 2; prime verification on gvisor`. Undefined where nothing does. */
export function failing({ claims, failures }: Report): string | undefined {
  const cells = failures.claims.map(
    (index) => `${benchName(claims[index]!.bench)} on ${sanitize(claims[index]!.platform, 60)}`,
  )
  const ids = failures.findings
  const parts = [
    ...(ids.length > 0 ? [`${ids.length === 1 ? 'finding' : 'findings'} ${ids.join(', ')}`] : []),
    ...new Set(cells),
  ]
  if (parts.length === 0) return undefined
  const rest = parts.length - namedFailures
  return [...parts.slice(0, namedFailures), ...(rest > 0 ? [`${rest} more`] : [])].join('; ')
}

/** The same statement of the same cell, which a bench and several findings may make. */
export interface UniqueClaim {
  readonly claim: ClaimVerdict
  readonly fails: boolean
  /** Who makes it: `finding 2, the bench`. */
  readonly sources: string
}

const keyOf = ({ bench, metric, platform, params, matcher, verdict }: ClaimVerdict): string =>
  JSON.stringify([bench, metric, platform, describeParams(params), matcher, verdict])

/** Claims that say the same as one, those that fail the run first. */
export function uniqueClaims(report: Report, wanted: (claim: ClaimVerdict) => boolean): UniqueClaim[] {
  const groups = new Map<string, number[]>()
  report.claims.forEach((claim, index) => {
    if (!wanted(claim)) return
    const key = keyOf(claim)
    groups.set(key, [...(groups.get(key) ?? []), index])
  })
  const all = [...groups.values()].map((indices) => {
    const claims = indices.map((index) => report.claims[index]!)
    const findings = [...new Set(claims.flatMap(({ finding }) => finding ?? []))]
    const sources = findings.map((id) => `finding ${id}`)
    if (claims.some(({ finding }) => finding === null)) sources.push('the bench')
    return { claim: claims[0]!, fails: indices.some((index) => failsRun(report, index)), sources: sources.join(', ') }
  })
  return [...all.filter(({ fails }) => fails), ...all.filter(({ fails }) => !fails)]
}

/** Why claims are undecidable, the commonest first, and of whom; those whose samples failed are told apart. */
export function notEvaluated(report: Report): { readonly text: string; readonly count: number }[] {
  const reasons = new Map<string, Map<string, number>>()
  for (const { verdict, reason } of report.claims) {
    if (verdict !== 'not-evaluated' || reason?.startsWith('sample-errors')) continue
    const [code, ...rest] = (reason ?? 'not told').split(':')
    const about = reasons.get(code!) ?? new Map<string, number>()
    reasons.set(code!, about.set(rest.join(':'), (about.get(rest.join(':')) ?? 0) + 1))
  }
  const groups = [...reasons].map(([code, about]) => {
    const names = [...about].filter(([name]) => name !== '').map(([name, count]) => `${sanitize(name, 60)} ${count}`)
    const sum = [...about.values()].reduce((all, one) => all + one, 0)
    return { text: sanitize(reasonText(code)) + (names.length > 0 ? ` (${names.join(', ')})` : ''), count: sum }
  })
  return groups.sort((a, b) => b.count - a.count)
}

/** The cells that claims are undecidable for because samples failed, and how many claims each. */
export function failedResults(report: Report): { bench: CaseResult; cell: PlatformResult; claims: number }[] {
  return resultsOf(report).flatMap(({ bench, cell }) => {
    const claims = report.claims.filter(
      (claim) =>
        claim.reason?.startsWith('sample-errors') &&
        claim.bench === bench.id &&
        describeParams(claim.params) === describeParams(bench.params) &&
        claim.reason.slice('sample-errors:'.length).split(',').includes(cell.platform),
    ).length
    return claims > 0 ? [{ bench, cell, claims }] : []
  })
}

export const resultsOf = (report: Report): { bench: CaseResult; cell: PlatformResult }[] =>
  report.cases.flatMap((bench) => bench.results.map((cell) => ({ bench, cell })))

/**
 * Platforms that do not work on this machine. `partly`: something of them was measured all the same, such as the floor of a
 * monitor whose guests cannot boot for want of KVM.
 */
export function unavailablePlatforms(
  report: Pick<Report, 'platforms' | 'cases'>,
): Record<'wholly' | 'partly', Report['platforms']> {
  const measured = new Set(report.cases.flatMap(({ results: cells }) => cells.map(({ platform }) => platform)))
  const absent = report.platforms.filter(({ available }) => !available)
  return {
    wholly: absent.filter(({ name }) => !measured.has(name)),
    partly: absent.filter(({ name }) => measured.has(name)),
  }
}

/** What was measured of a platform that does not work: the names of its benches. */
export const measuredBenches = ({ cases: benches }: Pick<Report, 'cases'>, platform: string): string[] => [
  ...new Set(
    benches.flatMap(({ name, results: cells }) => (cells.some((cell) => cell.platform === platform) ? [name] : [])),
  ),
]

/** What is worst of what was claimed of one figure, or undefined where nothing was. */
export function worstVerdict(
  report: Report,
  bench: CaseResult,
  platform: string,
  metric: string,
): ClaimVerdict | undefined {
  const params = describeParams(bench.params)
  const about = report.claims.filter(
    (claim) =>
      claim.bench === bench.id &&
      claim.platform === platform &&
      claim.metric === metric &&
      describeParams(claim.params) === params,
  )
  const ranks = [
    (claim: ClaimVerdict) => claim.verdict === 'contradicted' && claim.direction === 'worse',
    (claim: ClaimVerdict) => claim.verdict === 'contradicted',
    (claim: ClaimVerdict) => claim.verdict === 'inconclusive',
    (claim: ClaimVerdict) => claim.verdict === 'holds',
    () => true,
  ]
  return ranks.map((rank) => about.find(rank)).find((claim) => claim !== undefined)
}

/** Rounds of which there is a figure. */
export const roundCount = (result: MetricResult): number => new Set(result.samples.map(({ round }) => round)).size

/** What there is to note of a figure, other than its value. */
export function notesOf(cell: PlatformResult, result: MetricResult): string[] {
  return [
    ...(cell.errors.length > 0 ? [`${cell.errors.length} failed`] : []),
    ...(cell.disturbed ? [`${cell.disturbed} disturbed`] : []),
    ...cell.flags.filter((flag) => flag !== 'suspiciously-fast' || result.ratioToNative !== null),
    ...(result.outliers > 0 ? [`${result.outliers} ${result.outliers === 1 ? 'outlier' : 'outliers'}`] : []),
  ]
}

/** What each flag of a cell means. */
export const flagMeanings: Record<PlatformResult['flags'][number], string> = {
  'suspiciously-fast': 'more than a tenth better than native, which is more often a cache or a clock than a gain',
  'client-bound':
    'isobench’s own client used nine tenths or more of its CPUs, so the figures may say how fast the client is',
}

/** What the flags of this report's figures mean, a sentence each. */
export function flagLegend(report: Report): string[] {
  const flags = new Set(report.cases.flatMap(({ results: cells }) => cells.flatMap((cell) => cell.flags)))
  return [...flags].map((flag) => `${flag}: ${flagMeanings[flag]}`)
}

/** What to know of the samples that others disturbed; undefined where there are none. */
export function disturbance(report: Report): string | undefined {
  const disturbed = resultsOf(report).reduce((sum, { cell }) => sum + (cell.disturbed ?? 0), 0)
  if (disturbed === 0) return undefined
  const samples = disturbed === 1 ? '1 sample' : `${disturbed} samples`
  return `disturbed: during ${samples} something else used the CPUs that were measured on. Up to a tenth of a run is measured once more; end what runs beside it for surer figures`
}

/** A bench's name and parameters, from the id that a claim or a point gives. */
export const benchName = (id: string): string => sanitize(id.slice(id.indexOf('#') + 1), 120)

export const fileOfBench = (id: string): string => id.slice(0, Math.max(0, id.indexOf('#'))) || id

/** A path as shown: relative to the project where it is inside. */
export function shownPath(file: string, root: string): string {
  const path = isAbsolute(file) ? relative(root, file) : file
  return path.startsWith('..') || path === '' ? file : path
}

/** Where a claim was written; without a line where that is not known. */
export function claimLocation(claim: ClaimVerdict, root: string): { readonly file: string; readonly line?: number } {
  if (!claim.location) return { file: fileOfBench(claim.bench) }
  return { file: shownPath(claim.location.file, root), line: claim.location.line }
}
