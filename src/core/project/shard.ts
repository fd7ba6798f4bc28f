import { UsageError } from '../../util/errors.ts'
import { combinations, type ExclusionReason, type Plan } from '../model/plan.ts'
import type { BenchData } from '../model/suite.ts'
import { lastFailed } from '../records/history.ts'
import type { SkippedRecord } from '../records/record-file.ts'

/** One of `count` parts of a suite, counted from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * Selects the benches of one shard.
 *
 * A bench is never split, because a platform and native must be measured on the same host. Benches are assigned in the
 * order of their size: each goes to the shard that has the fewest cases so far. The result depends on the benches
 * alone.
 * @throws {UsageError} if the shard gets no bench
 */
export function selectShard(benches: readonly BenchData[], { index, count }: Shard): BenchData[] {
  const loads = Array.from({ length: count }, () => 0)
  const sizes = benches.map((bench) => ({ id: bench.id, size: combinations(bench.params).length }))
  const mine = new Set<string>()
  for (const { id, size } of sizes.sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1))) {
    const least = loads.indexOf(Math.min(...loads))
    loads[least]! += size
    if (least === index - 1) mine.add(id)
  }
  if (mine.size === 0)
    throw new UsageError(
      `shard ${index}/${count} has no bench: there are ${benches.length}`,
      `use at most ${benches.length} shards`,
    )
  return benches.filter(({ id }) => mine.has(id))
}

/** Applies --last-failed and --shard to the selected benches. */
export function applyShardAndLastFailed(
  { benches: selected, excluded }: Pick<Plan, 'benches' | 'excluded'>,
  root: string,
  options: { readonly lastFailed?: boolean | undefined; readonly shard?: Shard | undefined },
): Pick<Plan, 'benches' | 'excluded'> & { readonly notes: readonly string[] } {
  const notes: string[] = []
  const onSkipped = ({ why }: SkippedRecord) => void notes.push(`--last-failed skips a record: ${why}`)
  const failed = options.lastFailed ? lastFailed(root, onSkipped) : undefined
  if (failed?.size === 0) notes.push('nothing failed in the latest run: all benches are measured')
  const wanted = failed && failed.size > 0 ? selected.filter(({ id }) => failed.has(id)) : selected
  const benches = options.shard && wanted.length > 0 ? selectShard(wanted, options.shard) : wanted
  const removed = (before: Plan['benches'], after: Plan['benches'], reason: ExclusionReason) =>
    before.filter((bench) => !after.includes(bench)).map(({ id }) => ({ bench: id, reason }))
  return {
    benches,
    excluded: [...excluded, ...removed(selected, wanted, 'not-failed-before'), ...removed(wanted, benches, 'shard')],
    notes,
  }
}
