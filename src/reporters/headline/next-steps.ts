import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { median } from '../../core/stats/index.ts'
import { sanitize } from '../../util/text.ts'
import { unavailablePlatforms } from '../summary.ts'
import type { Fact } from './facts.ts'

/** What to do after a run: commands, and how long they take here. */

export interface NextStep {
  /**
   * `decide`: more rounds for what is inconclusive. `quiet`: other processes disturbed the run. `keep`: save a
   * baseline. `platforms`: some of them cannot run here. `details`: all tables; its command depends on the record.
   */
  readonly kind: 'decide' | 'quiet' | 'keep' | 'platforms' | 'details'
  readonly command: Command | null
  /** How many claims, samples or platforms it is about. */
  readonly count: number
  readonly of: number
}

export interface Command {
  readonly line: string
  /** Seconds that it takes at least and at most, by the samples of this run; null if unknown. */
  readonly seconds: { readonly least: number; readonly most: number } | null
}

/** What a command measures again. Absent: everything. */
interface Selection {
  /** Bench files, relative to the project. */
  readonly files?: readonly string[]
  readonly platforms?: readonly string[]
  /** The baseline to compare with. */
  readonly baseline?: string | undefined
}

/** The most bench files or platforms that a command names. */
const mostNamed = 4

/** Rounds that decide what five or ten could not. */
const extraRounds = (rounds: number): { readonly least: number; readonly most: number } => {
  const least = Math.max(8, 2 * rounds)
  return { least, most: 3 * least }
}

/** The command that measures a selection again with more rounds; null for imported results. */
export function rerun(report: Report, { files, platforms, baseline }: Selection): Command | null {
  const { profile } = report
  if (profile.name === 'imported') return null
  const named = files && files.length <= mostNamed ? files : undefined
  const those = platforms && platforms.length <= mostNamed ? [...new Set(['native', ...platforms])] : undefined
  const { least, most } = extraRounds(profile.rounds)
  const line = [
    'isobench run',
    ...(named ?? []).map((file) => shellWord(filterOf(file))),
    ...(those ? [`--platform ${shellWord(those.join(','))}`] : []),
    ...(profile.name === 'quick' ? [] : [`--profile ${shellWord(profile.name)}`]),
    `--rounds ${least}..${most}`,
    ...(baseline === undefined ? [] : [`--baseline ${shellWord(baseline)}`]),
  ].join(' ')
  const perRound = secondsOfRound(report, named, those)
  const seconds = (rounds: number) => perRound * (rounds + profile.warmup)
  return { line, seconds: perRound > 0 ? { least: seconds(least), most: seconds(most) } : null }
}

