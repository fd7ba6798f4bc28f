/** The profiles that a run record holds, one for each traced bench and platform. Pure. */
import type { TraceSource } from '../../dsl/traced.ts'
import type { CallCounts } from '../../guest/trace/profile.ts'
import type { BenchCase } from '../plan/plan.ts'
import type { RunRecord } from '../record/reader.ts'
import type { AttackProfile } from '../record/schema.ts'
import { median } from '../stats/index.ts'

/** What one platform reached in one traced bench, over the rounds. */
export interface AttackProfileSummary {
  readonly case: string
  readonly bench: string
  readonly source: TraceSource
  readonly platform: string
  readonly rounds: number
  /** Samples without a profile: they failed. */
  readonly failed: number
  /** Medians over the rounds. */
  readonly distinct: number
  readonly calls: number
  readonly perUnit: number
  readonly setupDistinct: number
  readonly setupCalls: number
  /** Names that were reached in every round, with the median of their calls. */
  readonly work: CallCounts
  readonly setup: CallCounts
  /** Names that were reached in some rounds and not in others: a runtime's own threads, mostly. */
  readonly someRounds: { readonly work: readonly string[]; readonly setup: readonly string[] }
  readonly weighted: { readonly score: number; readonly known: number; readonly total: number } | null
}

/** What all of several profiles have, with the median of the calls, and the names that only some of them have. */
export function splitByRounds(profiles: readonly CallCounts[]): {
  readonly everyRound: Record<string, number>
  readonly someRounds: string[]
} {
  const names = [...new Set(profiles.flatMap((calls) => Object.keys(calls)))].sort()
  const isAlways = (name: string) => profiles.every((calls) => Object.hasOwn(calls, name))
  const callsOf = (name: string) => Math.round(median(profiles.map((calls) => calls[name]!)))
  return {
    everyRound: Object.fromEntries(names.filter(isAlways).map((name) => [name, callsOf(name)])),
    someRounds: names.filter((name) => !isAlways(name)),
  }
}

function cellOf(
  point: BenchCase,
  by: TraceSource,
  platform: string,
  { samples }: RunRecord,
): AttackProfileSummary | undefined {
  const taken = samples.filter((one) => one.case === point.id && one.platform === platform && !one.warmup)
  const traced = taken.flatMap(({ attackProfile: profile, values }) => (profile && values ? [{ profile, values }] : []))
  if (taken.length === 0) return undefined
  const profiles: AttackProfile[] = traced.map(({ profile }) => profile)
  const middle = (of: (one: (typeof traced)[number]) => number) => (traced.length > 0 ? median(traced.map(of)) : 0)
  const distinct = (calls: CallCounts) => Object.keys(calls).length
  const total = (calls: CallCounts) => Object.values(calls).reduce((sum, count) => sum + count, 0)
  const scores = profiles.flatMap(({ weighted }) => weighted ?? [])
  const [work, setup] = [
    splitByRounds(profiles.map((one) => one.work)),
    splitByRounds(profiles.map((one) => one.setup)),
  ]
  return {
    case: point.id,
    bench: point.bench,
    source: by,
    platform,
    rounds: new Set(taken.flatMap(({ round, attackProfile: profile }) => (profile ? [round] : []))).size,
    failed: taken.length - traced.length,
    distinct: middle(({ profile }) => distinct(profile.work)),
    calls: middle(({ profile }) => total(profile.work)),
    perUnit: middle(({ values }) => values[by === 'functions' ? 'functionCallsPerUnit' : 'syscallCallsPerUnit'] ?? 0),
    setupDistinct: middle(({ profile }) => distinct(profile.setup)),
    setupCalls: middle(({ profile }) => total(profile.setup)),
    work: work.everyRound,
    setup: setup.everyRound,
    someRounds: { work: work.someRounds, setup: setup.someRounds },
    weighted:
      scores.length > 0
        ? {
            score: median(scores.map(({ score }) => score)),
            known: median(scores.map(({ known: covered }) => covered)),
            total: median(scores.map(({ total: of }) => of)),
          }
        : null,
  }
}

/** Every traced cell of a record, in the order of the plan. `bench`: only those whose id has this text. */
export function attackProfiles(record: RunRecord, bench = ''): AttackProfileSummary[] {
  const { benches, cases: points, platforms } = record.plan
  return points.flatMap((point) => {
    const by = benches.find(({ id }) => id === point.bench)?.workload.traced
    if (by === undefined || !point.id.includes(bench)) return []
    return platforms.filter(({ available }) => available).flatMap(({ name }) => cellOf(point, by, name, record) ?? [])
  })
}
