import { isDeepStrictEqual } from 'node:util'
import { casesWorthMeasuring, type MeasureJob } from '../measure/run-loop.ts'
import type { BenchInfo } from '../model/claim.ts'
import { type CasesToMeasure, casesOf, describeParams, type Params, type ResolvedProfile } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { MetricResult, Report } from '../model/report.ts'
import type { BenchData, FindingData } from '../model/suite.ts'
import type { ClaimVerdict } from '../model/verdict.ts'
import type { Project } from '../project/config.ts'
import type { SampleStore } from './sample-store.ts'

/** What changed between two reports, what a change reaches, and which job follows. Pure functions. */

/** A metric that was measured again. */
export interface MetricChange {
  /** The id of the case. */
  readonly case: string
  readonly bench: BenchInfo
  readonly params: Params
  readonly platform: string
  readonly metric: string
  readonly before: MetricResult | undefined
  readonly after: MetricResult
}

/** A claim with another verdict than before. */
export interface VerdictChange {
  readonly before: ClaimVerdict
  readonly after: ClaimVerdict
}

function metricResults(report: Report): Map<string, MetricChange> {
  const all = report.cases.flatMap(({ case: id, bench, params, results }) =>
    results.flatMap(({ platform, metrics }) =>
      Object.entries(metrics).map(
        ([metric, after]): MetricChange => ({ case: id, bench, params, platform, metric, before: undefined, after }),
      ),
    ),
  )
  return new Map(all.map((change) => [JSON.stringify([change.case, change.platform, change.metric]), change]))
}

/** The metrics that were measured again. Those with the same samples are left out. */
export function figureChanges(before: Report, after: Report): MetricChange[] {
  const former = metricResults(before)
  return [...metricResults(after)].flatMap(([key, change]) => {
    const old = former.get(key)?.after
    const isSame = old && JSON.stringify(old.samples) === JSON.stringify(change.after.samples)
    if (isSame || (change.after.samples.length === 0 && !old)) return []
    return [{ ...change, before: old && old.samples.length > 0 ? old : undefined }]
  })
}

/** Claims by their subject, without the threshold: after a change of the threshold it is the same claim. */
function claimsBySubject(report: Report): Map<string, ClaimVerdict> {
  const claims = new Map<string, ClaimVerdict>()
  const counts = new Map<string, number>()
  for (const claim of report.claims) {
    const { bench, metric } = claim.claim
    const subject = JSON.stringify([bench, metric, claim.platforms, describeParams(claim.params), claim.finding])
    const nth = counts.get(subject) ?? 0
    counts.set(subject, nth + 1)
    claims.set(`${subject}#${nth}`, claim)
  }
  return claims
}

/** The claims with another verdict than before. Claims with too few rounds so far are left out. */
export function verdictChanges(before: Report, after: Report): VerdictChange[] {
  const former = claimsBySubject(before)
  return [...claimsBySubject(after)].flatMap(([key, claim]) => {
    const old = former.get(key)
    if (claim.reason?.code === 'too-few-rounds') return []
    if (!old || (old.outcome === claim.outcome && old.direction === claim.direction)) return []
    return [{ before: old, after: claim }]
  })
}

/** Everything that a measurement or a verdict depends on, at one moment. */
export interface Snapshot {
  readonly guest: Project['guest']
  readonly image: Project['image']
  readonly profile: ResolvedProfile
  /** Of the selected benches. */
  readonly benches: readonly BenchData[]
  readonly findings: readonly FindingData[]
  /** The digest of the measured work, by bench file. See `workDigest`. */
  readonly work: ReadonlyMap<string, string>
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

/** What a bench measures, without its claims and its location. */
function measuredWork({ id, file, params, metrics, workload, timeout }: BenchData, { work }: Snapshot): unknown {
  return { id, params, metrics, workload, timeout, work: work.get(file) }
}

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
    return old && isDeepStrictEqual(measuredWork(old, before), measuredWork(bench, after)) ? [] : [bench.id]
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

/** The benches with claims that failed or are undecided, on every platform. */
export function failedCases(report: Report | undefined, snapshot: Snapshot): CasesToMeasure {
  const claims = report?.claims ?? []
  const failed = new Set(
    claims
      .filter(
        ({ outcome, reason }) =>
          outcome === 'contradicted' || outcome === 'inconclusive' || reason?.code === 'sample-errors',
      )
      .map(({ bench }) => bench.id),
  )
  const benches = snapshot.benches.filter(({ id }) => failed.has(id)).map(({ id }) => id)
  return casesFor({ what: 'measure', benches, platforms: [] }, snapshot)
}

/**
 * The job that measures some cases from the start.
 * @param pending the cases of an unfinished job, which are measured too if they still exist
 */
export function jobForChange(
  cases: CasesToMeasure,
  pending: CasesToMeasure,
  { benches, profile: { rounds, warmup } }: Snapshot,
): MeasureJob {
  const existing = caseIds(benches)
  const joined = new Map(cases)
  for (const [id, platforms] of pending)
    if (existing.has(id)) joined.set(id, new Set([...platforms, ...(joined.get(id) ?? [])]))
  return { cases: joined, rounds, warmup, fresh: true }
}

/** One more round of the undecided cases. Undefined if there are none, or if they have enough rounds. */
export function backgroundJob({ plan, samples }: RunRecord, store: SampleStore): MeasureJob | undefined {
  const maxRounds = maxRoundsFactor * plan.profile.rounds
  const cases = new Map<string, Set<string>>()
  for (const [id, platforms] of casesWorthMeasuring(plan, samples)) {
    const open = [...platforms].filter((name) => name !== 'native' && store.rounds(id, name) < maxRounds)
    if (open.length > 0) cases.set(id, new Set(['native', ...open]))
  }
  return cases.size > 0 ? { cases, rounds: 1, warmup: 0, fresh: false } : undefined
}
