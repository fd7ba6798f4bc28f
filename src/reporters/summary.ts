import { existsSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import type { BenchInfo } from '../core/model/claim.ts'
import { describeParams, lostShards, type Params } from '../core/model/plan.ts'
import type { CaseResult, MetricResult, PlatformResult, Report } from '../core/model/report.ts'
import type { ClaimVerdict, FindingOutcome, Outcome, ReasonCode } from '../core/model/verdict.ts'
import { median } from '../core/stats/index.ts'
import { type FindingId, seriesOf } from '../dsl/finding-id.ts'
import { groupBy } from '../util/group-by.ts'
import { listText, plural, sanitize } from '../util/text.ts'
import { formatReasonCode, formatReasonSubject } from './format.ts'

/** What every reporter derives from a report: counts, groups, what fails the run, and where things are. */

export const verdictSymbols: Record<FindingOutcome, string> = {
  holds: '✓',
  'holds-in-part': '◐',
  contradicted: '✗',
  inconclusive: '?',
  'not-evaluated': '–',
}

const outcomeNames: Partial<Record<FindingOutcome, string>> = {
  'holds-in-part': 'holds where measured',
  'not-evaluated': 'not evaluated',
}

/** A message with its fix, on one line. */
export const withFix = (message: string, fix: string | null | undefined): string =>
  fix ? `${message.replace(/\.$/, '')}; fix: ${fix}` : message

/** An outcome as people read it. */
export const outcomeName = (outcome: FindingOutcome): string => outcomeNames[outcome] ?? outcome

export function count(verdicts: readonly { readonly outcome: FindingOutcome }[]): Record<FindingOutcome, number> {
  const counts = { holds: 0, 'holds-in-part': 0, contradicted: 0, inconclusive: 0, 'not-evaluated': 0 }
  for (const { outcome } of verdicts) counts[outcome]++
  return counts
}

/** Findings that are counted together: those without a series, or those of one. */
export interface FindingGroup<T> {
  /** Undefined: the paper's findings and the project's own. */
  readonly series: string | undefined
  /** `Findings`, `Findings of the series 2026`. */
  readonly title: string
  readonly findings: readonly T[]
}

/** The findings by series, in the order of the first of each. Every reporter counts and shows the groups apart. */
export function bySeries<T extends { readonly id: FindingId }>(findings: readonly T[]): FindingGroup<T>[] {
  const all = [...new Set(findings.map(({ id }) => seriesOf(id)))]
  return all.map((series) => ({
    series,
    title: series === undefined ? 'Findings' : `Findings of the series ${series}`,
    findings: findings.filter(({ id }) => seriesOf(id) === series),
  }))
}

/** The counts of every summary: `12 hold · 1 contradicted · 0 inconclusive · 3 not evaluated`. */
export const countsLine = ({
  holds,
  contradicted,
  inconclusive,
  'not-evaluated': notEvaluated,
}: Record<Outcome, number>): string =>
  `${holds} hold · ${contradicted} contradicted · ${inconclusive} inconclusive · ${notEvaluated} not evaluated`

/** What measures only a part of a suite. Fewer claims need less correction, so these verdicts may differ. */
const partOptions = [
  ['shard', 'Provisional: a shard has a part of the claims. Only the record of isobench merge decides the exit code.'],
  ['not-failed-before', 'Provisional: --last-failed judges a part of the claims. A run of all benches may differ.'],
] as const

/** Why the verdicts may differ from those of a whole run. */
export const provisionalNotes = ({
  claims,
  excluded,
  damagedLines,
  unreadableRecords,
}: Pick<Report, 'claims' | 'excluded' | 'damagedLines' | 'unreadableRecords'>): string[] => [
  ...partOptions.flatMap(([reason, text]) => (excluded.some((one) => one.reason === reason) ? [text] : [])),
  ...lostNote(excluded),
  ...(damagedLines === undefined ? [] : [`Incomplete: without ${plural(damagedLines, 'damaged line')} of the record.`]),
  ...(unreadableRecords === undefined
    ? []
    : [`Incomplete: the merge left out ${plural(unreadableRecords, 'record')} that it could not read.`]),
  ...zeroNote(claims),
]

/** The most benches that a note names. */
const mostNamed = 4

/** Which claims are not evaluated because a value of 0 has no ratio: they may hide a platform that does nothing. */
function zeroNote(claims: Report['claims']): string[] {
  const open = claims.filter(({ reason }) => reason?.code === 'zero-value')
  if (open.length === 0) return []
  const names = open.map(({ bench, params, platforms, comparedWith, claim }) => {
    const [of, to] = [platforms, comparedWith].map((all) => listText(all, mostNamed))
    return sanitize(`${caseName(bench, params)} ${claim.metric} · ${of}${to ? ` against ${to}` : ''}`)
  })
  return [`Not evaluated, because a value of 0 has no ratio: ${listText([...new Set(names)], mostNamed)}.`]
}

/** Which benches lack samples because a shard is missing; empty if none. */
export function lostNote(excluded: Report['excluded']): string[] {
  const benches = excluded.flatMap(({ bench, reason }) => (reason === 'shard-missing' ? [bench] : []))
  if (benches.length === 0) return []
  return [
    `Incomplete: no samples of ${plural(benches.length, 'bench', 'benches')} of ${shardsText(lostShards(excluded))}, ` +
      `so claims about them are not evaluated: ${listText(benches, mostNamed)}.`,
  ]
}

/** `shard 3/8`, `shards 2/8, 3/8 and 5/8`. */
export const shardsText = (names: readonly string[]): string =>
  `shard${names.length === 1 ? '' : 's'} ${listText(names)}`

/** What limits the verdicts of a report as a whole, a sentence each. */
export function verdictNotes(report: Report): string[] {
  const { profile, independence } = report
  const { tested, untested, needed } = independence
  return [
    ...provisionalNotes(report),
    ...(profile.name === 'quick'
      ? ['The profile quick uses small sizes. --profile paper uses those of the paper.']
      : []),
    ...(untested > 0
      ? [
          `Independence of rounds: not checked for ${untested} of ${tested + untested} verdicts, ` +
            `which have fewer than ${needed} rounds (--rounds ${needed}).`,
        ]
      : []),
  ]
}

/** A claim about a case that a bench and several findings may share. */
export interface UniqueClaim {
  readonly verdict: ClaimVerdict
  readonly fails: boolean
  /** The findings that state it. */
  readonly findings: readonly FindingId[]
  /** Whether the bench states it too. */
  readonly isOwn: boolean
}

const keyOf = ({ claim, params, platforms, outcome }: ClaimVerdict): string => {
  const { bench, metric, matcher, onAtLeast } = claim
  const about = platforms.length > 0 ? platforms : claim.on
  return JSON.stringify([bench, metric, about, describeParams(params), matcher, onAtLeast, outcome])
}

const notAskedCodes: readonly ReasonCode[] = ['not-measured', 'platform-unknown', 'platform-excluded']

/** Whether the run was asked for what the claim is about: filters and options exclude benches and platforms. */
export const isAsked = ({ reason }: Pick<ClaimVerdict, 'reason'>): boolean =>
  reason === null || !notAskedCodes.includes(reason.code)

/** What `failsRun` of a verdict means in this run. With `--strict`, an open verdict makes the exit code 3. */
export const failsWords = ({ exit }: Pick<Report, 'exit'>): string =>
  exit.code === exitCodes.inconclusive ? 'leaves the run open' : 'fails the run'

/** Every different claim once, those that fail the run first. */
export function uniqueClaims(report: Report, isWanted: (verdict: ClaimVerdict) => boolean): UniqueClaim[] {
  const groups = groupBy(report.claims.filter(isWanted), keyOf)
  const all = [...groups.values()].map((verdicts): UniqueClaim => {
    const findings = [...new Set(verdicts.flatMap(({ finding }) => finding ?? []))]
    const isOwn = verdicts.some(({ finding }) => finding === null)
    const fails = verdicts.some(({ failsRun }) => failsRun)
    return { verdict: verdicts[0]!, fails, findings, isOwn }
  })
  return [...all.filter(({ fails }) => fails), ...all.filter(({ fails }) => !fails)]
}

/**
 * Why claims are not evaluated, the most frequent reason first, and for which platforms. Claims with failed samples
 * are shown elsewhere.
 */
export function notEvaluated(report: Report): { readonly text: string; readonly count: number }[] {
  const reasons = new Map<ReasonCode, Map<string, number>>()
  for (const { outcome, reason } of report.claims) {
    if (outcome !== 'not-evaluated' || !reason || reason.code === 'sample-errors') continue
    const subject = formatReasonSubject(reason)
    const subjects = reasons.get(reason.code) ?? new Map<string, number>()
    reasons.set(reason.code, subjects.set(subject, (subjects.get(subject) ?? 0) + 1))
  }
  const groups = [...reasons].map(([code, subjects]) => {
    const names = [...subjects].filter(([name]) => name !== '').map(([name, count]) => `${sanitize(name, 60)} ${count}`)
    const sum = [...subjects.values()].reduce((all, one) => all + one, 0)
    const why = code === 'workload-unsupported' ? unsupportedText(report) : ''
    return { text: formatReasonCode(code) + (names.length > 0 ? ` (${names.join(', ')})` : '') + why, count: sum }
  })
  return groups.sort((a, b) => b.count - a.count)
}

/** Why platforms could not run workloads, with the fixes: what samples reported. */
function unsupportedText(report: Report): string {
  const texts = new Set(resultsOf(report).flatMap(({ result }) => result.unsupported ?? []))
  const shown = [...texts].slice(0, 2).map((text) => `: ${sanitize(text, 240)}`)
  return shown.join('') + (texts.size > shown.length ? `; and ${texts.size - shown.length} more` : '')
}

/** Whether a case has all these parameters. */
const isPartOf = (params: Params, all: Params): boolean =>
  Object.entries(params).every(([name, value]) => all[name] === value)

/** The results with failed samples that leave some claims not evaluated, and how many claims each. */
export function failedResults(
  report: Report,
  claims = report.claims,
): { bench: CaseResult; result: PlatformResult; claims: number }[] {
  const lost = claims.flatMap((verdict) =>
    verdict.reason?.code === 'sample-errors' ? [{ verdict, ...verdict.reason }] : [],
  )
  return resultsOf(report).flatMap(({ bench, result }) => {
    const own = lost.filter(
      ({ platforms, at, verdict: { case: id, bench: about, params } }) =>
        platforms.includes(result.platform) &&
        (at === undefined || at.values.includes(bench.params[at.parameter]!)) &&
        // A claim over a parameter has no case.
        (id === bench.case || (id === null && about.id === bench.bench.id && isPartOf(params, bench.params))),
    ).length
    return own > 0 ? [{ bench, result, claims: own }] : []
  })
}

export const resultsOf = (report: Report): { bench: CaseResult; result: PlatformResult }[] =>
  report.cases.flatMap((bench) => bench.results.map((result) => ({ bench, result })))

/**
 * Platforms that do not work on this host. `partially`: something of them was measured all the same, such as the floor
 * of a VMM that cannot boot guests without KVM.
 */
export function unavailablePlatforms(
  report: Pick<Report, 'platforms' | 'cases'>,
): Record<'entirely' | 'partially', Report['platforms']> {
  const measured = new Set(report.cases.flatMap(({ results }) => results.map(({ platform }) => platform)))
  const absent = report.platforms.filter(({ available }) => !available)
  return {
    entirely: absent.filter(({ name }) => !measured.has(name)),
    partially: absent.filter(({ name }) => measured.has(name)),
  }
}

/** The platforms that a run leaves out because of their tags, in one line; undefined if there are none. */
export function excludedPlatformsNote(
  excluded: readonly { readonly name: string; readonly tags: readonly string[] }[],
): string | undefined {
  if (excluded.length === 0) return undefined
  const names = excluded.map(({ name }) => sanitize(name, 60)).join(', ')
  return `${plural(excluded.length, 'platform')} left out by default: ${names}; include them with --all-platforms`
}

/** What was measured of a platform that does not work: the names of its benches. */
export const measuredBenches = ({ cases: benches }: Pick<Report, 'cases'>, platform: string): string[] => [
  ...new Set(
    benches.flatMap(({ bench, results }) => (results.some((one) => one.platform === platform) ? [bench.name] : [])),
  ),
]

/** Equal for the same metric of a platform in a case. */
export const figureKey = (caseId: string, platform: string, metric: string): string =>
  JSON.stringify([caseId, platform, metric])

const indexedClaims = new WeakMap<Report['claims'], ReadonlyMap<string, ClaimVerdict[]>>()

/** The claims about one platform in one case, by `figureKey`. Indexed once, because every reporter asks for all. */
function claimsByFigure({ claims }: Pick<Report, 'claims'>): ReadonlyMap<string, ClaimVerdict[]> {
  const known = indexedClaims.get(claims)
  if (known) return known
  const index = groupBy(
    claims.filter(({ case: id, platforms }) => id !== null && platforms.length === 1),
    ({ case: id, platforms, claim }) => figureKey(id!, platforms[0]!, claim.metric),
  )
  indexedClaims.set(claims, index)
  return index
}

/** What is worst of what was claimed of one figure, or undefined where nothing was. */
export function worstVerdict(
  report: Report,
  bench: CaseResult,
  platform: string,
  metric: string,
): ClaimVerdict | undefined {
  const about = claimsByFigure(report).get(figureKey(bench.case, platform, metric)) ?? []
  const ranks = [
    ({ outcome, direction }: ClaimVerdict) => outcome === 'contradicted' && direction === 'worse',
    ({ outcome }: ClaimVerdict) => outcome === 'contradicted',
    ({ outcome }: ClaimVerdict) => outcome === 'inconclusive',
    ({ outcome }: ClaimVerdict) => outcome === 'holds',
    () => true,
  ]
  return ranks.map((rank) => about.find(rank)).find((verdict) => verdict !== undefined)
}

/** The median of each round, in the order of the rounds. */
export function roundMedians({ samples }: Pick<MetricResult, 'samples'>): Map<number, number> {
  const rounds = new Map<number, number[]>()
  for (const { round, value } of samples) rounds.set(round, [...(rounds.get(round) ?? []), value])
  return new Map([...rounds].sort(([a], [b]) => a - b).map(([round, values]) => [round, median(values)]))
}

/** Rounds of which there is a figure. */
export const roundCount = (result: MetricResult): number => new Set(result.samples.map(({ round }) => round)).size

/** What there is to note of a figure, other than its value. */
export function notesOf(result: PlatformResult, metricResult: MetricResult): string[] {
  return [
    ...(result.unsupported === undefined ? [] : ['not supported']),
    ...(result.errors.length > 0 ? [`${result.errors.length} failed`] : []),
    ...(result.disturbed ? [`${result.disturbed} disturbed`] : []),
    ...result.flags.filter((flag) => flag !== 'suspiciously-fast' || metricResult.ratioToNative !== null),
    ...(metricResult.outliers > 0 ? [plural(metricResult.outliers, 'outlier')] : []),
  ]
}

/** What each flag of a result means. */
export const flagMeanings: Record<PlatformResult['flags'][number], string> = {
  'suspiciously-fast': 'more than a tenth better than native, which is more often a cache or a clock than a gain',
  'client-bound':
    'isobench’s own client used nine tenths or more of its CPUs, so the figures may say how fast the client is',
}

/** What the flags of this report's figures mean, a sentence each. */
export function flagLegend(report: Report): string[] {
  const flags = new Set(report.cases.flatMap(({ results }) => results.flatMap((result) => result.flags)))
  return [...flags].map((flag) => `${flag}: ${flagMeanings[flag]}`)
}

/** What to know of the samples that others disturbed; undefined where there are none. */
export function disturbance(report: Report): string | undefined {
  const disturbed = resultsOf(report).reduce((sum, { result }) => sum + (result.disturbed ?? 0), 0)
  if (disturbed === 0) return undefined
  const samples = disturbed === 1 ? '1 sample' : `${disturbed} samples`
  return (
    `disturbed: during ${samples} other processes used the CPUs of the guests. ` +
    'isobench repeats at most a tenth of the samples. Stop other processes for more precise results'
  )
}

type Security = NonNullable<Report['platforms'][number]['security']>

/** What confines the processes of a guest: `14 capabilities, seccomp filter, no_new_privs`. */
export function securityText({ capabilities, seccomp, seccompFilters, noNewPrivileges }: Security): string {
  const filters = seccompFilters !== undefined && seccompFilters > 1 ? `${seccompFilters} seccomp filters` : undefined
  const mode = seccomp === 'none' ? 'no seccomp filter' : seccomp === 'strict' ? 'strict seccomp' : 'seccomp filter'
  return [
    plural(capabilities.length, 'capability', 'capabilities'),
    filters ?? mode,
    noNewPrivileges ? 'no_new_privs' : 'without no_new_privs',
  ].join(', ')
}

/** A bench's name, safe to print. */
export const benchName = ({ name }: Pick<BenchInfo, 'name'>): string => sanitize(name, 120)

/** A case as shown: the name of its bench, then its parameters. */
export const caseName = (bench: Pick<BenchInfo, 'name'>, params: Params): string =>
  [benchName(bench), sanitize(describeParams(params))].filter(Boolean).join(' ')

/** A path as shown: relative to the project where it is inside. */
export function shownPath(file: string, root: string): string {
  const path = isAbsolute(file) ? relative(root, file) : file
  return path.startsWith('..') || path === '' ? file : path
}

/**
 * A source file relative to the project. The record may be of another checkout of it, such as another workspace of a
 * CI server: then the path is the longest end of the recorded one that is a file of this project.
 */
export function inProject(file: string, root: string): string {
  const shown = shownPath(file, root)
  if (!isAbsolute(shown)) return shown
  const parts = file.split('/')
  // A name alone, such as index.ts, says too little.
  const ends = parts.slice(0, -2).map((_, at) => parts.slice(at + 1).join('/'))
  return ends.find((end) => existsSync(join(root, end))) ?? shown
}

/**
 * The names of the records of reports, each different: `run.jsonl`, or with as many folders as it takes to
 * distinguish files of one name. The same file twice has a number.
 */
export function recordNames(reports: readonly Pick<Report, 'record'>[]): string[] {
  const paths = reports.map(({ record }) => resolve(record))
  const names = paths.map((path) => {
    const others = [...new Set(paths)].filter((other) => other !== path)
    const parts = path.split(sep)
    for (let from = parts.length - 1; from > 0; from--) {
      const name = parts.slice(from).join(sep)
      if (!others.some((other) => other.endsWith(`${sep}${name}`))) return name
    }
    return path
  })
  return names.map((name, at) => {
    const before = names.slice(0, at).filter((one) => one === name).length
    return before === 0 ? name : `${name} (${before + 1})`
  })
}
