import type { BenchInfo } from '../../core/model/claim.ts'
import { defaultProfiles, lostShards } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import { benchInfo, shortFile } from '../../core/model/suite.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { median } from '../../core/stats/index.ts'
import { isTransient } from '../../util/inputs.ts'
import { sanitize } from '../../util/text.ts'
import { unavailablePlatforms } from '../summary.ts'
import { type Disturbance, isMostlyDisturbed } from './disturbance.ts'
import type { Fact } from './facts.ts'

/** What to do after a run: commands, and how long they take here. */

export interface NextStep {
  /**
   * What decides open claims, by what keeps them open. `quiet`: other processes disturbed the run. `spread`: the rounds
   * depend on each other. `decide`: more rounds. `unreachable`: so many that more rounds alone do not decide.
   *
   * `shards`: measure lost shards. `keep`: save a baseline; not of a part of the shards. `platforms`: some of them
   * cannot run here. `details`: all tables; its command depends on the record.
   */
  readonly kind: DoubtCause | 'shards' | 'keep' | 'platforms' | 'details'
  readonly command: Command | null
  /** How many claims or platforms it is about; 0 if the run needs a quiet host and no claim is open because of that. */
  readonly count: number
  readonly of: number
  readonly lost?: LostShards
  /** Whether the command leaves out the plan file of the run, because that states its rounds. */
  readonly isWithoutPlan?: boolean
}

/** Shards without samples of some of their benches. */
export interface LostShards {
  /** Such as `3/8`, at least one. */
  readonly names: readonly string[]
  /** Undefined if the record has shards of several plans. */
  readonly shard: Report['shard']
}

/** What keeps a claim open, named by the step that decides it. */
export type DoubtCause = 'quiet' | 'spread' | 'decide' | 'unreachable'

export interface Command {
  readonly line: string
  /** Seconds that it takes at least and at most, by the samples of this run; null if unknown. */
  readonly seconds: { readonly least: number; readonly most: number } | null
}

/** What a command measures again, and how. */
interface Selection {
  readonly benches: readonly BenchInfo[]
  readonly platforms: readonly string[]
  /** `same`: as many rounds as the run. `more`: rounds that decide what those could not. `spread`: over more time. */
  readonly rounds: 'same' | 'more' | 'spread'
  /** The baseline to compare with. */
  readonly baseline?: string | undefined
}

/** The most bench files, benches or platforms that a command names. */
const mostNamed = 4

/** Rounds that decide what five or ten could not. */
const extraRounds = (rounds: number): { readonly least: number; readonly most: number } => {
  const least = Math.max(8, 2 * rounds)
  return { least, most: 3 * least }
}

/** How much longer the samples of rounds that depended on each other get. */
const longerSamples = 3

/** The command that measures a selection again; null for imported results. */
function rerun(report: Report, { benches, platforms, rounds, baseline }: Selection): Command | null {
  const { profile } = report
  if (profile.name === 'imported') return null
  const files = [...new Set(benches.map(({ file }) => file))]
  const named = files.length <= mostNamed ? files : []
  const names = named.length > 0 ? namesOf(report, benches, named) : []
  const those = platforms.length <= mostNamed ? [...new Set(['native', ...platforms])] : undefined
  const { least, most } =
    rounds === 'same' ? { least: profile.rounds, most: profile.rounds } : extraRounds(profile.rounds)
  const line = [
    'isobench run',
    ...named.map((file) => shellWord(filterOf(report, file))),
    ...names.map((name) => `--name ${shellWord(name)}`),
    ...(those ? [`--platform ${shellWord(those.join(','))}`] : []),
    ...(profile.name === 'quick' ? [] : [`--profile ${shellWord(profile.name)}`]),
    `--rounds ${least === most ? least : `${least}..${most}`}`,
    ...sampleOptions(profile, rounds === 'spread' ? longerSamples : 1),
    ...(baseline === undefined ? [] : [`--baseline ${inputWord(baseline)}`]),
  ].join(' ')
  const perRound = secondsOfRound(report, { files: named, names }, those) * (rounds === 'spread' ? longerSamples : 1)
  const seconds = (count: number) => perRound * (count + profile.warmup)
  return { line, seconds: perRound > 0 ? { least: seconds(least), most: seconds(most) } : null }
}

/** A shorter filter is probably a part of files that the report does not know. */
const leastFilter = 4

/** What selects one bench file: its short path, or the whole one if the short one is a part of other paths too. */
function filterOf(report: Report, file: string): string {
  const short = shortFile(file)
  const known = new Set([
    ...report.cases.map(({ bench }) => bench.file),
    ...report.excluded.map(({ bench }) => benchInfo(bench, []).file),
    file,
  ])
  const isUnique = [...known].every((one) => one.split(short).length === (one === file ? 2 : 1))
  return isUnique && short.length >= leastFilter ? short : file
}

/** The name that `--name` takes: `infoOf` adds the file to a name that benches of other files have too. */
const plainName = ({ name, file }: BenchInfo): string => {
  const suffix = ` (${shortFile(file)})`
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
}

