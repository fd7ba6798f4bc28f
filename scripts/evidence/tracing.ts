/**
 * The cost of tracing for the workloads of the attack profile: traced over untraced time for the same work in the same
 * rounds. Also the Jaccard index of the names that a workload calls in two rounds.
 */

import { attackProfileOf, type Sample } from '../../src/core/model/record.ts'
import { platformRoles, tracedCalls } from '../../src/core/model/traced-calls.ts'
import { median } from '../../src/core/stats/index.ts'
import type { TraceSource } from '../../src/dsl/traced.ts'
import { jaccard } from '../../src/tracing/call-counts.ts'
import { countOption, listOption, type Measurement, type MeasurementContext } from './measurement.ts'
import {
  measureWorkloads,
  samplesByRound,
  sourceOption,
  tracedBenches,
  type WorkloadName,
  workloadNames,
  workloads,
} from './workload-run.ts'

const benchesBy = (chosen: readonly TraceSource[]): string[] => [
  `export const untraced = [${workloadNames.map((name) => `bench('${name} untraced', ${name})`).join(', ')}]`,
  ...chosen.map((source) => tracedBenches(workloadNames, source)),
]

/** The time of one unit of work, without the second that a boot sleeps. */
const timeOf = (name: WorkloadName, value: number) => (name === 'startAndStop' ? value - 1000 : 1 / value)

function timesOf(samples: readonly Sample[], platform: string, name: WorkloadName, how: string): Map<number, number> {
  return new Map(
    [...samplesByRound(samples, platform, name, how)].flatMap(([round, { outcome }]) =>
      outcome.ok
        ? [[round, timeOf(name, (outcome.attackProfile?.workloadMetrics ?? outcome.values)[workloads[name]]!)]]
        : [],
    ),
  )
}

/** The names that the work of each round used. */
function profilesIn(samples: readonly Sample[], platform: string, name: WorkloadName, how: string): string[][] {
  const own = samplesByRound(samples, platform, name, how)
  const profiles = [...own.values()].flatMap((one) => attackProfileOf(one) ?? [])
  return tracedCalls(profiles)(platformRoles).work.map(Object.keys)
}

interface Options {
  readonly platforms: readonly string[]
  readonly rounds: number
  readonly by: readonly TraceSource[]
}

/** Prints the median, minimum and maximum of the rounds' ratios for each platform, workload and source. */
function compare(context: MeasurementContext, { platforms, rounds, by: chosen }: Options): void {
  const print = (line: string) => context.print(`tracing: ${line}`)
  const run = { platforms, rounds, benches: benchesBy(chosen) }
  const { samples } = measureWorkloads({ root: context.root, print }, run)
  for (const by of chosen) {
    for (const platform of platforms) {
      for (const name of workloadNames) {
        const untraced = timesOf(samples, platform, name, 'untraced')
        const ratios = [...timesOf(samples, platform, name, by)].flatMap(([round, time]) => {
          const plain = untraced.get(round)
          return plain === undefined ? [] : [time / plain]
        })
        if (ratios.length === 0) continue
        const sets = profilesIn(samples, platform, name, by)
        const alike = sets.flatMap((one, at) => sets.slice(at + 1).map((other) => jaccard(one, other)))
        const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2))
        const names = alike.length > 0 ? `, ${median(alike).toFixed(2)}, at least ${Math.min(...alike).toFixed(2)}` : ''
        print(
          `${by}, ${platform}, ${name}: traced over untraced time ` +
            `${median(ratios).toFixed(2)} [${least}, ${most}] in ${ratios.length} rounds; ` +
            `Jaccard of two rounds' names${names || ' unknown from one round'}`,
        )
      }
    }
  }
}

export const tracing: Measurement = {
  description: 'the cost of tracing for the workloads of the attack profile',
  options: {
    platform: 'drivers; native,runc,gvisor',
    runs: 'rounds; 5',
    by: 'a trace source; syscalls and functions',
  },
  run: (context) =>
    compare(context, {
      platforms: listOption(context.options.platform) ?? ['native', 'runc', 'gvisor'],
      rounds: countOption(context.options.runs, 5),
      by: sourceOption(context.options.by),
    }),
}
