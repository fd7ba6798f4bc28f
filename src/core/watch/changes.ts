import { isDeepStrictEqual } from 'node:util'
import type { MeasureJob } from '../measure/run-loop.ts'
import { type CasesToMeasure, casesOf, type ResolvedProfile } from '../model/plan.ts'
import type { Report } from '../model/report.ts'
import type { BenchData, FindingData, Problem } from '../model/suite.ts'
import type { Project } from '../project/config.ts'
import type { SampleStore } from './sample-store.ts'

/** What a change reaches, and which job follows. Pure functions. */

/** Everything that a measurement or a verdict depends on, at one moment. */
export interface Snapshot {
  readonly guest: Project['guest']
  readonly image: Project['image']
  readonly profile: ResolvedProfile
  /** Of the selected benches. */
  readonly benches: readonly BenchData[]
  readonly findings: readonly FindingData[]
  /** The options and the binaries on disk, by the platform's name. */
  readonly platforms: ReadonlyMap<string, string>
  /** Tags by the platform's name. */
  readonly tags: ReadonlyMap<string, readonly string[]>
}

/** What follows from a change. */
export type Decision =
  | { readonly what: 'nothing' | 'judge' | 'all' }
  /** Some benches on all platforms, and some platforms, together with native, for all benches. */
  | { readonly what: 'measure'; readonly benches: readonly string[]; readonly platforms: readonly string[] }

/**
 * What a decision does, in words.
 * @param host returns those of some platforms that cannot run on it, and whether another process uses it
 */
export function decisionText(
  decision: Decision,
  { benches }: Pick<Snapshot, 'benches'>,
  problems: readonly Problem[],
  host: { readonly isAwaited: boolean; unavailable(names: readonly string[]): readonly string[] },
): string {
  if (problems.length > 0) return 'cannot be used; the last results stay'
  if (decision.what === 'nothing') return 'nothing to do'
  if (decision.what === 'judge') return 'judged again'
  if (decision.what !== 'measure')
    return host.isAwaited ? 'waits for the host to measure everything again' : 'everything is measured again'
  const names = benches.flatMap(({ id, name }) => (decision.benches.includes(id) ? name : []))
  const again = host.isAwaited ? 'waits for the host to measure again' : 'measured again'
  const unavailable = host.unavailable(decision.platforms)
  const measured = [...names, ...decision.platforms.filter((name) => !unavailable.includes(name))]
  return [
    ...(measured.length > 0 ? [`${again}: ${measured.join(', ')}`] : []),
    ...(unavailable.length > 0 ? [`cannot run here: ${unavailable.join(', ')}`] : []),
  ].join('; ')
}

/** What a bench measures, without its claims and its location. The digest is that of its file, without claims. */
const measuredWork = ({ id, params, metrics, workload, timeout, digest }: BenchData): unknown => ({
  id,
  params,
  metrics,
  workload,
  timeout,
  digest,
})

const judgedParts = ({ benches, findings, tags, profile }: Snapshot): unknown => ({
  benches: benches.map(({ id, claims, tags: benchTags }) => ({ id, claims, tags: benchTags })),
  findings,
  tags: [...tags],
  rounds: profile.rounds,
})

const settings = ({ guest, image, profile: { seconds, timeout, warmup } }: Snapshot): unknown => ({
  guest,
  image,
  seconds,
  timeout,
  warmup,
})

/** Decides what a change reaches. */
export function planChange(before: Snapshot | undefined, after: Snapshot): Decision {
  if (!before || !isDeepStrictEqual(settings(before), settings(after))) return { what: 'all' }
  const platforms = [...after.platforms].flatMap(([name, state]) =>
    before.platforms.get(name) === state ? [] : [name],
  )
  // Every ratio is one to native.
  if (platforms.includes('native')) return { what: 'all' }
  const former = new Map(before.benches.map((bench) => [bench.id, bench]))
  const benches = after.benches.flatMap((bench) => {
    const old = former.get(bench.id)
    return old && isDeepStrictEqual(measuredWork(old), measuredWork(bench)) ? [] : [bench.id]
  })
  if (benches.length > 0 || platforms.length > 0) return { what: 'measure', benches, platforms }
  const isPlatformGone = before.platforms.size !== after.platforms.size
  return { what: isPlatformGone || !isDeepStrictEqual(judgedParts(before), judgedParts(after)) ? 'judge' : 'nothing' }
}

/** Background rounds stop at this multiple of the profile's rounds. */
const maxRoundsFactor = 4

/** The ids of all cases of some benches. */
export const caseIds = (benches: Snapshot['benches']): Set<string> =>
  new Set(benches.flatMap(casesOf).map(({ id }) => id))

/** The benches that do other work since a change, or that must be measured again. */
export function changedBenches(decision: Decision, { benches }: Snapshot): BenchData[] {
  if (decision.what === 'measure') return benches.filter(({ id }) => decision.benches.includes(id))
  return decision.what === 'all' ? [...benches] : []
}

