/** A run with many claims: how often it fails though nothing is wrong, and what it still sees of what is. */

import { describe, expect, it } from 'vitest'
import { holmCorrection } from '../../src/core/judge/judge.ts'
import { nonInferiority, familywiseAlpha as rates } from '../../src/core/judge/rules.ts'
import { decideAtLooks, reachedLooks, runTest } from '../../src/core/judge/tests.ts'
import {
  holm,
  planLooks,
  type SequentialPlan,
  sampleVariance,
  seeded,
  signedRankPValue,
  type VariancePrior,
} from '../../src/core/stats/index.ts'
import { pairedRounds, type RoundsOptions } from './simulate.ts'
import { luck, percent, printTable, repetitions } from './table.ts'

const margin = Math.log(1.05)
const rule = nonInferiority(margin)

/** The family is one bench, so each claim's pool are the others. All have as many rounds. */
function poolOf(family: readonly (readonly number[])[]) {
  const known = new Map<number, { readonly all: readonly number[]; readonly sum: number }>()
  return (at: number, count: number): VariancePrior => {
    const all = known.get(count)?.all ?? family.map((d) => sampleVariance(d.slice(0, count)))
    const sum = known.get(count)?.sum ?? all.reduce((total, one) => total + one, 0)
    known.set(count, { all, sum })
    return { variance: (sum - all[at]!) / (family.length - 1) }
  }
}

/** The claims of one run that fail it, under three rules: each by itself, Holm over ranks, and isobench's. */
function failed(family: readonly (readonly number[])[], plan: SequentialPlan) {
  const visited = plan.looks.at(-1)!
  const series = family.map((d) => d.map((value, round) => ({ round, d: value })))
  const alone = series.map((rounds) => decideAtLooks(rule, reachedLooks(rounds, visited, plan)))
  const contradicted = alone.map(({ decision }) => decision.outcome === 'contradicted')
  const byRanks = holm(family.map((d) => signedRankPValue(d, margin, 'greater')))
  const result = {
    alone: alone.map(({ interval }) => interval.low > margin),
    ranks: byRanks.map((p) => p <= rates.atMargin),
  }
  if (!contradicted.some(Boolean)) return { ...result, ours: contradicted }
  const pool = poolOf(family)
  const tests = series.map((rounds, at) => {
    const prior = (count: number) => pool(at, count)
    return runTest({ id: String(at), rounds, visited, rule, prior }, plan).tests[0]!
  })
  const ours = holmCorrection(tests)
  return { ...result, ours: tests.map((test, at) => contradicted[at]! && ours.rejects(test)) }
}

interface Simulation {
  readonly claims: number
  readonly runs: number
  readonly plan: SequentialPlan
  readonly noise: Omit<RoundsOptions, 'rounds'>
  readonly seed: string
  /** Of one claim, by its place. */
  readonly ratioOf: (at: number) => number
}

/** In which share of runs any claim fails the run, and in which the first one does. */
function simulated({ claims, runs, plan, noise, seed, ratioOf }: Simulation) {
  const random = seeded(seed)
  const any = { alone: 0, ranks: 0, ours: 0 }
  const first = { alone: 0, ranks: 0, ours: 0 }
  const rounds = plan.looks.at(-1)!
  for (let run = 0; run < runs; run++) {
    const family = Array.from(
      { length: claims },
      (_, at) => pairedRounds({ ...noise, rounds, ratio: ratioOf(at) }, random).d,
    )
    const found = failed(family, plan)
    for (const rule of ['alone', 'ranks', 'ours'] as const) {
      if (found[rule].some(Boolean)) any[rule] += 1 / runs
      if (found[rule][0]) first[rule] += 1 / runs
    }
  }
  return { any, first }
}

const plans: Record<string, SequentialPlan> = Object.fromEntries(
  [
    [5, 5],
    [10, 10],
    [20, 20],
    [30, 30],
    [10, 30],
  ].map(([first, last]) => [
    first === last ? `${first}` : `${first}..${last}`,
    planLooks({ first: first!, last: last! }),
  ]),
)

