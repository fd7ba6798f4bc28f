/** The profiles that a run record holds, one for each traced bench and platform. Pure. */
import type { Instrument } from '../../dsl/traced.ts'
import type { Calls } from '../../guest/trace/profile.ts'
import type { Point } from '../plan/plan.ts'
import type { RunRecord } from '../record/reader.ts'
import type { Profile } from '../record/schema.ts'
import { median } from '../stats/index.ts'

/** What one platform reached in one traced bench, over the rounds. */
export interface CellProfile {
  readonly point: string
  readonly bench: string
  readonly by: Instrument
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
  readonly work: Calls
  readonly setup: Calls
  /** Names that were reached in some rounds and not in others: a runtime's own threads, mostly. */
  readonly sometimes: { readonly work: readonly string[]; readonly setup: readonly string[] }
  readonly weighted: { readonly score: number; readonly covered: number; readonly of: number } | null
}

/** What all of several profiles have, with the median of the calls, and the names that only some of them have. */
export function agreement(profiles: readonly Calls[]): {
  readonly always: Record<string, number>
  readonly sometimes: string[]
} {
  const names = [...new Set(profiles.flatMap((calls) => Object.keys(calls)))].sort()
  const isAlways = (name: string) => profiles.every((calls) => Object.hasOwn(calls, name))
  const callsOf = (name: string) => Math.round(median(profiles.map((calls) => calls[name]!)))
  return {
    always: Object.fromEntries(names.filter(isAlways).map((name) => [name, callsOf(name)])),
    sometimes: names.filter((name) => !isAlways(name)),
  }
}

function cellOf(point: Point, by: Instrument, platform: string, { samples }: RunRecord): CellProfile | undefined {
  const taken = samples.filter((one) => one.point === point.id && one.platform === platform && !one.warmup)
  const traced = taken.flatMap(({ profile, values }) => (profile && values ? [{ profile, values }] : []))
  if (taken.length === 0) return undefined
  const profiles: Profile[] = traced.map(({ profile }) => profile)
  const middle = (of: (one: (typeof traced)[number]) => number) => (traced.length > 0 ? median(traced.map(of)) : 0)
  const distinct = (calls: Calls) => Object.keys(calls).length
  const total = (calls: Calls) => Object.values(calls).reduce((sum, count) => sum + count, 0)
  const scores = profiles.flatMap(({ weighted }) => weighted ?? [])
  const [work, setup] = [agreement(profiles.map((one) => one.work)), agreement(profiles.map((one) => one.setup))]
  return {
    point: point.id,
    bench: point.bench,
    by,
    platform,
    rounds: new Set(taken.flatMap(({ round, profile }) => (profile ? [round] : []))).size,
    failed: taken.length - traced.length,
    distinct: middle(({ profile }) => distinct(profile.work)),
    calls: middle(({ profile }) => total(profile.work)),
    perUnit: middle(({ values }) => values[by === 'functions' ? 'functionCallsPerUnit' : 'syscallCallsPerUnit'] ?? 0),
    setupDistinct: middle(({ profile }) => distinct(profile.setup)),
    setupCalls: middle(({ profile }) => total(profile.setup)),
    work: work.always,
    setup: setup.always,
    sometimes: { work: work.sometimes, setup: setup.sometimes },
    weighted:
      scores.length > 0
        ? {
            score: median(scores.map(({ score }) => score)),
            covered: median(scores.map(({ covered }) => covered)),
            of: median(scores.map(({ of }) => of)),
          }
        : null,
  }
}

/** Every traced cell of a record, in the order of the plan. `bench`: only those whose id has this text. */
export function profilesOf(record: RunRecord, bench = ''): CellProfile[] {
  const { benches, points, platforms } = record.plan
  return points.flatMap((point) => {
    const by = benches.find(({ id }) => id === point.bench)?.workload.traced
    if (by === undefined || !point.id.includes(bench)) return []
    return platforms.filter(({ available }) => available).flatMap(({ name }) => cellOf(point, by, name, record) ?? [])
  })
}
