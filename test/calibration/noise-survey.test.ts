/**
 * The promises of docs/explanation/statistics.md under every noise, beside the rules of other tools. Everything is
 * judged by the judge itself, from samples.
 */

import { describe, expect, it } from 'vitest'
import { judge } from '../../src/core/judge/judge.ts'
import type { Sample } from '../../src/core/model/record.ts'
import { moderatedShiftPValue, ratioPValue, seeded, shuffled, signedRankInterval } from '../../src/core/stats/index.ts'
import { aBench, aClaim, aPlan, aPlatform, aSample, withValues } from '../unit/core/judge/builders.ts'
import { dependentNoises, independentNoises, type Noise } from './noises.ts'
import { luck, percent, printTable } from './table.ts'

/** Repetitions of a cell. Fewer of them widen what chance may add: see `luck`. */
const runs = Number(process.env.CALIBRATION_RUNS ?? 2000)
const margin = 1.05
const noises = { ...independentNoises, ...dependentNoises }

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0)

interface Pair {
  readonly native: readonly number[]
  readonly platform: readonly number[]
}

const draw = (noise: Noise, rounds: number, ratio: number, random: () => number): Pair => ({
  native: noise(rounds, random).map((x) => 100 * Math.exp(x)),
  platform: noise(rounds, random).map((x) => 100 * ratio * Math.exp(x)),
})

const plan = {
  ...aPlan({ platforms: [aPlatform('native'), aPlatform('runc')] }),
  benches: [aBench({ claims: [aClaim({ kind: 'withinNative', percent: 5 })] })],
}

const samplesOf = (name: string, values: readonly number[], bench?: string): Sample[] =>
  values.map((latency, round) =>
    aSample(name, round, {
      ...(bench !== undefined && { case: bench }),
      ...withValues({ latency, rate: 1 / latency }),
    }),
  )

type Call = 'fail' | 'pass' | 'unsure'

/** The rules of other tools, without their defaults for how often to measure. */
const rules: Record<string, (pair: Pair) => Call> = {
  isobench: ({ native, platform }) => {
    const [claim] = judge(plan, [...samplesOf('native', native), ...samplesOf('runc', platform)]).claims
    return claim!.outcome === 'contradicted' ? 'fail' : claim!.outcome === 'holds' ? 'pass' : 'unsure'
  },
  // criterion.rs: a t test at 5 % on the means, and a noise threshold of 1 %.
  criterion: ({ native, platform }) =>
    moderatedShiftPValue(platform, native, 0, 'greater') <= 0.025 && mean(platform) / mean(native) > 1.01
      ? 'fail'
      : 'pass',
  // benchstat: the U test at 5 %.
  benchstat: ({ native, platform }) => (ratioPValue(platform, native, 1, 'greater') <= 0.025 ? 'fail' : 'pass'),
  // Firecracker's tools/ab_test.py: a permutation test of the means at 1 %, and a change above 5 %.
  Firecracker: ({ native, platform }) => {
    const change = mean(platform) / mean(native) - 1
    if (change <= 0.05) return 'pass'
    const random = seeded('permutations')
    const all = [...native, ...platform]
    let extreme = 1
    for (let run = 0; run < 199; run++) {
      const order = shuffled(all, random)
      const difference = mean(order.slice(native.length)) - mean(order.slice(0, native.length))
      if (Math.abs(difference) >= mean(platform) - mean(native)) extreme++
    }
    return extreme / 200 < 0.01 ? 'fail' : 'pass'
  },
}

function share(rule: (pair: Pair) => Call, wanted: Call, noise: Noise, rounds: number, ratio: number): number {
  const random = seeded(`survey ${rounds} ${ratio}`)
  let count = 0
  for (let run = 0; run < runs; run++) if (rule(draw(noise, rounds, ratio, random)) === wanted) count++
  return count / runs
}

