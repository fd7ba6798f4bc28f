/**
 * How alike the names are that the same work uses in several rounds, as Jaccard indices: of any two rounds, and of any
 * half of the rounds against the other half.
 */

import { type AttackProfile, attackProfileOf } from '../../src/core/model/record.ts'
import { platformRoles, tracedCalls } from '../../src/core/model/traced-calls.ts'
import { median } from '../../src/core/stats/index.ts'
import { jaccard } from '../../src/tracing/call-counts.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'
import {
  measureWorkloads,
  samplesByRound,
  sourceOption,
  tracedBenches,
  type WorkloadName,
  workloadNames,
} from './workload-run.ts'

/** Two profiles are alike from this index on. */
const alike = 0.95

/** The names of each round, judged with the controls of these rounds. */
const namesOf = (profiles: readonly AttackProfile[]): string[][] =>
  tracedCalls(profiles)(platformRoles).work.map(Object.keys)

/** The names that more than half of the rounds used. */
function usual(profiles: readonly AttackProfile[]): string[] {
  const rounds = namesOf(profiles)
  return [...new Set(rounds.flat())].filter(
    (name) => rounds.filter((names) => names.includes(name)).length * 2 > rounds.length,
  )
}

/** All ways to choose `count` of the values. */
function choices<T>(values: readonly T[], count: number): T[][] {
  if (count === 0) return [[]]
  return values.flatMap((value, at) => choices(values.slice(at + 1), count - 1).map((rest) => [value, ...rest]))
}

/** The Jaccard indices of any half of the rounds against the other rounds. Each half is judged alone. */
function halves(profiles: readonly AttackProfile[]): number[] {
  const rounds = profiles.map((_, round) => round)
  return choices(rounds, Math.floor(rounds.length / 2)).map((half) => {
    const [own, others] = [true, false].map((isOwn) => profiles.filter((_, round) => half.includes(round) === isOwn))
    return jaccard(usual(own!), usual(others!))
  })
}

/** Names in every round, names in some rounds; the indices of two rounds; the share of halves that are alike. */
function cell(profiles: readonly AttackProfile[]): string {
  const rounds = namesOf(profiles)
  const names = [...new Set(rounds.flat())]
  const always = names.filter((name) => rounds.every((round) => round.includes(name))).length
  const pairs = rounds.flatMap((one, at) => rounds.slice(at + 1).map((other) => jaccard(one, other)))
  const indices = halves(profiles)
  const share = (100 * indices.filter((index) => index >= alike).length) / indices.length
  return (
    `${always} + ${names.length - always}; ${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)}); ` +
    `${share.toFixed(0)} %`
  )
}

const everyPlatform = [
  ...['native', 'runc', 'crun', 'docker', 'podman', 'lxc', 'bubblewrap', 'nspawn', 'gvisor', 'gvisor-ptrace'],
  'user-mode-linux',
]

/** @throws {Error} if it is not a workload */
function workloadOption(value: string | undefined): readonly WorkloadName[] {
  const chosen = listOption(value) ?? workloadNames
  const unknown = chosen.find((name) => !workloadNames.some((known) => known === name))
  if (unknown !== undefined) throw new Error(`--workload takes ${workloadNames.join(', ')}, not "${unknown}".`)
  return chosen as WorkloadName[]
}

export const repeatability: Measurement = {
  description: "how alike a workload's names are in several rounds, as a table",
  options: {
    platform: 'drivers; those without a virtual machine',
    runs: 'rounds; 10',
    by: 'a trace source; syscalls',
    workload: 'workloads; all five',
  },
  run: ({ root, options, print }) => {
    const platforms = listOption(options.platform) ?? everyPlatform
    const names = workloadOption(options.workload)
    const sources = sourceOption(options.by ?? 'syscalls')
    const benches = sources.map((source) => tracedBenches(names, source))
    const rounds = countOption(options.runs, 10)
    const { samples } = measureWorkloads({ root, print }, { platforms, rounds, benches })
    print('Each cell: names in every round + in some rounds; Jaccard of two rounds, median (least); share of halves of')
    print(`the rounds with an index of ${alike} or more against the other half.`)
    for (const source of sources) {
      print(`\n| ${source} | ${names.join(' | ')} |`)
      print(`|---|${names.map(() => '---|').join('')}`)
      for (const platform of platforms) {
        const cells = names.map((name) => {
          const own = samplesByRound(samples, platform, name, source)
          const profiles = [...own.values()].flatMap((one) => attackProfileOf(one) ?? [])
          return profiles.length > 1 ? cell(profiles) : '–'
        })
        print(`| ${platform} | ${cells.join(' | ')} |`)
      }
    }
  },
}
