import { isDeepStrictEqual } from 'node:util'
import { casesWorthMeasuring, type MeasureJob } from '../measure/run-loop.ts'
import { type CasesToMeasure, casesOf, describeParams, type ResolvedProfile } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { MetricResult, Report } from '../model/report.ts'
import type { BenchData, FindingData } from '../model/suite.ts'
import type { ClaimVerdict } from '../model/verdict.ts'
import type { Project } from '../project/config.ts'
import type { SampleStore } from './sample-store.ts'

/** Before → after, from two reports. Pure. */

export interface MetricChange {
  /** The bench's id and parameters. */
  readonly case: string
  readonly platform: string
  readonly metric: string
  readonly before: MetricResult | undefined
  readonly after: MetricResult
}

export interface VerdictChange {
  readonly before: ClaimVerdict
  readonly after: ClaimVerdict
}

function figures(report: Report): Map<string, MetricChange> {
  const all = report.cases.flatMap(({ id, params, results: cells }) =>
    cells.flatMap(({ platform, metrics }) =>
      Object.entries(metrics).map(([metric, after]): MetricChange => {
        const text = describeParams(params)
        return { case: text ? `${id} [${text}]` : id, platform, metric, before: undefined, after }
      }),
    ),
  )
  return new Map(all.map((one) => [JSON.stringify([one.case, one.platform, one.metric]), one]))
}

/** The figures that were measured anew. Those that are the same samples are left out. */
export function figureChanges(before: Report, after: Report): MetricChange[] {
  const former = figures(before)
  return [...figures(after)].flatMap(([key, one]) => {
    const old = former.get(key)?.after
    const same = old && JSON.stringify(old.samples) === JSON.stringify(one.after.samples)
    if (same || (one.after.samples.length === 0 && !old)) return []
    return [{ ...one, before: old && old.samples.length > 0 ? old : undefined }]
  })
}

/** Claims by what they are about: a threshold that was changed leaves a claim the same, and its verdict may flip. */
function claims(report: Report): Map<string, ClaimVerdict> {
  const found = new Map<string, ClaimVerdict>()
  const counts = new Map<string, number>()
  for (const claim of report.claims) {
    const { bench, metric, platform, params, finding } = claim
    const about = JSON.stringify([bench, metric, platform, describeParams(params), finding])
    const nth = counts.get(about) ?? 0
    counts.set(about, nth + 1)
    found.set(`${about}#${nth}`, claim)
  }
  return found
}

/** Verdicts that are no longer what they were. One that only has too few rounds yet is none: they are being measured. */
export function verdictChanges(before: Report, after: Report): VerdictChange[] {
  const former = claims(before)
  return [...claims(after)].flatMap(([key, claim]) => {
    const old = former.get(key)
    if (claim.reason?.startsWith('too-few-rounds')) return []
    if (!old || (old.verdict === claim.verdict && old.direction === claim.direction)) return []
    return [{ before: old, after: claim }]
  })
}

/** What changed decides what runs. Pure. */

/** All that a measurement or a verdict depends on, at one moment. */
export interface Snapshot {
  readonly guest: Project['guest']
  readonly image: Project['image']
  readonly profile: ResolvedProfile
  /** Of the selected benches. */
  readonly benches: readonly BenchData[]
  readonly findings: readonly FindingData[]
  /** By bench file; see `identityOf`. */
  readonly work: ReadonlyMap<string, string>
  /** By name: the options, and the binaries as they are on disk. */
  readonly platforms: ReadonlyMap<string, string>
  /** By name: what selects them. */
  readonly tags: ReadonlyMap<string, readonly string[]>
}

export type Decision =
  | { readonly what: 'nothing' | 'judge' | 'all' }
  /** These benches on every platform, and these platforms, with native in the same rounds, for every bench. */
  | { readonly what: 'measure'; readonly benches: readonly string[]; readonly platforms: readonly string[] }

