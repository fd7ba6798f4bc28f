import type { CasesToMeasure } from '../model/plan.ts'
import type { RunRecord, Sample } from '../model/record.ts'

const keyOf = ({ case: id, platform }: Pick<Sample, 'case' | 'platform'>): string => JSON.stringify([id, platform])

/**
 * The record with the former samples of the results that are not measured completely, so that their verdicts stay until
 * the new ones are there. Pure.
 * @param due the results of unfinished jobs
 * @returns the record, and the results that are former ones
 */
export function withFormerResults(
  record: RunRecord,
  former: readonly Sample[],
  due: CasesToMeasure,
): { readonly record: RunRecord; readonly stale: CasesToMeasure } {
  const isDue = ({ case: id, platform }: Sample) => due.get(id)?.has(platform) === true
  const kept = former.filter(isDue)
  const replaced = new Set(kept.map(keyOf))
  const formerRounds = new Set(kept.map((sample) => `${sample.round} ${keyOf(sample)}`))
  const known = new Set(kept)
  const current = record.samples.filter((sample) => {
    if (!replaced.has(keyOf(sample))) return true
    // New rounds of native belong to platforms without former results, unless former rounds have their numbers.
    const isNew = !known.has(sample) && !formerRounds.has(`${sample.round} ${keyOf(sample)}`)
    return sample.platform === 'native' && isNew
  })
  const { platforms } = record.plan
  const stale = new Map<string, Set<string>>()
  for (const [id, names] of due) {
    const own = [...names].filter((platform) => replaced.has(keyOf({ case: id, platform })))
    // Beside one platform that changed, native stays as it was.
    const isWhole = platforms.every(({ name, available }) => names.has(name) || !available)
    const shown = own.filter((name) => name !== 'native' || isWhole)
    if (shown.length > 0) stale.set(id, new Set(shown))
  }
  return { record: { ...record, samples: [...current, ...kept] }, stale }
}