const noises: Record<string, Omit<RoundsOptions, 'rounds'>> = {
  'CV 2 %': { cv: 0.02 },
  'CV 5 %': { cv: 0.05 },
  'CV 15 %': { cv: 0.15 },
  'CV 5 %, drift, tails': { cv: 0.05, drift: 0.1, tailChance: 0.1 },
  'CV 15 %, drift, tails': { cv: 0.15, drift: 0.1, tailChance: 0.1 },
}

describe('a run of many claims', () => {
  it('fails falsely in at most 1 % of runs where all platforms equal native, and 5 % at the margin', () => {
    const rows = Object.entries(plans).flatMap(([rounds, plan]) =>
      Object.entries(noises).map(([name, noise]) => {
        const runs = repetitions(rounds === '10..30' ? 100 : 1000)
        const of = (ratio: number) =>
          simulated({ claims: 200, runs, plan, noise, ratioOf: () => ratio, seed: `${ratio} ${rounds} ${name}` }).any
        const [equal, edge] = [of(1), of(1.05)]
        expect(equal.ours, `${name}, ${rounds}`).toBeLessThanOrEqual(rates.whenEqual + luck(rates.whenEqual, runs))
        expect(edge.ours, `${name}, ${rounds}`).toBeLessThanOrEqual(rates.atMargin + luck(rates.atMargin, runs))
        return {
          rounds,
          noise: name,
          runs,
          'equal: alone': percent(equal.alone),
          'Holm by ranks': percent(equal.ranks),
          ours: percent(equal.ours),
          'at the margin: alone': percent(edge.alone),
          ' Holm by ranks': percent(edge.ranks),
          ' ours': percent(edge.ours),
        }
      }),
    )
    printTable('Runs with a false failure: 200 claims, margin 5 %', rows)
  })

  it('fails falsely in at most 1 % of 10,000 runs at worst: five rounds, much noise, no drift, no tails', () => {
    const runs = repetitions(10_000)
    const noise = { cv: 0.15 }
    const { any } = simulated({ claims: 200, runs, plan: plans[5]!, noise, ratioOf: () => 1, seed: 'worst' })
    printTable(`200 equal claims, CV 15 %, five rounds, ${runs} runs`, [
      { alone: percent(any.alone), 'Holm by ranks': percent(any.ranks), ours: percent(any.ours, 2) },
    ])
    expect(any.ours).toBeLessThanOrEqual(rates.whenEqual)
  })

  it('still calls one slowdown among equal platforms, at five rounds too', () => {
    const rows = ['5', '10', '30', '10..30'].flatMap((rounds) =>
      [10, 70, 200].flatMap((claims) =>
        [0.01, 0.02, 0.05].map((cv) => {
          const slow = (ratio: number) =>
            simulated({
              claims,
              runs: repetitions(rounds === '10..30' ? 100 : 300),
              plan: plans[rounds]!,
              noise: { cv },
              ratioOf: (at) => (at === 0 ? ratio : 1),
              seed: `slow ${rounds} ${claims} ${cv} ${ratio}`,
            }).first
          const [third, tenth] = [slow(1.3), slow(1.1)]
          if (cv <= 0.02 && claims <= 70) expect(third.ours).toBeGreaterThan(0.9)
          return {
            rounds,
            claims,
            cv: percent(cv, 0),
            '30 % slower: alone': percent(third.alone, 0),
            'Holm by ranks': percent(third.ranks, 0),
            ours: percent(third.ours, 0),
            '10 % slower: alone': percent(tenth.alone, 0),
            ' Holm by ranks': percent(tenth.ranks, 0),
            ' ours': percent(tenth.ours, 0),
          }
        }),
      ),
    )
    printTable('Called: one claim that is slower than native among others that are not, margin 5 %', rows)
  })
})
