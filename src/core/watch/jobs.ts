/** What is to be measured next. Pure. */
import { casesOf } from '../plan/plan.ts'
import type { RunRecord } from '../record/reader.ts'
import type { Report } from '../report/schema.ts'
import { casesWorthMeasuring } from '../schedule/needs.ts'
import type { Decision, Snapshot } from './decide.ts'
import type { CasesToMeasure } from '../schedule/plan.ts'
import type { SampleStore } from './kept.ts'

export interface Job {
  readonly cases: CasesToMeasure
  readonly rounds: number
  readonly warmup: number
  /** Former samples of the cells are forgotten. */
  readonly fresh: boolean
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
): Job {
  const points = caseIds(benches)
  const joined = new Map(cells)
  for (const [point, platforms] of pending)
    if (points.has(point)) joined.set(point, new Set([...platforms, ...(joined.get(point) ?? [])]))
  return { cases: joined, rounds, warmup, fresh: true }
}

/** One round more of what is undecided, with native; undefined when nothing is, or when it had enough of them. */
export function backgroundJob({ plan, samples }: RunRecord, kept: SampleStore): Job | undefined {
  const most = mostTimes * plan.profile.rounds
  const cells = new Map<string, Set<string>>()
  for (const [point, platforms] of casesWorthMeasuring(plan, samples)) {
    const open = [...platforms].filter((name) => name !== 'native' && kept.rounds(point, name) < most)
    if (open.length > 0) cells.set(point, new Set(['native', ...open]))
  }
  return cells.size > 0 ? { cases: cells, rounds: 1, warmup: 0, fresh: false } : undefined
}
