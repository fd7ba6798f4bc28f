import { UsageError } from '../../util/errors.ts'
import { type BenchCase, measuredOn } from '../model/plan.ts'
import type { RecordHead, RecordSurvey } from './record-survey.ts'
import { refuseLoss, repeatedRecords } from './repeated-samples.ts'

/** Which records of a set count, and what they lack of the plan. Pure. */

/** A record that does not count. */
export interface LeftOut {
  readonly file: string
  /**
   * `copy`: the same run is there twice. `retry`: another record of the same shard counts. `merged`: the records of the
   * shards that it was made from are there, or it has already the shard of the record. `repeated`: another record has
   * all of its samples.
   */
  readonly why: 'copy' | 'retry' | 'merged' | 'repeated'
  /** The record that counts instead. */
  readonly instead: RecordSurvey
}

const statusOrder = ['finished', 'stopped', 'interrupted', 'killed'] as const

/**
 * Of two records of one shard, the finished one counts; of two finished ones the first, because the choice must not
 * depend on the values; of two unfinished ones the one with more samples.
 */
function byMerit(a: RecordSurvey, b: RecordSurvey): number {
  const status = statusOrder.indexOf(a.status) - statusOrder.indexOf(b.status)
  const samples = a.status === 'finished' ? 0 : b.samples - a.samples
  return (
    status ||
    samples ||
    (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0) ||
    (a.file < b.file ? -1 : 1)
  )
}

/** Of two copies of a run, the one with more samples counts: the other one was copied while the run went on. */
const bySize = (a: RecordSurvey, b: RecordSurvey): number => b.samples - a.samples || byMerit(a, b)

/**
 * Chooses the records that count. A shard that was measured twice in one run, as after a requeue, counts once, and so
 * does a sample that is in several records. Other records without a shard plan, and shards of different runs, all
 * count: they add rounds.
 * @throws {UsageError} if records have only some samples in common
 */
export function chooseRecords(all: readonly RecordSurvey[]): {
  readonly counted: RecordSurvey[]
  readonly left: LeftOut[]
} {
  const left: LeftOut[] = []
  const best = (
    records: Iterable<RecordSurvey>,
    keyOf: (one: RecordSurvey) => string | null,
    why: LeftOut['why'],
    order = byMerit,
  ) => {
    const chosen = new Map<string, RecordSurvey>()
    const single: RecordSurvey[] = []
    for (const one of [...records].sort(order)) {
      const key = keyOf(one)
      const instead = key === null ? undefined : chosen.get(key)
      if (instead) {
        if (why === 'copy') refuseLoss(one, instead)
        left.push({ file: one.file, why, instead })
      } else if (key === null) single.push(one)
      else chosen.set(key, one)
    }
    return [...chosen.values(), ...single]
  }
  const runOf = ({ startedAt, seed, shard }: RecordSurvey) => JSON.stringify([startedAt, seed, shard?.indices])
  const runs = best(all, runOf, 'copy', bySize)
  const merged = runs.filter(({ shard }) => (shard?.indices.length ?? 0) > 1)
  const shards = best(
    runs.filter((one) => !merged.includes(one)),
    ({ shard }) =>
      shard && shard.run !== null ? JSON.stringify([shard.plan, shard.contents, shard.run, shard.indices]) : null,
    'retry',
  )
  const each = withoutOverlap(shards, merged, left)
  const repeated = repeatedRecords(each)
  for (const { record, instead } of repeated) left.push({ file: record.file, why: 'repeated', instead })
  const counted = each.filter((one) => !repeated.some(({ record }) => record === one))
  counted.sort((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.file < b.file ? -1 : 1))
  return { counted, left }
}

/** A merged record counts if it has a shard that is not there alone. Then its shards do not count alone. */
function withoutOverlap(
  shards: readonly RecordSurvey[],
  merged: readonly RecordSurvey[],
  left: LeftOut[],
): RecordSurvey[] {
  let alone = [...shards]
  const counted: RecordSurvey[] = []
  for (const one of [...merged].sort((a, b) => b.shard!.indices.length - a.shard!.indices.length)) {
    const larger = counted.find((other) => sharesRun(one, other) && common(one, other).length > 0)
    const parts = alone.filter((part) => sharesRun(one, part) && common(one, part).length > 0)
    const present = new Set([...parts, ...(larger ? [larger] : [])].flatMap((part) => common(one, part)))
    if (one.shard!.indices.every((index) => present.has(index))) {
      left.push({ file: one.file, why: 'merged', instead: larger ?? parts[0]! })
      continue
    }
    if (larger)
      throw new UsageError(
        `${larger.file} and ${one.file} are merged records that both have shard ${common(one, larger)[0]}`,
        'merge the records of the shards instead',
      )
    for (const part of parts) left.push({ file: part.file, why: 'merged', instead: one })
    alone = alone.filter((part) => !parts.includes(part))
    counted.push(one)
  }
  return [...alone, ...counted]
}

/** The shards that two records of one plan both have. */
const common = (a: RecordSurvey, b: RecordSurvey): number[] =>
  (a.shard?.indices ?? []).filter((index) => b.shard?.indices.includes(index))

/** Whether a record is of the run that a merged record was made from. Without an id of the run, seeds say so. */
function sharesRun(merged: RecordSurvey, { shard, seed }: RecordSurvey): boolean {
  const { plan, contents, run } = merged.shard!
  if (shard?.plan !== plan || shard.contents !== contents || shard.run !== run) return false
  const seeds = merged.seed.split('+')
  return shard.run !== null || seed.split('+').every((one) => seeds.includes(one))
}

/** A shard without a record. */
export interface MissingShard {
  readonly index: number
  readonly count: number
  /** Id of its plan. */
  readonly plan: string
  /** Whether a plan file states it. */
  readonly isOfFile: boolean
  /** Ids of its benches. */
  readonly benches: readonly string[]
}

/** A bench with fewer rounds than its plan. */
export interface MissingRounds {
  readonly file: string
  readonly status: RecordSurvey['status']
  /** The shard, such as `3/8`; absent without shards. */
  readonly shard?: string
  readonly bench: string
  readonly rounds: number
  readonly planned: number
}

/** The benches of a run that ended early, with the rounds that every case has. */
export function missingRounds({ file, status, shard, rounds }: RecordSurvey, { plan }: RecordHead): MissingRounds[] {
  if (status === 'finished') return []
  const planned = plan.profile.rounds
  // The platforms of a case are at most one round apart, unless one of them cannot run the bench.
  const measured = ({ id }: BenchCase) => Math.max(0, ...(rounds.get(id)?.values() ?? []))
  return plan.benches.flatMap(({ id }) => {
    const cases = plan.cases.filter(({ bench }) => bench === id)
    const counts = cases.filter((one) => measuredOn(plan, one).length > 0).map(measured)
    const least = Math.min(planned, ...counts)
    if (counts.length === 0 || least >= planned) return []
    const name = shard && `${shard.indices.join(',')}/${shard.count}`
    return [{ file, status, ...(name !== undefined && { shard: name }), bench: id, rounds: least, planned }]
  })
}
