import { measuredResults } from '../judge/report.ts'
import type { BenchInfo } from '../model/claim.ts'
import { type CasesToMeasure, describeParams, type Params } from '../model/plan.ts'
import type { RunRecord, Sample } from '../model/record.ts'
import type { MetricResult, Report } from '../model/report.ts'
import type { ClaimVerdict } from '../model/verdict.ts'
import { compareResults } from '../records/compare.ts'
import type { Row } from '../records/row-changes.ts'

/** What a change did to the results and to the verdicts. Pure functions. */

/** A metric of a result that a change reached. */
export interface ResultChange {
  /** The id of the case. */
  readonly case: string
  readonly bench: BenchInfo
  readonly params: Params
  readonly platform: string
  readonly metric: string
  /** Undefined if it was not measured before. */
  readonly before: MetricResult | undefined
  readonly after: MetricResult
  /** Rounds since the change. */
  readonly rounds: number
  /**
   * Whether it is worse or better than before, by the tests of `isobench compare` with a margin of 0. `measuring`: the
   * rounds of the job are not complete, and isobench does not look before that.
   */
  readonly state: 'worse' | 'better' | 'unclear' | 'measuring' | 'new'
  /** After divided by before, with its 90 % interval; null if there is nothing to compare. */
  readonly ratio: Row['ratio']
  /** What the ratio is of. Ratios to native leave out the speed of the host. */
  readonly of: Row['of']
  /** Why it is unclear, if that is no matter of the interval. */
  readonly reason: Row['reason']
  /** Whether it describes the host: native, which did the same work as before. */
  readonly isAboutHost: boolean
  /** Whether more rounds than planned were looked at, one by one. */
  readonly isInterim: boolean
}

/** What a change reached. */
export interface ChangedCases {
  readonly affected: CasesToMeasure
  /** The results of unfinished jobs. */
  readonly due: CasesToMeasure
  /** Cases that now do other work, on native too. Their values are compared instead of their ratios to native. */
  readonly otherWork: ReadonlySet<string>
}

type Measured = Pick<RunRecord, 'plan' | 'samples'>

const keyOf = (id: string, platform: string, metric: string): string => JSON.stringify([id, platform, metric])

/** Compares what a change reached with the state before it, and leaves out samples that both have. */
export function resultChanges(before: Measured, now: Measured, changed: ChangedCases): ResultChange[] {
  const { affected, due, otherWork } = changed
  const isAffected = ({ case: id, platform }: Sample) =>
    affected.get(id)?.has(platform) === true || (platform === 'native' && affected.has(id))
  const former = { plan: before.plan, samples: before.samples.filter(isAffected) }
  const known = new Set(former.samples)
  const recent = { plan: now.plan, samples: now.samples.filter((one) => isAffected(one) && !known.has(one)) }
  if (recent.samples.length === 0) return []
  const options = { marginPercent: 0, byValue: otherWork }
  const rows = new Map(
    compareResults(former, recent, options).map((row) => [keyOf(row.case, row.platform, row.metric), row]),
  )
  const old = metricsOf(former)
  const { rounds: planned } = now.plan.profile
  return [...metricsOf(recent)].flatMap(([key, { result, ...about }]) => {
    const rounds = new Set(result.samples.map(({ round }) => round)).size
    const { case: id, platform } = about
    if (rounds === 0) return []
    const row = rows.get(key)
    const found = old.get(key)?.result
    const previous = found && found.samples.length > 0 ? found : undefined
    const state = previous === undefined ? 'new' : due.get(id)?.has(platform) ? 'measuring' : stateOf(row)
    // Native is measured beside a platform that changed. It did not change, unless the host did.
    const isAboutHost = platform === 'native' && !otherWork.has(id)
    if (isAboutHost && state !== 'worse' && state !== 'better') return []
    return {
      ...about,
      before: previous,
      after: result,
      rounds,
      state,
      ratio: row?.ratio ?? null,
      of: row?.of ?? 'value',
      reason: row?.reason ?? null,
      isAboutHost,
      isInterim: rounds > planned,
    }
  })
}

const stateOf = (row: Row | undefined): 'worse' | 'better' | 'unclear' =>
  row?.change === 'regressed' ? 'worse' : row?.change === 'improved' ? 'better' : 'unclear'

function metricsOf(measured: Measured) {
  const all = measuredResults(measured).flatMap(({ case: id, bench, params, results }) =>
    results.flatMap(({ platform, metrics }) =>
      Object.entries(metrics).map(([metric, result]) => ({ case: id, bench, params, platform, metric, result })),
    ),
  )
  return new Map(all.map((one) => [keyOf(one.case, one.platform, one.metric), one]))
}

/** If the bounds of the interval are nearer to each other than this factor, the change is too small to look for. */
const smallestChange = 1.02

/** The results of which more rounds may show whether they changed. */
export function undecidedChanges(changes: readonly ResultChange[]): CasesToMeasure {
  const cases = new Map<string, Set<string>>()
  for (const { case: id, platform, state, reason, ratio } of changes) {
    if (state !== 'unclear' || reason !== null) continue
    const isPrecise = ratio && ratio.low !== null && ratio.high !== null && ratio.high / ratio.low <= smallestChange
    if (!isPrecise) cases.set(id, new Set([...(cases.get(id) ?? []), platform]))
  }
  return cases
}

/** A claim with another verdict than before. */
export interface VerdictChange {
  readonly before: ClaimVerdict
  readonly after: ClaimVerdict
}

/** Claims by their subject, without the threshold: after a change of the threshold it is the same claim. */
function claimsBySubject(claims: readonly ClaimVerdict[]): Map<string, ClaimVerdict> {
  const found = new Map<string, ClaimVerdict>()
  const counts = new Map<string, number>()
  for (const claim of claims) {
    const { bench, metric } = claim.claim
    const subject = JSON.stringify([bench, metric, claim.platforms, describeParams(claim.params), claim.finding])
    const nth = counts.get(subject) ?? 0
    counts.set(subject, nth + 1)
    found.set(`${subject}#${nth}`, claim)
  }
  return found
}

/** The claims with another verdict than before. Claims with too few rounds so far are left out. */
export function verdictChanges(before: Pick<Report, 'claims'>, after: Pick<Report, 'claims'>): VerdictChange[] {
  const former = claimsBySubject(before.claims)
  return [...claimsBySubject(after.claims)].flatMap(([key, claim]) => {
    const old = former.get(key)
    if (claim.reason?.code === 'too-few-rounds') return []
    if (!old || (old.outcome === claim.outcome && old.direction === claim.direction)) return []
    return [{ before: old, after: claim }]
  })
}
