/**
 * How alike the names are that the same work uses in several rounds, as Jaccard indices: of any two rounds, and of any
 * half of the rounds against the other half.
 */

import { countedSamples } from '../../src/core/judge/samples.ts'
import { type AttackProfile, attackProfileOf } from '../../src/core/model/record.ts'
import { platformRoles, tracedCalls } from '../../src/core/model/traced-calls.ts'
import { hasRecord, latestRecord, readRecord } from '../../src/core/records/record-file.ts'
import { median } from '../../src/core/stats/index.ts'
import { jaccard } from '../../src/tracing/call-counts.ts'
import type { Measurement } from './measurement.ts'

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
function row(profiles: readonly AttackProfile[]): string {
  const rounds = namesOf(profiles)
  const names = [...new Set(rounds.flat())]
  const always = names.filter((name) => rounds.every((round) => round.includes(name))).length
  const pairs = rounds.flatMap((one, at) => rounds.slice(at + 1).map((other) => jaccard(one, other)))
  const indices = halves(profiles)
  const share = (100 * indices.filter((index) => index >= alike).length) / indices.length
  return (
    `${always} + ${names.length - always} | ${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)}) | ` +
    `${share.toFixed(0)} %`
  )
}

export const repeatability: Measurement = {
  description: "how alike a workload's names are in the rounds of a stored record, as tables",
  options: { record: 'a record with attack profiles; the latest' },
  run: ({ root, options, print }) => {
    if (options.record === undefined && !hasRecord(root)) {
      print('repeatability: there is no record. Measure: isobench run isolation/attack-profile --tag syscalls')
      return
    }
    const record = options.record === undefined ? latestRecord(root) : readRecord(options.record)
    print(`${record.samples.length} samples, ${record.samples.filter(({ disturbed }) => disturbed).length} disturbed.`)
    print('Each row: names in every round + in some rounds; Jaccard of two rounds, median (least); share of halves of')
    print(`the rounds with an index of ${alike} or more against the other half.`)
    for (const { id } of record.plan.cases) {
      const rows = record.plan.platforms.flatMap(({ name }) => {
        const own = record.samples.filter((sample) => sample.case === id && sample.platform === name)
        const rounds = new Map(countedSamples(own).map((sample) => [sample.round, attackProfileOf(sample)]))
        const profiles = [...rounds.values()].filter((profile) => profile !== undefined)
        return profiles.length > 1 ? [`| ${name} | ${row(profiles)} |`] : []
      })
      if (rows.length > 0) print([`\n${id}`, ...rows].join('\n'))
    }
  },
}
