/** Before → after, from two reports. Pure. */
import type { ClaimVerdict } from '../judge/judgement.ts'
import { describeParams } from '../plan/plan.ts'
import type { MetricResult, Report } from '../report/schema.ts'

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