/** The names of benches, if their files have others that a run of the files would measure too. */
function namesOf(report: Report, benches: readonly BenchInfo[], files: readonly string[]): string[] {
  const wanted = new Set(benches.map(({ id }) => id))
  const isUnwanted = (id: string) => !wanted.has(id) && files.includes(benchInfo(id, []).file)
  const others = [
    ...report.cases.map(({ bench }) => bench.id),
    ...report.excluded.flatMap(({ bench, reason }) => (neverRun.has(reason) ? [] : [bench])),
  ]
  const names = [...new Set(benches.map(plainName))]
  return others.some(isUnwanted) && names.length <= mostNamed ? names : []
}

/** Why a bench is not measured, even if a command names its file. */
const neverRun: ReadonlySet<Report['excluded'][number]['reason']> = new Set(['skip', 'todo', 'only'])

/**
 * The options that give samples the length and the limit of the run, unless its profile gives them. The record does not
 * say what a profile of the config gives, so such a profile has both options.
 */
function sampleOptions({ name, seconds, timeout }: Report['profile'], factor: number): string[] {
  // 3 * 0.3 is 0.8999999999999999.
  const longer = Number((factor * seconds).toPrecision(6))
  const usual = Object.hasOwn(defaultProfiles, name) ? defaultProfiles[name] : undefined
  return [
    ...(longer === usual?.seconds ? [] : [`--seconds ${longer}`]),
    ...(timeout === usual?.timeout ? [] : [`--timeout ${timeout}`]),
  ]
}

