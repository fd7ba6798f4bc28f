/**
 * How often does a gate fail that should not? At the margin itself, over repeated looks, and over many claims at once.
 */

import { describe, expect, it } from 'vitest'
import {
  alphaShare,
  decideAtInterimLook,
  holm,
  planLooks,
  pValueOverLooks,
  type SequentialOptions,
  type SequentialPlan,
  seeded,
  signedRankPValue,
} from '../../src/core/stats/index.ts'
import { gaussian, pairedRounds } from './simulate.ts'
import { luck, percent, printTable } from './table.ts'

const margin = Math.log(1.05)
const noisy = { cv: 0.05, drift: 0.1, tailChance: 0.1 }

type Draw = (rounds: number, random: () => number) => readonly number[]
const paired =
  (ratio: number): Draw =>
  (rounds, random) =>
    pairedRounds({ rounds, ratio, ...noisy }, random).d

/** Runs the look loop as a run does: stop at the first look that decides. */
function runLooks(plan: SequentialPlan, draw: Draw, trials: number, seed: string) {
  const random = seeded(seed)
  const share = { inside: 0, outside: 0, across: 0 }
  let rounds = 0
  for (let trial = 0; trial < trials; trial++) {
    const d = draw(plan.looks.at(-1)!, random)
    let look = 0
    let verdict = decideAtInterimLook(d.slice(0, plan.looks[0]), margin, plan, 0)
    while (verdict === 'across' && look < plan.looks.length - 1) {
      look++
      verdict = decideAtInterimLook(d.slice(0, plan.looks[look]), margin, plan, look)
    }
    share[verdict] += 1 / trials
    rounds += plan.looks[look]! / trials
  }
  return { ...share, rounds }
}

describe('at the margin', () => {
  it('contradicts falsely, and holds falsely, in at most 5 % of runs: one look and many', () => {
    const plans: Record<string, SequentialOptions> = {
      'n = 10': { first: 10, last: 10 },
      'n = 20': { first: 20, last: 20 },
      'n = 30': { first: 30, last: 30 },
      'looks 10, 12 … 30': { first: 10, last: 30 },
      'looks 10, 20, 30': { first: 10, last: 30, step: 10 },
    }
    const trials = 30_000
    const rows = Object.entries(plans).map(([name, options]) => {
      const { inside, outside, rounds } = runLooks(planLooks(options), paired(1.05), trials, `margin ${name}`)
      expect(outside).toBeLessThanOrEqual(0.05 + luck(0.05, trials))
      expect(inside).toBeLessThanOrEqual(0.05 + luck(0.05, trials))
      return { plan: name, outside: percent(outside), inside: percent(inside), rounds: rounds.toFixed(1) }
    })
    printTable('True ratio = margin = 1.05; CV 5 %, drift, tails', rows)
  })
})

describe('200 equal claims under Holm', () => {
  const claims = 200
  const family = (draw: Draw, rounds: number, p: (d: readonly number[]) => number, runs: number, seed: string) => {
    const random = seeded(seed)
    let failed = 0
    let unadjusted = 0
    for (let run = 0; run < runs; run++) {
      const values = Array.from({ length: claims }, () => p(draw(rounds, random)))
      if (holm(values).some((value) => value <= 0.05)) failed++
      unadjusted += values.filter((value) => value <= 0.05).length
    }
    return { failed: failed / runs, unadjusted: unadjusted / runs }
  }

  it('fail falsely in at most 5 % of runs, at the margin and at native', () => {
    const plan = planLooks({ first: 10, last: 30 })
    const fixed = (d: readonly number[]) => signedRankPValue(d, margin, 'greater')
    const looked = (d: readonly number[]) =>
      pValueOverLooks(
        plan.looks.map((count, look) => ({ d: d.slice(0, count), share: alphaShare(plan, look) })),
        (upTo) => signedRankPValue(upTo.d, margin, 'greater'),
      )
    const null0: Draw = (n, random) => Array.from({ length: n }, () => margin + gaussian(random))
    const cases: [string, Draw, number, (d: readonly number[]) => number, number][] = [
      ['all at the margin, n = 20', null0, 20, fixed, 3000],
      ['all at the margin, n = 20, drift and tails', paired(1.05), 20, fixed, 3000],
      ['all at native, n = 20, drift and tails', paired(1), 20, fixed, 500],
      ['all at the margin, looks 10 … 30', paired(1.05), 30, looked, 600],
    ]
    const rows = cases.map(([name, draw, rounds, p, runs]) => {
      const { failed, unadjusted } = family(draw, rounds, p, runs, name)
      expect(failed).toBeLessThanOrEqual(0.05 + luck(0.05, runs))
      return {
        claims: name,
        runs,
        'runs with a false failure': percent(failed),
        'false per run, no Holm': unadjusted.toFixed(2),
      }
    })
    printTable(`${claims} claims, family-wise 5 %`, rows)
  })

  it('still sees the one claim among them that is 15 % worse', () => {
    const random = seeded('one bad')
    let seen = 0
    for (let run = 0; run < 500; run++) {
      const ratios = Array.from({ length: claims }, (_, i) => (i === 0 ? 1.15 : 1))
      const p = ratios.map((ratio) => signedRankPValue(paired(ratio)(30, random), margin, 'greater'))
      if (holm(p)[0]! <= 0.05) seen++
    }
    printTable('One claim of 200 at 1.15, margin 1.05, n = 30', [{ runs: 500, 'seen under Holm': percent(seen / 500) }])
    expect(seen / 500).toBeGreaterThan(0.5)
  })
})