/** What a bench measures, whatever is claimed of it and wherever it stands. */
function workOf({ id, file, params, metrics, workload, timeout }: BenchData, { work }: Snapshot): unknown {
  return { id, params, metrics, workload, timeout, work: work.get(file) }
}

const judgedBy = ({ benches, findings, tags, profile }: Snapshot): unknown => ({
  benches: benches.map(({ id, claims, tags: mine }) => ({ id, claims, tags: mine })),
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

export function planChange(before: Snapshot | undefined, after: Snapshot): Decision {
  if (!before || !isDeepStrictEqual(settings(before), settings(after))) return { what: 'all' }
  const platforms = [...after.platforms].flatMap(([name, state]) =>
    before.platforms.get(name) === state ? [] : [name],
  )
  // Every ratio has native in it.
  if (platforms.includes('native')) return { what: 'all' }
  const former = new Map(before.benches.map((bench) => [bench.id, bench]))
  const benches = after.benches.flatMap((bench) => {
    const old = former.get(bench.id)
    return old && isDeepStrictEqual(workOf(old, before), workOf(bench, after)) ? [] : [bench.id]
  })
  if (benches.length > 0 || platforms.length > 0) return { what: 'measure', benches, platforms }
  const gone = before.platforms.size !== after.platforms.size
  return { what: gone || !isDeepStrictEqual(judgedBy(before), judgedBy(after)) ? 'judge' : 'nothing' }
}

/** Rounds go on in the background up to so many times the profile's. */
const mostTimes = 4

export const caseIds = (benches: Snapshot['benches']): Set<string> =>
  new Set(benches.flatMap(casesOf).map(({ id }) => id))

/** What a decision is about. */
export function casesFor(decision: Decision, { benches, platforms }: Snapshot): CasesToMeasure {
  const all = [...platforms.keys()]
  const some = decision.what === 'measure' ? decision : undefined
  const cells = new Map<string, Set<string>>()
  for (const bench of benches) {
    const whole = !some || some.benches.includes(bench.id)
    const wanted = whole ? all : some.platforms.length > 0 ? ['native', ...some.platforms] : []
    const here = new Set(wanted.filter((name) => platforms.has(name)))
    if (here.size > 0) for (const { id } of casesOf(bench)) cells.set(id, here)
  }
  return cells
}

/** The benches of what failed or is undecided, on every platform. */
export function failedCases(report: Report | undefined, snapshot: Snapshot): CasesToMeasure {
  const claims = report?.claims ?? []
  const wanted = new Set(
    claims
      .filter(
        ({ verdict, reason }) =>
          verdict === 'contradicted' || verdict === 'inconclusive' || reason?.startsWith('sample-errors'),
      )
      .map(({ bench }) => bench),
  )
  const benches = snapshot.benches.filter(({ id }) => wanted.has(id)).map(({ id }) => id)
  return casesFor({ what: 'measure', benches, platforms: [] }, snapshot)
}

/** These cells from the start, with those that a former job left pending, as far as there still are such points. */
export function jobForChange(
  cells: CasesToMeasure,
  pending: CasesToMeasure,
  { benches, profile: { rounds, warmup } }: Snapshot,
): MeasureJob {
  const points = caseIds(benches)
  const joined = new Map(cells)
  for (const [point, platforms] of pending)
    if (points.has(point)) joined.set(point, new Set([...platforms, ...(joined.get(point) ?? [])]))
  return { cases: joined, rounds, warmup, fresh: true }
}

/** One round more of what is undecided, with native; undefined when nothing is, or when it had enough of them. */
export function backgroundJob({ plan, samples }: RunRecord, kept: SampleStore): MeasureJob | undefined {
  const most = mostTimes * plan.profile.rounds
  const cells = new Map<string, Set<string>>()
  for (const [point, platforms] of casesWorthMeasuring(plan, samples)) {
    const open = [...platforms].filter((name) => name !== 'native' && kept.rounds(point, name) < most)
    if (open.length > 0) cells.set(point, new Set(['native', ...open]))
  }
  return cells.size > 0 ? { cases: cells, rounds: 1, warmup: 0, fresh: false } : undefined
}
