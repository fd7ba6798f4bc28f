import type { Shard } from '../core/project/shard.ts'
import { detectShard } from '../core/project/shard-environment.ts'
import type { ShardPlan } from '../core/project/shard-plan.ts'
import { UsageError } from '../util/errors.ts'
import type { CommandIo } from './command.ts'
import { flagName, type Options } from './options.ts'

/**
 * The shard that `--shard` names. For `auto` it reads the environment and prints what it read.
 * @param planned the plan file of `--plan`
 * @throws {UsageError} if the environment, the count and the plan contradict each other
 */
export function resolveShard(
  { shard }: Pick<Options, 'shard'>,
  io: Pick<CommandIo, 'err'>,
  planned?: ShardPlan,
): Shard | undefined {
  const inPlan = planned?.shards.length
  if (!shard) {
    if (inPlan === undefined) return undefined
    throw new UsageError(
      `--plan has ${inPlan} shards, and --shard is missing`,
      `pass --shard auto, or --shard n/${inPlan}`,
    )
  }
  if (inPlan !== undefined && shard.count !== undefined && shard.count !== inPlan)
    throw new UsageError(
      `--shard has ${shard.count} shards and --plan has ${inPlan}`,
      shard.index === undefined ? 'pass --shard auto' : `pass --shard n/${inPlan}`,
    )
  if (shard.index !== undefined) return { index: shard.index, count: shard.count!, run: planned?.id ?? null, planned }
  const count = inPlan ?? shard.count
  const expected = count === undefined ? undefined : { count, from: inPlan === undefined ? '--shard' : '--plan' }
  const { sources, ...detected } = detectShard(process.env, expected)
  io.err.write(`shard ${detected.index}/${detected.count}  from ${sources.join('; ')}\n`)
  return { ...detected, run: planned?.id ?? detected.run, planned }
}

/** Options that the plan file states, so that all shards have the same. */
const statedByPlan = [
  'platform',
  'allPlatforms',
  'name',
  'tag',
  'findings',
  'rounds',
  'seconds',
  'timeout',
  'duet',
  'seed',
] as const

/**
 * The options and filters of a shard of a plan file.
 * @throws {UsageError} if the command line selects something else
 */
export function withShardPlan(
  options: Options,
  filters: readonly string[],
  { selection }: ShardPlan,
): { readonly options: Options; readonly filters: readonly string[] } {
  const typed = statedByPlan.filter((key) => options[key] !== undefined && options[key] !== false).map(flagName)
  const own = options.profile !== 'quick' && options.profile !== selection.profile ? ['--profile'] : []
  const stated = [...typed, ...own, ...(filters.length > 0 ? [`the filter ${filters[0]}`] : [])]
  if (stated.length > 0)
    throw new UsageError(
      `the plan of --plan says what to measure, so ${stated[0]} cannot be given with it`,
      'pass it to isobench plan, which writes the plan for all shards',
    )
  const { filters: planned, ...rest } = selection
  return { options: { ...options, ...rest } as Options, filters: planned }
}
