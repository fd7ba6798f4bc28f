import { createHash } from 'node:crypto'
import { UsageError } from '../../util/errors.ts'
import { plural } from '../../util/text.ts'
import type { Plan, ShardOfPlan } from '../model/plan.ts'
import type { BenchData } from '../model/suite.ts'

/** The part of a plan file that decides what a shard measures. */
export interface PlannedShards {
  readonly id: string
  /** The build of isobench that made the plan. */
  readonly build: string
  readonly shards: readonly { readonly benches: readonly Pick<BenchData, 'id' | 'digest'>[] }[]
}

/** One of `count` parts of a suite, counted from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
  /** What only the shards of one run share, such as the id of the job; null if unknown. */
  readonly run: string | null
  /** The plan file; if it is missing, the parts follow from the benches alone. */
  readonly planned?: PlannedShards | undefined
}

/** A bench with the seconds that it takes. */
export interface BenchSeconds {
  readonly id: string
  readonly seconds: number
}

/** The benches of one group share a server and are one unit; any other bench is a unit alone. */
function unitOf(id: string): string {
  const at = id.indexOf(' > ', id.indexOf('#'))
  return at < 0 ? id : id.slice(0, at)
}

/**
 * Splits benches into parts of about equal time.
 *
 * A bench is never split, because a platform and native must be measured on the same host. Benches of a group stay
 * together. The longest unit comes first, and each goes to the part that has the fewest seconds so far (longest
 * processing time first: Graham 1969, at most 4/3 of the shortest possible time). The order of `benches` is irrelevant.
 * @returns the ids of each part
 * @throws {UsageError} if a part would have no bench
 */
export function assignShards(benches: readonly BenchSeconds[], count: number): string[][] {
  const units = new Map<string, { readonly ids: string[]; seconds: number }>()
  for (const { id, seconds } of [...benches].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const unit = units.get(unitOf(id)) ?? { ids: [], seconds: 0 }
    unit.ids.push(id)
    unit.seconds += seconds
    units.set(unitOf(id), unit)
  }
  if (units.size < count)
    throw new UsageError(
      `${count} shards are too many for ${plural(units.size, 'bench', 'benches')}, where a group of benches is one`,
      `use at most ${plural(units.size, 'shard')}`,
    )
  const parts = Array.from({ length: count }, () => ({ ids: [] as string[], seconds: 0 }))
  for (const { ids, seconds } of [...units.values()].sort((a, b) => b.seconds - a.seconds)) {
    // An empty part comes first, because a unit may take no time.
    const least = parts.reduce((a, b) =>
      b.seconds < a.seconds || (b.seconds === a.seconds && b.ids.length < a.ids.length) ? b : a,
    )
    least.ids.push(...ids)
    least.seconds += seconds
  }
  return parts.map(({ ids }) => ids)
}

/** The benches of one shard, those of the others, and what the record says about it. */
export interface SelectedShard extends Pick<Plan, 'benches' | 'excluded'> {
  readonly shard: ShardOfPlan
}

/**
 * Selects the benches of one shard.
 * @param estimates the seconds of each bench, equal on every host; used without a plan file
 * @throws {UsageError} if the shard gets no bench
 */
export function selectShard(
  benches: readonly BenchData[],
  { index, count, run, planned }: Shard,
  estimates: readonly BenchSeconds[],
): SelectedShard {
  const parts = planned?.shards.map((one) => one.benches.map(({ id }) => id)) ?? assignShards(estimates, count)
  const mine = new Set(parts[index - 1])
  const others = benches.filter(({ id }) => !mine.has(id))
  return {
    benches: benches.filter(({ id }) => mine.has(id)),
    excluded: others.map(({ id }) => ({ bench: id, reason: 'shard' })),
    shard: {
      plan: planned?.id ?? partsDigest(benches, parts),
      run,
      count,
      indices: [index],
      benches: parts,
      others,
    },
  }
}

/** A hash of what the shards measure, so that only shards of the same parts of the same benches fit together. */
const partsDigest = (benches: readonly BenchData[], parts: readonly (readonly string[])[]): string =>
  createHash('sha256')
    .update(JSON.stringify([parts, benches.map(({ id, digest, params }) => [id, digest, params]).sort()]))
    .digest('hex')
    .slice(0, 12)
