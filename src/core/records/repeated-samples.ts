import { UsageError } from '../../util/errors.ts'
import { plural } from '../../util/text.ts'
import type { RecordSurvey } from './record-survey.ts'

/** Samples that several records have, because one of these was merged from others. Pure. */

/** A record of which another one has all samples. */
export interface RepeatedRecord {
  readonly record: RecordSurvey
  readonly instead: RecordSurvey
}

/** How many samples of another record this one lacks, more than it has damaged lines. */
function lackingIn(record: RecordSurvey, { sampleIds }: RecordSurvey): number {
  const own = new Set(record.sampleIds.ids)
  const lacking = sampleIds.ids.reduce((sum, id) => (own.has(id) ? sum : sum + 1), 0)
  return Math.max(0, lacking - record.unreadable.length) + Math.max(0, sampleIds.unknown - record.sampleIds.unknown)
}

/** @throws {UsageError} if a record that would not count has samples that the one instead of it lacks */
export function refuseLoss(record: RecordSurvey, instead: RecordSurvey): void {
  if (lackingIn(instead, record) === 0) return
  throw new UsageError(
    `${instead.file} and ${record.file} have the same start and seed, and each has samples that the other one lacks`,
    'merge the records that they were made from instead',
  )
}

/**
 * The records of which all samples are in larger ones. Records have samples in common only if both have the case at the
 * same time.
 * @throws {UsageError} if a record has some of its samples in common with others
 */
export function repeatedRecords(records: readonly RecordSurvey[]): RepeatedRecord[] {
  const suspects = overlapping(records)
  const owners = new Map<bigint, RecordSurvey>()
  const repeated: RepeatedRecord[] = []
  for (const one of [...suspects].sort((a, b) => b.samples - a.samples)) {
    const { ids, unknown } = one.sampleIds
    const known = ids.filter((id) => owners.has(id))
    const instead = known.length > 0 ? owners.get(known[0]!)! : undefined
    if (instead && known.length === ids.length && unknown === 0) repeated.push({ record: one, instead })
    else if (instead)
      throw new UsageError(
        `${instead.file} and ${one.file} have ${plural(known.length, 'sample')} in common, and each has others`,
        'merge the records that they were made from instead',
      )
    else for (const id of ids) owners.set(id, one)
  }
  return repeated
}

/** The records that have a case at the same time as another one. */
function overlapping(records: readonly RecordSurvey[]): Set<RecordSurvey> {
  const byCase = new Map<string, { readonly one: RecordSurvey; readonly first: number; readonly last: number }[]>()
  for (const one of records)
    for (const [id, [first, last]] of one.sampleIds.times) {
      const known = byCase.get(id) ?? []
      known.push({ one, first, last })
      byCase.set(id, known)
    }
  const found = new Set<RecordSurvey>()
  for (const all of byCase.values()) {
    all.sort((a, b) => a.first - b.first)
    let latest = all[0]!
    for (const next of all.slice(1)) {
      if (next.first <= latest.last) found.add(latest.one).add(next.one)
      if (next.last > latest.last) latest = next
    }
  }
  return found
}