/** A word of a command line, safe to paste into a shell. */
export function shellWord(text: string): string {
  const word = sanitize(text)
  return /^[\w./,@:+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** An input in a command that a user runs later. A pipe cannot be read again, so its place has the word FILE. */
export const inputWord = (path: string): string => (isTransient(path) ? 'FILE' : shellWord(path))

/** What a command selects besides platforms: files, and parts of names as `--name` takes them. */
interface BenchFilter {
  readonly files: readonly string[]
  readonly names: readonly string[]
}

/** Whether a command measures a bench. `--name x` selects `x > y` too. */
const isSelected = ({ files, names }: BenchFilter, bench: BenchInfo): boolean =>
  (files.length === 0 || files.includes(bench.file)) &&
  (names.length === 0 || names.some((name) => plainName(bench).includes(name)))

/** Whether a command measures a bench without samples here, so that its time is unknown. */
const selectsUnmeasured = ({ excluded }: Report, filter: BenchFilter): boolean =>
  excluded.some(
    ({ bench, reason }) =>
      !neverRun.has(reason) &&
      // A profile excludes nothing that a filter names.
      !(reason === 'profile' && filter.files.length === 0) &&
      isSelected(filter, benchInfo(bench, [])),
  )

/** Seconds of one round of what a command measures; 0 if unknown. */
function secondsOfRound(report: Report, filter: BenchFilter, platforms?: readonly string[]): number {
  if (selectsUnmeasured(report, filter)) return 0
  const results = report.cases
    .filter(({ bench }) => isSelected(filter, bench))
    .flatMap((one) => one.results.filter(({ platform }) => !platforms || platforms.includes(platform)))
  const times = results.map(({ samples }) => samples.map(({ wallMs }) => wallMs)).filter((all) => all.length > 0)
  return times.reduce((sum, all) => sum + median(all), 0) / 1000
}

/** The command that measures what some claims are about again. */
function rerunClaims(
  report: Report,
  claims: readonly Pick<ClaimVerdict, 'bench' | 'platforms' | 'comparedWith'>[],
  rounds: Selection['rounds'],
): Command | null {
  const platforms = [...new Set(claims.flatMap((one) => [...one.platforms, ...one.comparedWith]))]
  return rerun(report, { benches: claims.map(({ bench }) => bench), platforms, rounds })
}

/** The command that repeats a bench on a platform with failed samples. */
export const rerunFailed = (report: Report, bench: BenchInfo, platform: string): Command | null =>
  rerun(report, { benches: [bench], platforms: [platform], rounds: 'same' })

/** What decides a claim that is open, or shows again that one is contradicted; null if nothing does. */
export function rerunClaim(report: Report, verdict: ClaimVerdict): Command | null {
  const cause = doubtCause(report, verdict)
  if (cause === undefined) return isOpen(verdict) ? null : rerunClaims(report, [verdict], 'same')
  return rerunClaims(report, [verdict], roundsOf(cause, [verdict]))
}

/** How many subjects of a fact a command measures again: the worst ones. */
const rerunSubjects = 2

/** The command that measures the worst subjects of a fact again, after something was changed. */
export function rerunOf(report: Report, { bench, subjects, direction }: Fact): Command | null {
  if (direction === 'better') return null
  // A bench of the baseline that the project no longer has.
  if (!report.cases.some((one) => one.bench.id === bench.id)) return null
  const worst = subjects.slice(0, rerunSubjects)
  const all = [...new Set(worst.flatMap((one) => [...one.platforms, ...(one.verdict?.comparedWith ?? [])]))]
  const platforms = all.filter((name) => isMeasured(report, name))
  if (platforms.length === 0) return null
  const since = worst[0]?.since
  const baseline = since?.kind === 'regressed' ? since.baseline : undefined
  return rerun(report, { benches: [bench], platforms, rounds: 'same', baseline })
}

/**
 * The command that prints all tables.
 * @param record the path of the record; undefined for the latest run
 */
export const allTables = (record: string | undefined): string =>
  ['isobench report', ...(record === undefined ? [] : [inputWord(record)]), '--all'].join(' ')

/**
 * The command that shows more about a fact: how it is judged, how it changed over the runs, or every sample.
 * @param record the path of the record; undefined for the latest run
 */
export function moreAbout(
  { bench, findings }: Pick<Fact, 'bench' | 'findings'>,
  { baseline, former }: { readonly baseline: object | null; readonly former: object | null | undefined },
  record?: string,
): string {
  if (findings.length > 0)
    return [
      `isobench findings ${findings.join(' ')} --explain`,
      ...(record ? [`--record ${inputWord(record)}`] : []),
    ].join(' ')
  if (baseline || former) return `isobench history --bench ${shellWord(bench.id)}`
  return allTables(record)
}

const isMeasured = ({ cases: benches }: Report, name: string): boolean =>
  benches.some(({ results }) => results.some(({ platform }) => platform === name))

const isOpen = ({ outcome }: ClaimVerdict): boolean => outcome === 'inconclusive'

/** What keeps a claim open; undefined if it is not, or if nothing that was measured again would decide it. */
export function doubtCause(report: Report, verdict: ClaimVerdict): DoubtCause | undefined {
  const { reason, extraRoundsNeeded } = verdict
  if (!isOpen(verdict) || reason?.code === 'equals-margin') return undefined
  if (reason?.code === 'host-overloaded' || isMostlyDisturbed(report, verdict)) return 'quiet'
  if (reason?.code === 'dependent-rounds') return 'spread'
  return extraRoundsNeeded === 'too-many' ? 'unreachable' : 'decide'
}

const causes: readonly DoubtCause[] = ['quiet', 'spread', 'decide', 'unreachable']

const roundsFor: Readonly<Record<DoubtCause, Selection['rounds']>> = {
  quiet: 'same',
  spread: 'spread',
  decide: 'more',
  unreachable: 'more',
}

/** Too few rounds decide nothing, however quiet the host is. */
const roundsOf = (cause: DoubtCause, open: readonly ClaimVerdict[]): Selection['rounds'] =>
  cause === 'quiet' && open.some(({ reason }) => reason?.code === 'too-few-rounds') ? 'more' : roundsFor[cause]

/** A share of disturbed samples from which the run deserves a quiet host. */
const noisy = 0.1

export function nextSteps(report: Report, hasBaseline: boolean, disturbance: Disturbance | null): NextStep[] {
  const { claims, exit } = report
  const absent = unavailablePlatforms(report)
  const missing = absent.entirely.length + absent.partially.length
  const step = (
    kind: NextStep['kind'],
    command: Command | null,
    count = 0,
    of = 0,
    more: Partial<NextStep> = {},
  ): NextStep => ({
    kind,
    command,
    count,
    of,
    ...more,
  })
  // A baseline of a part would lack the benches of the other shards, and would be measured on one host.
  const isPart = report.excluded.some(({ reason }) => reason === 'shard' || reason === 'shard-missing')
  const show = (line: string): Command => ({ line, seconds: null })
  if (report.profile.name === 'imported') return [step('details', null)]
  const decisions = causes.flatMap((cause) => {
    const open = claims.filter((verdict) => doubtCause(report, verdict) === cause)
    const isNoisy = cause === 'quiet' && disturbance !== null && disturbance.disturbed >= noisy * disturbance.of
    if (open.length === 0 && !isNoisy) return []
    const command =
      open.length === 0 || cause === 'unreachable' ? null : rerunClaims(report, open, roundsOf(cause, open))
    return [step(cause, command, open.length, claims.length, { isWithoutPlan: report.shard?.isOfFile === true })]
  })
  return [
    ...lostStep(report),
    ...decisions,
    ...(exit.code === 0 && !hasBaseline && !isPart ? [step('keep', show('isobench run --save-baseline main'))] : []),
    ...(missing > 0 ? [step('platforms', show('isobench doctor'), missing, report.platforms.length)] : []),
    step('details', null),
  ]
}

/** The command that measures the first shard without samples. */
function lostStep({ excluded, shard }: Report): NextStep[] {
  const names = lostShards(excluded)
  if (names.length === 0) return []
  const line = ['isobench run', ...(shard?.isOfFile ? ['--plan FILE'] : []), `--shard ${shellWord(names[0]!)}`].join(
    ' ',
  )
  const command = shard ? { line, seconds: null } : null
  return [{ kind: 'shards', command, count: names.length, of: names.length, lost: { names, shard } }]
}
