import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import * as z from 'zod'
import { buildId } from '../../util/assets.ts'
import { IsobenchError, messageOf, UsageError } from '../../util/errors.ts'
import { readablePath } from '../../util/inputs.ts'
import { encodingProblem, sanitize, withoutBom } from '../../util/text.ts'
import { casesOf, isMeasuredOn, type Plan } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { BenchData } from '../model/suite.ts'
import { stepDurations } from '../records/step-durations.ts'
import { median } from '../stats/index.ts'
import { assignShards, type BenchSeconds, type PlannedShards } from './shard.ts'

/** A shard plan: which benches each shard measures. One file for all hosts of a run. */

/** Version of the format of plan files. */
const planVersion = 1

/** What `isobench plan` was asked to measure. Every shard measures with these options. */
const selectionSchema = z.strictObject({
  filters: z.array(z.string()),
  platform: z.array(z.string()).optional(),
  allPlatforms: z.boolean().optional(),
  name: z.array(z.string()).optional(),
  tag: z.array(z.string()).optional(),
  findings: z.array(z.string()).optional(),
  profile: z.string(),
  rounds: z.number().optional(),
  firstLook: z.number().optional(),
  seconds: z.number().optional(),
  timeout: z.number().optional(),
  duet: z.boolean().optional(),
  seed: z.string(),
})

export type ShardSelection = z.infer<typeof selectionSchema>

const plannedBenchSchema = z.strictObject({
  id: z.string(),
  digest: z.string(),
  /** Seconds of all its samples. */
  seconds: z.number(),
  /** Whether former records say so; otherwise it is an estimate. */
  measured: z.boolean(),
})

const shardPlanSchema = z.strictObject({
  isobench: z.literal('shard-plan'),
  planVersion: z.literal(planVersion),
  id: z.string(),
  build: z.string(),
  createdAt: z.string(),
  selection: selectionSchema,
  shards: z.array(z.strictObject({ seconds: z.number(), benches: z.array(plannedBenchSchema) })).min(1),
})

export type ShardPlan = z.infer<typeof shardPlanSchema>
export type PlannedBench = z.infer<typeof plannedBenchSchema>

/** A file is no shard plan, or does not fit the bench files. */
export class ShardPlanError extends IsobenchError {
  readonly code = 'ISOBENCH_SHARD_PLAN'
}

/**
 * The id of a plan: a hash of all that it states. With any other id, the shards of an edited plan would have the id of
 * the original, and `isobench merge` would join them as if they had measured the same.
 */
function planId(contents: Omit<ShardPlan, 'id'>): string {
  const { isobench, planVersion, build, createdAt, selection, shards } = shardPlanSchema.parse({ ...contents, id: '' })
  const text = JSON.stringify([isobench, planVersion, build, createdAt, selection, shards])
  return `p${createHash('sha256').update(text).digest('hex').slice(0, 10)}`
}

const remake = 'make a new plan with isobench plan, and give the same file to every shard'

/**
 * The seconds that each bench takes: the medians of former samples times the rounds of the profile. A bench without
 * former samples of all its cases has the estimate of its plan.
 * @param former samples of any records with the same sample length
 */
export function benchSeconds(
  { benches, platforms, profile }: Pick<Plan, 'benches' | 'platforms' | 'profile'>,
  former: readonly Sample[] = [],
): PlannedBench[] {
  const names = new Set(platforms.map(({ name }) => name))
  const walls = new Map<string, Map<string, number[]>>()
  for (const { case: id, platform, wallMs } of former) {
    if (!names.has(platform)) continue
    const ofCase = walls.get(id) ?? new Map<string, number[]>()
    const values = ofCase.get(platform) ?? []
    values.push(wallMs / 1000)
    walls.set(id, ofCase.set(platform, values))
  }
  const estimate = stepDurations([], profile)
  const rounds = profile.rounds + profile.warmup
  return benches.map((bench) => {
    const cases = casesOf(bench)
    const measured = cases.every(({ id }) => walls.has(id))
    const ofRound = cases.flatMap((one) =>
      measured
        ? [...walls.get(one.id)!.values()].map((values) => median(values))
        : platforms.flatMap((platform) => {
            if (!isMeasuredOn(platform, bench)) return []
            const { sample, boot } = estimate(one, bench, platform)
            return bench.workload.lifecycle === 'sample' ? sample + boot : sample
          }),
    )
    const seconds = rounds * ofRound.reduce((sum, one) => sum + one, 0)
    // Milliseconds, so that sums do not depend on the last bit of a float.
    return { id: bench.id, digest: bench.digest, seconds: Math.round(seconds * 1000) / 1000, measured }
  })
}

