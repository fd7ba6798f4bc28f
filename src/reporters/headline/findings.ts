import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict } from '../../core/model/verdict.ts'
import { badness } from './facts.ts'

/** What the findings of a report say: those that say the same thing share a note. */

export interface FindingNote {
  /** `lost`: worse than stated. `improved`: better than stated. `doubtful`: more rounds decide. */
  readonly kind: 'lost' | 'improved' | 'doubtful' | 'holds' | 'open'
  /** At least one, with the same deciding comparison. */
  readonly findings: readonly FindingVerdict[]
  readonly fails: boolean
  /** Whether some readings of its words hold and others are contradicted. Then no comparison decides. */
  readonly readingsDiffer: boolean
  /** The comparison that is worst for the statement (best, if it improved); null if nothing was measured or decides. */
  readonly worst: ClaimVerdict | null
  /** The opposite one, if it is of another platform or case. */
  readonly best: ClaimVerdict | null
  readonly holds: number
  readonly of: number
  /** Whether the deciding value is likely a cache or a clock. */
  readonly isSuspicious: boolean
}

const kindOf = ({ outcome, direction }: FindingVerdict): FindingNote['kind'] => {
  if (outcome === 'contradicted') return direction === 'better' ? 'improved' : 'lost'
  if (outcome === 'inconclusive') return 'doubtful'
  return outcome === 'holds' || outcome === 'holds-in-part' ? 'holds' : 'open'
}

/** Whether a finding says something of this run: it moved, or a comparison of it is in doubt. */
export const saysSomething = ({ kind }: Pick<FindingNote, 'kind'>): boolean => kind !== 'holds' && kind !== 'open'

/** The comparisons of a finding that decide, without those that are only shown. */
export function comparisonsOf({ claims }: Report, { claims: own }: Pick<FindingVerdict, 'claims'>): ClaimVerdict[] {
  const all = own.map((index) => claims[index]!).filter(({ cpuMode }) => cpuMode === null)
  const deciding = all.filter(({ claim }) => claim.severity === 'fail')
  return (deciding.length > 0 ? deciding : all).filter(({ estimate }) => estimate !== null)
}

export const doReadingsDiffer = ({ reasons }: Pick<FindingVerdict, 'reasons'>): boolean =>
  reasons.some(({ code }) => code === 'readings-differ')

/** A note of one finding. */
export function findingNote(report: Report, finding: FindingVerdict): FindingNote {
  const kind = kindOf(finding)
  const all = comparisonsOf(report, finding)
  const decisive = finding.decisiveClaim === null ? undefined : report.claims[finding.decisiveClaim]
  const own = all.filter(({ outcome, direction }) => {
    if (kind === 'holds' || kind === 'open') return true
    return outcome === finding.outcome && direction === finding.direction
  })
  // Estimates of different kinds have no common order: only those like the decisive one are compared.
  const comparable = own.filter((one) => decisive === undefined || isLike(one, decisive))
  const sign = kind === 'improved' ? -1 : 1
  const sorted = [...comparable].sort((a, b) => sign * (badness(b, report) - badness(a, report)))
  const isMoved = kind !== 'holds' && kind !== 'open'
  const readingsDiffer = doReadingsDiffer(finding)
  const worst = readingsDiffer ? null : ((isMoved ? sorted[0] : undefined) ?? decisive ?? null)
  const best = sorted.length > 1 && !readingsDiffer ? sorted.at(-1)! : null
  return {
    kind,
    findings: [finding],
    fails: finding.failsRun,
    readingsDiffer,
    worst,
    best,
    holds: finding.agreeing.holds,
    of: finding.agreeing.of,
    isSuspicious: worst !== null && isSuspicious(report, worst),
  }
}

/** Whether the two are about the same bench and metric, and estimate the same kind of thing. */
const isLike = (a: ClaimVerdict, b: ClaimVerdict): boolean =>
  a.bench.id === b.bench.id && a.claim.metric === b.claim.metric && a.estimate?.kind === b.estimate?.kind

/** Whether the value of a verdict is flagged: a platform that is much better than native is usually a cache. */
export const isSuspicious = (report: Report, verdict: ClaimVerdict): boolean =>
  report.cases
    .filter(({ case: id }) => id === verdict.case)
    .some(({ results }) =>
      results.some(
        ({ platform, flags }) => verdict.platforms.includes(platform) && flags.includes('suspiciously-fast'),
      ),
    )

const order: readonly FindingNote['kind'][] = ['lost', 'improved', 'doubtful', 'holds', 'open']

/** A note of each finding; findings with the same deciding comparison share one. What says something comes first. */
export function findingNotes(report: Report): FindingNote[] {
  const notes = new Map<string, FindingNote>()
  for (const finding of report.findings) {
    const note = findingNote(report, finding)
    const key = saysSomething(note) && note.worst ? sharedKey(note) : `finding ${finding.id}`
    const known = notes.get(key)
    notes.set(key, known ? { ...known, findings: [...known.findings, finding] } : note)
  }
  return [...notes.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
}

/** Equal for findings that the same comparison decides in the same way. */
function sharedKey({ kind, fails, worst }: FindingNote): string {
  const { case: id, bench, platforms, claim, estimate } = worst!
  return JSON.stringify([kind, fails, id ?? bench.id, platforms, claim.metric, claim.matcher.kind, estimate])
}