/** The cases and platforms that a decision is about. */
export function casesFor(decision: Decision, { benches, platforms }: Snapshot): CasesToMeasure {
  const all = [...platforms.keys()]
  const some = decision.what === 'measure' ? decision : undefined
  const cases = new Map<string, Set<string>>()
  for (const bench of benches) {
    const onAll = !some || some.benches.includes(bench.id)
    const wanted = onAll ? all : some.platforms.length > 0 ? ['native', ...some.platforms] : []
    const existing = new Set(wanted.filter((name) => platforms.has(name)))
    if (existing.size > 0) for (const { id } of casesOf(bench)) cases.set(id, existing)
  }
  return cases
}

/** The benches with claims or samples that failed, or with undecided claims, on every platform. */
export function failedCases(report: Report | undefined, snapshot: Snapshot): CasesToMeasure {
  const { claims = [], cases = [] } = report ?? {}
  const failed = new Set([
    ...claims
      .filter(
        ({ outcome, reason }) =>
          outcome === 'contradicted' || outcome === 'inconclusive' || reason?.code === 'sample-errors',
      )
      .map(({ bench }) => bench.id),
    ...cases.filter(({ results }) => results.some(({ errors }) => errors.length > 0)).map(({ bench }) => bench.id),
  ])
  const benches = snapshot.benches.filter(({ id }) => failed.has(id)).map(({ id }) => id)
  return casesFor({ what: 'measure', benches, platforms: [] }, snapshot)
}

/** The platforms that worked before the latest change and do not work now. */
export function brokenPlatforms(report: Report | undefined, before: Report | undefined): string[] {
  const worked = new Set((before?.platforms ?? []).flatMap(({ name, available }) => (available ? name : [])))
  return (report?.platforms ?? []).flatMap(({ name, available }) => (!available && worked.has(name) ? name : []))
}

/** The cases and platforms of both. */
export function unionOf(a: CasesToMeasure, b: CasesToMeasure): CasesToMeasure {
  const joined = new Map(a)
  for (const [id, platforms] of b) joined.set(id, new Set([...(joined.get(id) ?? []), ...platforms]))
  return joined
}

/** The cases and platforms of `a` that `b` does not have. */
export function differenceOf(a: CasesToMeasure, b: CasesToMeasure): CasesToMeasure {
  const left = [...a].map(([id, platforms]) => {
    const others = b.get(id)
    return [id, new Set([...platforms].filter((name) => !others?.has(name)))] as const
  })
  return new Map(left.filter(([, platforms]) => platforms.size > 0))
}

/** The cases and platforms that still exist. */
export function existingCases(cases: CasesToMeasure, { benches, platforms }: Snapshot): CasesToMeasure {
  const ids = caseIds(benches)
  const left = [...cases].map(
    ([id, names]) => [id, new Set([...names].filter((name) => ids.has(id) && platforms.has(name)))] as const,
  )
  return new Map(left.filter(([, names]) => names.size > 0))
}

/**
 * The job that measures the rounds that some results lack. Native is measured in the same rounds. Undefined if no
 * round is missing.
 */
export function jobForDue(
  due: CasesToMeasure,
  store: SampleStore,
  { platforms, profile: { rounds, warmup } }: Snapshot,
): MeasureJob | undefined {
  const hasNative = platforms.has('native')
  const roundsOf = (id: string, name: string) => (hasNative ? store.pairedRounds(id, name) : store.rounds(id, name))
  const cases = new Map<string, Set<string>>()
  const done = new Map<string, number>()
  for (const [id, names] of due) {
    const open = [...names].filter((name) => roundsOf(id, name) < rounds)
    if (open.length === 0) continue
    // The rounds that native already has belong to other platforms.
    const others = open.filter((name) => name !== 'native')
    cases.set(id, new Set([...(hasNative ? ['native'] : []), ...open]))
    done.set(id, Math.min(...(others.length > 0 ? others : open).map((name) => roundsOf(id, name))))
  }
  return cases.size > 0 ? { cases, rounds, warmup, done, background: false } : undefined
}

/**
 * One more round of some results that are undecided. Undefined if there are none, or if they have enough rounds.
 * @param undecided the cases to measure on, of which those with too many rounds are left out
 */
export function backgroundJob(
  { profile }: Snapshot,
  undecided: CasesToMeasure,
  store: SampleStore,
): MeasureJob | undefined {
  const maxRounds = maxRoundsFactor * profile.rounds
  const cases = new Map<string, Set<string>>()
  for (const [id, platforms] of undecided) {
    const open = [...platforms].filter((name) => name !== 'native' && store.rounds(id, name) < maxRounds)
    if (open.length > 0) cases.set(id, new Set(['native', ...open]))
  }
  return cases.size > 0 ? { cases, rounds: 1, warmup: 0, done: new Map(), background: true } : undefined
}
