/** The samples of the plausible world, and of that world with a change. */

import { type BenchCase, casesOf, type PlannedPlatform } from '../../../src/core/model/plan.ts'
import type { Sample } from '../../../src/core/model/record.ts'
import type { BenchData } from '../../../src/core/model/suite.ts'
import { seeded } from '../../../src/core/stats/index.ts'
import { aSample, withValues } from '../core/judge/builders.ts'
import { rounds } from './synthetic.ts'
import { costsOf, type Row, rows } from './world.ts'

/** Added to the logarithm of a cost. Above 0 is worse. */
export type Change = (cell: { readonly case: BenchCase; readonly metric: string; readonly platform: string }) => number

/** Metrics that no finding is about cost the same on every platform. */
const unclaimed = (bench: string, metric: string): Row => ({ bench, metric, native: 100, costs: [] })

function rowOf({ name }: BenchData, { params }: BenchCase, metric: string): Row {
  const found = rows.find(
    (row) =>
      name.startsWith(row.bench) &&
      row.metric === metric &&
      Object.entries(row.where ?? {}).every(([param, value]) => params[param] === value),
  )
  return found ?? unclaimed(name, metric)
}

/** The value of a platform, in the unit of the metric. */
function valueIn(bench: BenchData, point: BenchCase, metric: string, platform: string): number {
  const row = rowOf(bench, point, metric)
  const found = costsOf(row).get(platform)
  if (!found && row.costs.length > 0) throw new Error(`the world has no cost of ${platform} in ${row.bench}`)
  const cost = found?.cost ?? 1
  if (row.absolute) return cost
  return bench.metrics[metric]!.better === 'lower' ? row.native * cost : row.native / cost
}

/** +1 if a higher value is worse, -1 if a lower one is. */
const worseSignOf = (bench: BenchData, metric: string) => (bench.metrics[metric]!.better === 'lower' ? 1 : -1)

/** The logarithm of a value, negative for a rate: above is worse. */
export const logCost = (bench: BenchData, point: BenchCase, metric: string, platform: string): number =>
  worseSignOf(bench, metric) * Math.log(valueIn(bench, point, metric, platform))

/** The host drifts from round to round. Paired comparisons do not see it, and limits in a unit are not drifted. */
const drift = (round: number) => 1 + ((round * 7) % 5) * 0.2

const noises = new Map<string, number[]>()

/** The noise of each round from -1 to 1. Computed once, because a test makes many worlds. */
function roundNoise(key: string): number[] {
  const known = noises.get(key)
  if (known) return known
  const random = seeded(key)
  const made = Array.from({ length: rounds }, () => 2 * random() - 1)
  noises.set(key, made)
  return made
}

export function worldSamples(
  benches: readonly BenchData[],
  platforms: readonly PlannedPlatform[],
  change: Change = () => 0,
): Sample[] {
  return benches.flatMap((bench) =>
    casesOf(bench).flatMap((point) =>
      platforms.flatMap(({ name: platform }) => {
        const metrics = Object.keys(bench.metrics).map((metric) => {
          const { absolute, noise = 0.005 } = rowOf(bench, point, metric)
          const sign = worseSignOf(bench, metric)
          const shift = Math.exp(sign * change({ case: point, metric, platform }))
          const value = valueIn(bench, point, metric, platform) * shift
          const jitter = roundNoise(`${point.id} ${metric} ${platform}`).map((one) => 1 + noise * one)
          return { metric, value, jitter, sign, absolute }
        })
        return Array.from({ length: rounds }, (_, round): Sample => {
          const values = metrics.map(({ metric, value, jitter, sign, absolute }) => {
            return [metric, value * jitter[round]! * (absolute ? 1 : drift(round) ** sign)] as const
          })
          return aSample(platform, round, { case: point.id, ...withValues(Object.fromEntries(values)) })
        })
      }),
    ),
  )
}