/** A bench file as shortly as filters allow. */
const filterOf = (file: string): string => file.replace(/^benches\//, '').replace(/\.bench\.[cm]?[jt]s$/, '')

/** A word of a command line, safe to paste into a shell. */
export function shellWord(text: string): string {
  const word = sanitize(text)
  return /^[\w./,@:+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function secondsOfRound(report: Report, files?: readonly string[], platforms?: readonly string[]): number {
  const results = report.cases
    .filter(({ bench }) => !files || files.includes(bench.file))
    .flatMap((one) => one.results.filter(({ platform }) => !platforms || platforms.includes(platform)))
  const times = results.map(({ samples }) => samples.map(({ wallMs }) => wallMs)).filter((all) => all.length > 0)
  return times.reduce((sum, all) => sum + median(all), 0) / 1000
}

/** How many subjects of a fact a command measures again: the worst ones. */
const rerunSubjects = 2

/** The command that measures the worst subjects of a fact again. */
export function rerunOf(report: Report, { bench, subjects, direction }: Fact): Command | null {
  if (direction === 'better') return null
  const worst = subjects.slice(0, rerunSubjects)
  const all = [...new Set(worst.flatMap((one) => [...one.platforms, ...(one.verdict?.comparedWith ?? [])]))]
  const platforms = all.filter((name) => isMeasured(report, name))
  if (platforms.length === 0) return null
  const since = worst[0]?.since
  const baseline = since?.kind === 'regressed' ? since.baseline : undefined
  return rerun(report, { files: [bench.file], platforms, baseline })
}

const isMeasured = ({ cases: benches }: Report, name: string): boolean =>
  benches.some(({ results }) => results.some(({ platform }) => platform === name))

/** Claims that more rounds may decide. */
export const needsRounds = ({
  outcome,
  extraRoundsNeeded,
}: Pick<ClaimVerdict, 'outcome' | 'extraRoundsNeeded'>): boolean =>
  outcome === 'inconclusive' && extraRoundsNeeded !== 'too-many'

/** How many samples other processes disturbed, and when most of them were. */
export interface Disturbance {
  readonly disturbed: number
  readonly of: number
  /** The time in which most disturbed samples began, ISO 8601 in UTC; null if they are spread or have no time. */
  readonly most: { readonly from: string; readonly to: string; readonly count: number } | null
}

/** A quarter of the time of the run with more than half of its disturbed samples is worth a look into logs. */
const shortShare = 0.25
const mostShare = 0.5

export function disturbanceOf({ cases: benches }: Pick<Report, 'cases'>): Disturbance | null {
  const samples = benches.flatMap(({ results }) => results.flatMap((one) => one.samples))
  const disturbed = samples.filter((one) => one.disturbed)
  if (disturbed.length === 0) return null
  const times = (all: typeof samples) => all.flatMap(({ startedAt }) => startedAt ?? []).sort()
  return { disturbed: disturbed.length, of: samples.length, most: window(times(disturbed), times(samples)) }
}

/** The shortest window with more than half of the disturbed samples, if it is a small part of the run. */
function window(disturbed: readonly string[], all: readonly string[]): Disturbance['most'] {
  const count = Math.floor(disturbed.length * mostShare) + 1
  if (disturbed.length < 2 || disturbed.length < count) return null
  const length = (from: string, to: string) => Date.parse(to) - Date.parse(from)
  const windows = disturbed.slice(count - 1).map((to, at) => ({ from: disturbed[at]!, to, count }))
  const best = windows.reduce((a, b) => (length(b.from, b.to) < length(a.from, a.to) ? b : a))
  const whole = length(all[0]!, all.at(-1)!)
  return whole > 0 && length(best.from, best.to) <= shortShare * whole ? best : null
}

/** A share of disturbed samples from which the run deserves a quiet host. */
const noisy = 0.1

export function nextSteps(report: Report, hasBaseline: boolean): NextStep[] {
  const { claims, exit } = report
  const open = claims.filter(needsRounds)
  const files = [...new Set(open.map(({ bench }) => bench.file))]
  const platforms = [...new Set(open.flatMap((one) => [...one.platforms, ...one.comparedWith]))]
  const disturbance = disturbanceOf(report)
  const absent = unavailablePlatforms(report)
  const missing = absent.entirely.length + absent.partially.length
  const isImported = report.profile.name === 'imported'
  const step = (kind: NextStep['kind'], line: string | Command | null, count: number, of: number): NextStep => ({
    kind,
    command: typeof line === 'string' ? { line, seconds: null } : line,
    count,
    of,
  })
  return [
    ...(open.length > 0 && !isImported
      ? [step('decide', rerun(report, { files, platforms }), open.length, claims.length)]
      : []),
    ...(disturbance && disturbance.disturbed >= noisy * disturbance.of
      ? [step('quiet', null, disturbance.disturbed, disturbance.of)]
      : []),
    ...(exit.code === 0 && !hasBaseline && !isImported
      ? [step('keep', 'isobench run --save-baseline main', 0, 0)]
      : []),
    ...(missing > 0 && !isImported ? [step('platforms', 'isobench doctor', missing, report.platforms.length)] : []),
    step('details', null, 0, 0),
  ]
}
