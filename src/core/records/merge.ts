import { UsageError } from '../../util/errors.ts'
import type { Plan, ScheduledPlan } from '../model/plan.ts'
import { type Environment, type RunRecord, recordVersion } from '../model/record.ts'
import { differenceLines } from './fingerprint.ts'
import { RecordError } from './record-file.ts'

/** Putting run records together: shards of one suite, or more rounds of the same benches. Pure. */

/** Records with the same fingerprint together, in the order that they came. */
export function groupByHost(records: readonly RunRecord[]): RunRecord[][] {
  const groups: RunRecord[][] = []
  for (const record of records) {
    const group = groups.find((one) => one.every((other) => differenceLines(other, record).length === 0))
    if (group) group.push(record)
    else groups.push([record])
  }
  return groups
}

/**
 * One record of all samples. Each record's rounds are counted on from the one before, so that a pair is always of one
 * record; shards have no point in common, and then nothing but the numbers changes.
 * @throws UsageError when a record is there twice; RecordError if hosts or the work of benches differ, with
 *   what differs. The claims are those of the latest run.
 */
export function mergeRecords(records: readonly RunRecord[]): RunRecord {
  const [first, ...others] = records
  if (!first) throw new UsageError('there is no record to merge', 'name the records')
  assertDistinctRuns(records)
  for (const record of others) {
    const differ = differenceLines(first, record)
    if (differ.length === 0) continue
    throw new RecordError(
      `${first.file} and ${record.file} are of different hosts: ${differ.join('; ')}`,
      'isobench merge --group --out FILE writes one record for each kind',
    )
  }
  assertMergeableLooks(records)
  const plans = records.map(({ plan }) => plan)
  assertSameWork(records)
  const benches = latestById(records, ({ plan }) => plan.benches)
  const measured = new Set(benches.map(({ id }) => id))
  const points = new Map(plans.flatMap((plan) => plan.cases).map((point) => [point.id, point]))
  const left = new Map(plans.flatMap((plan) => plan.excluded).map((one) => [one.bench, one]))
  const named = [...new Set(plans.flatMap(({ namedPlatforms = [] }) => namedPlatforms))]
  const plan: Plan = {
    ...first.plan,
    seed: [...new Set(plans.map(({ seed }) => seed))].join('+'),
    profile: { ...first.plan.profile, rounds: Math.max(...plans.map(({ profile }) => profile.rounds)) },
    platforms: [...new Map(plans.flatMap((one) => one.platforms).map((one) => [one.name, one])).values()],
    benches,
    cases: [...points.values()],
    findings: latestById(records, (record) => record.plan.findings),
    excluded: [...left.values()].filter(({ bench }) => !measured.has(bench)),
    ...(named.length > 0 && { namedPlatforms: named }),
  }
  const revisions = new Set(records.map(({ environment }) => environment.revision))
  const environment: Environment = {
    ...first.environment,
    startedAt: records.map((one) => one.environment.startedAt).sort()[0]!,
    revision: revisions.size === 1 ? first.environment.revision : null,
  }
  return {
    file: first.file,
    environment,
    plan,
    problems: [...new Map(records.flatMap((one) => one.problems).map((one) => [JSON.stringify(one), one])).values()],
    samples: renumberRounds(records),
    status: (['killed', 'interrupted', 'finished'] as const).find((how) => records.some((one) => one.status === how))!,
  }
}

/**
 * When a run with interim looks stops depends on its values. Its rounds cannot be judged with those of another
 * run. Shards have no case in common, and keep their looks.
 */
function assertMergeableLooks(records: readonly RunRecord[]): void {
  const lookKey = ({ plan }: RunRecord): string => JSON.stringify((plan as ScheduledPlan).sequential?.looks ?? null)
  const before = new Map<string, RunRecord>()
  for (const record of records) {
    const [first] = records
    if (lookKey(record) !== lookKey(first!))
      throw new RecordError(
        `${first!.file} and ${record.file} have different interim looks`,
        'merge runs that were measured with the same --rounds',
      )
    for (const { case: caseId } of record.samples) {
      const other = before.get(caseId) ?? record
      before.set(caseId, other)
      if (other !== record && lookKey(record) !== 'null')
        throw new RecordError(
          `${other.file} and ${record.file} both measured "${caseId}", with interim looks`,
          'merge rounds of runs with a fixed number of rounds, such as --rounds 20',
        )
    }
  }
}

function assertDistinctRuns(records: readonly RunRecord[]): void {
  const seen = new Map<string, string>()
  for (const { file, environment, plan } of records) {
    const key = `${environment.startedAt} ${plan.seed}`
    const before = seen.get(key)
    if (before !== undefined)
      throw new UsageError(`${before} and ${file} are the same run`, 'its samples would count twice')
    seen.set(key, file)
  }
}

/** All of a kind by id, as the latest run states them: margins may have been edited since an earlier one. */
function latestById<T extends { readonly id: string | number }>(
  records: readonly RunRecord[],
  of: (record: RunRecord) => readonly T[],
): T[] {
  const all = new Map<T['id'], { readonly one: T; readonly startedAt: string }>()
  for (const record of records) {
    const { startedAt } = record.environment
    for (const one of of(record)) {
      const before = all.get(one.id)
      if (!before || before.startedAt < startedAt) all.set(one.id, { one, startedAt })
    }
  }
  return [...all.values()].map(({ one }) => one)
}

/** @throws {RecordError} if the records measured different work under one id. Claims are no work. */
function assertSameWork(records: readonly RunRecord[]): void {
  const seen = new Map<string, { readonly work: string; readonly file: string }>()
  for (const { plan, file } of records)
    for (const { claims: _, location: __, ...bench } of plan.benches) {
      const work = JSON.stringify(bench)
      const before = seen.get(bench.id) ?? { work, file }
      seen.set(bench.id, before)
      if (before.work !== work)
        throw new RecordError(
          `bench ${bench.id} is not the same in ${before.file} and ${file}`,
          'merge records that were made from the same bench files; only claims may differ',
        )
    }
}

function renumberRounds(records: readonly RunRecord[]): RunRecord['samples'] {
  const after = new Map<string, number>()
  return records.flatMap(({ samples }) => {
    const next = new Map(after)
    const moved = samples.map((sample) => {
      if (sample.warmup) return sample
      const round = sample.round + (after.get(sample.case) ?? 0)
      next.set(sample.case, Math.max(next.get(sample.case) ?? 0, round + 1))
      return { ...sample, round }
    })
    for (const [point, round] of next) after.set(point, round)
    return moved
  })
}

/** A record as its file's text. `at`: when it was put together, ISO 8601. */
export function recordText({ environment, plan, problems, samples, status: how }: RunRecord, at: string): string {
  const lines = [
    { type: 'start', recordVersion, environment, plan, problems },
    ...samples.map((sample) => ({ type: 'sample', sample })),
    ...(how === 'killed' ? [] : [{ type: 'end', status: how, at }]),
  ]
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}
