import { isOfPlanFile, type ShardOfPlan } from '../model/plan.ts'
import { RecordError } from './record-file.ts'
import type { RecordSurvey } from './record-survey.ts'
import type { MissingShard } from './shard-coverage.ts'

/** The shards of one plan that a merge has. */
export interface MergedPlan {
  /** Id of the plan. */
  readonly plan: string
  readonly count: number
  /** From 1, in their order. */
  readonly indices: readonly number[]
}

interface KnownPlan {
  readonly shard: Omit<ShardOfPlan, 'others'>
  readonly indices: Set<number>
  readonly runs: Set<string | null>
  readonly first: RecordSurvey
  /** The latest record. */
  latest: RecordSurvey
}

/** The shard plans of the records of a merge. */
export class MergedShards {
  readonly #plans = new Map<string, KnownPlan>()

  /** @throws {RecordError} if the plan has changed since another record of it */
  add({ others: _, ...shard }: ShardOfPlan, survey: RecordSurvey): void {
    const known = this.#plans.get(shard.plan) ?? {
      shard,
      indices: new Set<number>(),
      runs: new Set<string | null>(),
      first: survey,
      latest: survey,
    }
    if (known.first.shard!.contents !== survey.shard!.contents)
      throw new RecordError(
        `${known.first.file} and ${survey.file} are of the shard plan ${shard.plan}, but it was edited between them`,
        'measure all shards with one plan: isobench run --plan FILE --shard n/m',
      )
    for (const index of shard.indices) known.indices.add(index)
    known.runs.add(shard.run)
    if (known.latest.startedAt < survey.startedAt) known.latest = survey
    this.#plans.set(shard.plan, known)
  }

  plans(): MergedPlan[] {
    return [...this.#plans.values()].map(({ shard: { plan, count }, indices }) => ({
      plan,
      count,
      indices: sorted(indices),
    }))
  }

  /** The shards of every plan that no record has. */
  missing(): MissingShard[] {
    return [...this.#plans.values()].flatMap(({ shard, indices }) => {
      const { plan, count } = shard
      return shard.benches.flatMap((ids, at) =>
        indices.has(at + 1) ? [] : [{ index: at + 1, count, plan, isOfFile: isOfPlanFile(shard), benches: [...ids] }],
      )
    })
  }

  /** The latest record of each plan. Every record has a copy of all benches. */
  latest(): RecordSurvey[] {
    return [...this.#plans.values()].map(({ latest }) => latest)
  }

  /** What the merged record says about its shards; undefined without a plan, or with several. */
  only(): ShardOfPlan | undefined {
    const [only, ...more] = this.#plans.values()
    if (!only || more.length > 0) return undefined
    const { shard, indices, runs } = only
    return {
      ...shard,
      run: runs.size === 1 ? [...runs][0]! : null,
      indices: sorted(indices),
      // The plan itself has them.
      others: [],
    }
  }
}

const sorted = (indices: ReadonlySet<number>): number[] => [...indices].sort((a, b) => a - b)
