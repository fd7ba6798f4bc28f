/**
 * How often do intervals hold the truth? The scenarios of the method's notes, redone with more trials: log-normal
 * noise, shared drift, one-sided tails. Nominal coverage is 90 % (one-sided 95 % bounds), for four ways to make an
 * interval.
 */

import { describe, expect, it } from 'vitest'
import {
  bootstrapInterval,
  type Interval,
  median,
  ratioInterval,
  seeded,
  signedRankInterval,
} from '../../src/core/stats/index.ts'
import { signedRankCdf } from '../../src/core/stats/signed-rank.ts'
import { pairedRounds, type Rounds, type RoundsOptions } from './simulate.ts'
import { luck, percent, printTable } from './table.ts'

const tails = { drift: 0.1, tailChance: 0.1 }
const scenarios: Record<string, RoundsOptions> = {
  'quiet CV 2 %, n=10': { rounds: 10, cv: 0.02 },
  'CV 5 %, drift, tails, n=6': { rounds: 6, cv: 0.05, ...tails },
  'CV 5 %, drift, tails, n=10': { rounds: 10, cv: 0.05, ...tails },
  'CV 5 %, drift, tails, n=20': { rounds: 20, cv: 0.05, ...tails },
  'CV 15 %, drift, tails, n=10': { rounds: 10, cv: 0.15, ...tails },
  'CV 5 %, drift, tails, n=40': { rounds: 40, cv: 0.05, ...tails },
}
/** Two platforms that differ by 20 %: the truth isn't where everything is 0. */
const ratio = 1.2
const truth = Math.log(ratio)

/** One-sided 95 % point of Student's t, by degrees of freedom. Source: any printed table. */
const studentT: Record<number, number> = { 5: 2.015, 9: 1.8331, 19: 1.7291, 39: 1.6849 }

function pairedT(d: readonly number[]): Interval {
  const n = d.length
  const mean = d.reduce((sum, value) => sum + value, 0) / n
  const deviation = Math.sqrt(d.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  const half = (studentT[n - 1]! * deviation) / Math.sqrt(n)
  return { estimate: mean, low: mean - half, high: mean + half, n }
}

function unpairedLog({ native, platform }: Rounds): Interval {
  const { estimate, low, high, n } = ratioInterval(platform, native)
  return { estimate: Math.log(estimate), low: Math.log(low), high: Math.log(high), n }
}

const methods: Record<string, { interval: (rounds: Rounds) => Interval; trials: number }> = {
  'Hodges–Lehmann': { interval: ({ d }) => signedRankInterval(d), trials: 20_000 },
  'paired t on logs': { interval: ({ d }) => pairedT(d), trials: 10_000 },
  'bootstrap of median': { interval: ({ d }) => bootstrapInterval(d, median, { resamples: 400 }), trials: 3000 },
  'unpaired HL': { interval: unpairedLog, trials: 4000 },
}

function measure(options: RoundsOptions, interval: (rounds: Rounds) => Interval, trials: number, target = truth) {
  const random = seeded(`coverage ${JSON.stringify(options)}`)
  let below = 0
  let above = 0
  let width = 0
  for (let i = 0; i < trials; i++) {
    const { low, high } = interval(pairedRounds({ ratio, ...options }, random))
    if (target < low) below++
    if (target > high) above++
    width += high - low
  }
  return { below: below / trials, above: above / trials, half: width / trials / 2 }
}

describe('coverage of nominal 90 % intervals', () => {
  it('holds for Hodges–Lehmann in every symmetric scenario, each bound within its 5 %', () => {
    const rows = Object.entries(scenarios).map(([name, options]) => {
      const row: Record<string, string> = { 'coverage / mean half-width': name }
      for (const [method, { interval, trials }] of Object.entries(methods)) {
        const { below, above, half } = measure(options, interval, trials)
        row[method] = `${percent(1 - below - above)} / ${percent(half)}`
        if (method === 'Hodges–Lehmann') {
          expect(below).toBeLessThanOrEqual(0.05 + luck(0.05, trials))
          expect(above).toBeLessThanOrEqual(0.05 + luck(0.05, trials))
          expect(1 - below - above).toBeLessThan(0.97)
        }
      }
      return row
    })
    printTable('Nominal 90 %; four ways to make an interval', rows)
  })

  it('is exactly what the null distribution says, without drift', () => {
    const trials = 40_000
    const { below, above } = measure({ rounds: 10, cv: 0.05 }, ({ d }) => signedRankInterval(d), trials)
    const exact = signedRankCdf(10)[10]!
    expect(Math.abs(below - exact)).toBeLessThan(luck(exact, trials))
    expect(Math.abs(above - exact)).toBeLessThan(luck(exact, trials))
  })

  it('is measured, not promised, when only the platform is disturbed: d is then not symmetric', () => {
    const rows = [10, 20, 40].map((rounds) => {
      const options = { rounds, cv: 0.05, drift: 0.1, platformTailChance: 0.1 }
      const { below, above } = measure(options, ({ d }) => signedRankInterval(d), 5000)
      expect(above).toBeLessThanOrEqual(0.05 + luck(0.05, 5000))
      return { rounds, 'truth below low': percent(below), 'truth above high': percent(above) }
    })
    printTable('Platform alone disturbed in 10 % of rounds by 30 % on average; truth = the undisturbed ratio', rows)
  })
})