describe('one claim under every noise', () => {
  it.each([5, 10, 20])(
    '%d rounds: false verdicts at the margin stay within the promise if rounds are independent',
    (rounds) => {
      const rows = Object.entries(noises).flatMap(([name, noise]) =>
        Object.entries(rules).map(([rule, call]) => {
          const [equal, atMargin] = [share(call, 'fail', noise, rounds, 1), share(call, 'fail', noise, rounds, margin)]
          const holds = share(call, 'pass', noise, rounds, margin)
          if (rule === 'isobench' && name in independentNoises) {
            expect(equal, `${name}: equal`).toBeLessThanOrEqual(0.005 + luck(0.005, runs))
            expect(atMargin, `${name}: contradicted at the margin`).toBeLessThanOrEqual(0.05 + luck(0.05, runs))
            expect(holds, `${name}: holds at the margin`).toBeLessThanOrEqual(0.05 + luck(0.05, runs))
          }
          return {
            noise: name,
            rule,
            'fails at x1.00': percent(equal),
            'fails at x1.05': percent(atMargin),
            'passes x1.05': percent(holds),
            'fails at x1.10': percent(share(call, 'fail', noise, rounds, 1.1)),
            'fails at x1.30': percent(share(call, 'fail', noise, rounds, 1.3)),
          }
        }),
      )
      printTable(`A claim of 5 %, ${rounds} rounds, ${runs} runs a cell`, rows)
    },
  )

  it('has an interval of at least 88 % coverage if rounds are independent', () => {
    const rows = Object.entries(noises).map(([name, noise]) => {
      const covered = (rounds: number) => {
        const random = seeded(`coverage ${name} ${rounds}`)
        let count = 0
        for (let run = 0; run < runs; run++) {
          const { native, platform } = draw(noise, rounds, 1, random)
          const { low, high } = signedRankInterval(native.map((value, at) => Math.log(platform[at]! / value)))
          if (low <= 1e-12 && high >= -1e-12) count++
        }
        if (name in independentNoises) expect(count / runs, name).toBeGreaterThanOrEqual(0.88 - luck(0.88, runs))
        return percent(count / runs)
      }
      return { noise: name, '5 rounds': covered(5), '10 rounds': covered(10), '20 rounds': covered(20) }
    })
    printTable(`Coverage of the nominal 90 % interval by rounds, ${runs} runs a cell`, rows)
  })
})

describe('200 claims under every noise', () => {
  const benches = Array.from({ length: 20 }, (_, at) => {
    const id = `b${at}.bench.ts#x`
    const claims = [aClaim({ kind: 'withinNative', percent: 5 }, { bench: id, on: { by: 'all' } })]
    return aBench({ id, file: `b${at}.bench.ts`, name: `b${at}`, claims })
  })
  const names = Array.from({ length: 10 }, (_, at) => `p${at}`)
  const many = { ...aPlan({ benches, platforms: ['native', ...names].map((name) => aPlatform(name)) }) }
  const some = Math.max(20, Math.round(runs / 10))

  /** @param slow the true ratio of the first claim */
  function simulated(noise: Noise, rounds: number, slow: number, seed: string) {
    const random = seeded(seed)
    let [any, first] = [0, 0]
    for (let run = 0; run < some; run++) {
      const samples = benches.flatMap(({ id }, bench) =>
        ['native', ...names].flatMap((name, at) =>
          samplesOf(
            name,
            noise(rounds, random).map((x) => 100 * (bench === 0 && at === 1 ? slow : 1) * Math.exp(x)),
            id,
          ),
        ),
      )
      const { claims } = judge(many, samples)
      const failed = claims.map(({ outcome }) => outcome === 'contradicted')
      if (failed.some((one, at) => one && (slow === 1 || at !== 0))) any++
      if (failed[0]) first++
    }
    return { any: any / some, first: first / some }
  }

  it.each([5, 10, 20])('%d rounds: few runs fail if all platforms are equal', (rounds) => {
    const rows = Object.entries(noises).map(([name, noise]) => {
      const equal = simulated(noise, rounds, 1, `equal ${name} ${rounds}`).any
      if (name in independentNoises) expect(equal, name).toBeLessThanOrEqual(0.01 + luck(0.01, some))
      return {
        noise: name,
        'runs with a false failure': percent(equal),
        'finds x1.30': percent(simulated(noise, rounds, 1.3, `slow ${name} ${rounds}`).first, 0),
      }
    })
    printTable(`200 claims, ${rounds} rounds, ${some} runs a cell`, rows)
  })
})