/** @throws {UsageError} if a shard would have no bench */
export function createShardPlan(benches: readonly PlannedBench[], count: number, selection: ShardSelection): ShardPlan {
  const byId = new Map(benches.map((bench) => [bench.id, bench]))
  const contents: Omit<ShardPlan, 'id'> = {
    isobench: 'shard-plan',
    planVersion,
    build: buildId(),
    createdAt: new Date().toISOString(),
    selection,
    shards: assignShards(benches, count).map((ids) => {
      const own = ids.map((id) => byId.get(id)!)
      const seconds = own.reduce((sum, one: BenchSeconds) => sum + one.seconds, 0)
      return { seconds: Math.round(seconds * 1000) / 1000, benches: own }
    }),
  }
  return { ...contents, id: planId(contents) }
}

/** @throws {ShardPlanError} if the file is no shard plan, or was edited since `isobench plan` wrote it */
export function readShardPlan(file: string): ShardPlan {
  if (!existsSync(file)) throw new UsageError(`there is no shard plan at ${file}`, remake)
  const path = readablePath(file)
  const bytes = readFileSync(path)
  const problem = encodingProblem(file, bytes)
  if (problem) throw new ShardPlanError(`${problem.at} is not UTF-8`, problem.fix)
  let value: unknown
  try {
    value = JSON.parse(withoutBom(bytes.toString('utf8')))
  } catch (error) {
    throw new ShardPlanError(`${file} is no shard plan: ${messageOf(error)}`, remake)
  }
  const parsed = shardPlanSchema.safeParse(value)
  if (parsed.success) {
    if (planId(parsed.data) === parsed.data.id) return parsed.data
    throw new ShardPlanError(
      `${file} was edited since isobench plan wrote it: its id ${parsed.data.id} is of other contents`,
      'make a new plan with the options that you want, and give the same file to every shard',
    )
  }
  const { path: field, message } = parsed.error.issues[0]!
  throw new ShardPlanError(`${file} is no shard plan: ${field.join('.') || 'the file'}: ${message}`, remake)
}

/**
 * Checks that this host has the benches of the plan.
 * @throws {ShardPlanError} that names the first bench that is missing, new or changed, or the build of the plan
 */
export function checkShardPlan({ id, build, shards }: PlannedShards, benches: readonly BenchData[]): void {
  const planned = new Map(shards.flatMap((shard) => shard.benches).map((bench) => [bench.id, bench.digest]))
  const here = new Map(benches.map((bench) => [bench.id, bench.digest]))
  const refuse = (bench: string, why: string): never => {
    throw new ShardPlanError(`the bench ${bench} ${why} shard plan ${id} was made`, remake)
  }
  const changed = (bench: string): never => {
    if (build === buildId()) return refuse(bench, 'has changed since')
    // The digest of a bench has the parts of isobench that it uses.
    throw new ShardPlanError(
      `shard plan ${id} was made by build ${sanitize(build, 40)} of isobench, and this is ${buildId()}. So the bench ` +
        `${bench} is not the same`,
      `use one build of isobench on all hosts, or ${remake}`,
    )
  }
  for (const [bench, digest] of planned) {
    if (!here.has(bench)) refuse(bench, 'is gone since')
    if (here.get(bench) !== digest) changed(bench)
  }
  for (const bench of here.keys()) if (!planned.has(bench)) refuse(bench, 'is new since')
}
