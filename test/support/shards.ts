/** Records of three shards, each with one bench. */

import { casesOf } from '../../src/core/model/plan.ts'
import type { RunRecord } from '../../src/core/model/record.ts'
import { type PlannedShards, selectShard } from '../../src/core/project/shard.ts'
import { aBench, aClaim, aFinding, aPlan, costing, environmentOf, native } from '../unit/core/judge/builders.ts'

export const names = ['a', 'b', 'c']
export const idOf = (name: string) => `x.bench.ts#${name}`
export const benches = names.map((name) =>
  aBench({
    id: idOf(name),
    file: 'x.bench.ts',
    name,
    claims: [aClaim({ kind: 'withinNative', percent: 10 }, { bench: idOf(name) })],
  }),
)
const findings = [aFinding([aClaim({ kind: 'withinNative', percent: 10 }, { bench: idOf('c') })])]
const seconds = benches.map(({ id }) => ({ id, seconds: 1 }))

export interface ShardOver extends Partial<RunRecord> {
  readonly run?: string | null
  readonly rounds?: number
  readonly at?: string
  readonly planned?: PlannedShards
}

/** The record of a shard: 1 has bench a, 2 has b, 3 has c. */
export function shard(
  index: number,
  { run = 'p1', rounds = 10, at = `2026-01-0${index}`, planned, ...over }: ShardOver = {},
): RunRecord {
  const part = selectShard(benches, { index, count: 3, run, planned }, seconds)
  const [bench] = part.benches
  const samples = [...native(rounds), ...costing('runc', 1.02, { count: rounds })]
  return {
    file: `shard-${index}.jsonl`,
    environment: { ...environmentOf(), startedAt: `${at}T00:00:00.000Z` },
    plan: {
      ...aPlan({ benches: part.benches, findings }),
      cases: casesOf(bench!),
      excluded: part.excluded,
      shard: part.shard,
    },
    problems: [],
    samples: samples.map((sample) => ({ ...sample, case: bench!.id })),
    status: 'finished',
    ...over,
  }
}
