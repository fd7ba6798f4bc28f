/**
 * What is promised of one claim, in every mixture of noise, drift and tails: 10,000 runs a cell, judged by the judge
 * itself.
 */

import { describe, expect, it } from 'vitest'
import { nonInferiority, perClaimAlpha } from '../../src/core/judge/rules.ts'
import { decideAtLooks, reachedLooks } from '../../src/core/judge/tests.ts'
import { median, planLooks, type SequentialPlan, seeded, signedRankInterval } from '../../src/core/stats/index.ts'
import { pairedRounds, type RoundsOptions } from './simulate.ts'
import { luck, percent, printTable, repetitions } from './table.ts'

const runs = repetitions(10_000)
const margin = Math.log(1.05)
const rule = nonInferiority(margin)

type Noise = Omit<RoundsOptions, 'rounds' | 'ratio'>
const noises: Record<string, Noise> = Object.fromEntries(
  [0.02, 0.05, 0.1, 0.15].flatMap((cv) =>
    [0, 0.1].flatMap((drift) =>
      [0, 0.1].map((tailChance) => [
        `CV ${percent(cv, 0)}${drift ? ', drift' : ''}${tailChance ? ', tails' : ''}`,
        { cv, drift, tailChance },
      ]),
    ),
  ),
)

function judged(plan: SequentialPlan, options: Omit<RoundsOptions, 'rounds'>, seed: string) {
  const random = seeded(seed)
  const share = { holds: 0, contradicted: 0, inconclusive: 0, 'not-evaluated': 0 }
  const last = plan.looks.at(-1)!
  let rounds = 0
  for (let run = 0; run < runs; run++) {
    const { d } = pairedRounds({ rounds: last, ...options }, random)
    const series = d.map((value, round) => ({ round, d: value }))
    const { decision, interval } = decideAtLooks(rule, reachedLooks(series, last, plan))
    share[decision.outcome] += 1 / runs
    rounds += interval.n / runs
  }
  return { ...share, rounds }
}

describe('one claim', () => {
  it('has an interval that covers the truth in 88 to 92 % of runs', () => {
    const rows = Object.entries(noises).map(([name, noise]) => {
      const covered = (rounds: number) => {
        const random = seeded(`covered ${name} ${rounds}`)
        let count = 0
        for (let run = 0; run < runs; run++) {
          const { low, high } = signedRankInterval(pairedRounds({ rounds, ...noise }, random).d)
          if (low <= 0 && high >= 0) count++
        }
        expect(count / runs, `${name}, ${rounds} rounds`).toBeGreaterThanOrEqual(0.88)
        expect(count / runs, `${name}, ${rounds} rounds`).toBeLessThanOrEqual(0.92 + luck(0.92, runs))
        return percent(count / runs)
      }
      return { noise: name, '10 rounds': covered(10), '20 rounds': covered(20), '30 rounds': covered(30) }
    })
    printTable(`Two equal platforms: coverage of the nominal 90 % interval, ${runs} runs a cell`, rows)
  })

  it('is contradicted falsely in at most 5 % of runs at the margin, and 0.5 % at half of it, over all looks', () => {
    const plans = {
      'looks 10, 12 … 30': planLooks({ first: 10, last: 30 }),
      '10 rounds': planLooks({ first: 10, last: 10 }),
    }
    const rows = Object.entries(noises).flatMap(([name, noise]) =>
      Object.entries(plans).map(([looks, plan]) => {
        const wrong = (d: number, rate: number) => {
          const { contradicted } = judged(plan, { ...noise, ratio: Math.exp(d) }, `${name} ${looks} ${d}`)
          expect(contradicted, `${name}, ${looks}, truth ${d}`).toBeLessThanOrEqual(rate + luck(rate, runs))
          return percent(contradicted, 2)
        }
        return {
          noise: name,
          rounds: looks,
          'at the margin': wrong(margin, perClaimAlpha.atMargin),
          'at half': wrong(margin / 2, perClaimAlpha.atHalf),
          'when equal': wrong(0, perClaimAlpha.atHalf),
        }
      }),
    )
    printTable(`Contradicted falsely: margin 5 %, ${runs} runs a cell`, rows)
  })

  it('has an interval that covers the truth at least as often after an early stop, and an estimate with a bias', () => {
    const plan = planLooks({ first: 10, last: 30 })
    const rows = [1, 1.025, 1.05, 1.1, 1.15, 1.3].map((ratio) => {
      const random = seeded(`early stop ${ratio}`)
      const truth = Math.log(ratio)
      let [covered, above] = [0, 0]
      const errors: number[] = []
      for (let run = 0; run < runs; run++) {
        const { d } = pairedRounds({ rounds: 30, ratio, cv: 0.05 }, random)
        const series = d.map((value, round) => ({ round, d: value }))
        const { low, high, estimate } = decideAtLooks(rule, reachedLooks(series, 30, plan)).interval
        if (low <= truth && truth <= high) covered++
        if (estimate > truth) above++
        errors.push(estimate - truth)
      }
      expect(covered / runs, `${ratio}`).toBeGreaterThanOrEqual(0.9 - luck(0.9, runs))
      const error = median(errors)
      expect(Math.abs(error), `${ratio}: median error`).toBeLessThanOrEqual(0.005)
      return {
        'true ratio': ratio,
        coverage: percent(covered / runs),
        'estimate above truth': percent(above / runs),
        'median error': percent(error, 2),
      }
    })
    printTable(`After looks 10, 12 … 30: the interval and estimate that are printed, CV 5 %, ${runs} runs a row`, rows)
  })

  it('calls a slowdown of 10 % at CV 5 % in 90 % of runs, in at most 60 % of the time of a fixed 30 rounds', () => {
    const looks = planLooks({ first: 10, last: 30 })
    const fixed = planLooks({ first: 30, last: 30 })
    const rows = [1, 1.025, 1.05, 1.1, 1.15, 1.3].map((ratio) => {
      const ours = judged(looks, { ratio, cv: 0.05 }, `power ${ratio}`)
      if (ratio === 1.1) {
        expect(ours.contradicted).toBeGreaterThanOrEqual(0.9)
        expect(ours.rounds).toBeLessThanOrEqual(18)
      }
      return {
        'true ratio': ratio,
        contradicted: percent(ours.contradicted),
        holds: percent(ours.holds),
        inconclusive: percent(ours.inconclusive),
        rounds: ours.rounds.toFixed(1),
        'contradicted by a fixed 30': percent(judged(fixed, { ratio, cv: 0.05 }, `power ${ratio}`).contradicted),
      }
    })
    printTable(`Looks 10, 12 … 30; CV 5 %, margin 5 %; ${runs} runs a row`, rows)
  })
})
