/** The same samples under other tools' ways to decide: who cries wolf, who misses, and who says that it does not know. */
import { expect, it } from 'vitest'
import {
  median,
  pairedRounds,
  type Rounds,
  type RoundsOptions,
  ratioPValue,
  seeded,
  signedRankInterval,
} from '../../src/core/stats/index.ts'
import { percent, printTable } from './table.ts'

type Call = 'fail' | 'pass' | 'unsure'
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const margin = 1.05

const rivals: Record<string, (rounds: Rounds) => Call> = {
  'mean over threshold (5 %)': ({ native, platform }) => (mean(platform) / mean(native) > margin ? 'fail' : 'pass'),
  'U test, p < 0.05': ({ native, platform }) =>
    ratioPValue(platform, native, 1, 'greater') <= 0.025 ? 'fail' : 'pass',
  'fixed band of 10 %': ({ native, platform }) => (median(platform) / median(native) > 1.1 ? 'fail' : 'pass'),
  isobench: ({ d }) => {
    const { low, high } = signedRankInterval(d)
    return low > Math.log(margin) ? 'fail' : high < Math.log(margin) ? 'pass' : 'unsure'
  },
}

const noises: Record<string, RoundsOptions> = {
  'CV 2 %': { rounds: 10, cv: 0.02 },
  'CV 5 %': { rounds: 10, cv: 0.05 },
  'CV 5 %, drift, tails': { rounds: 10, cv: 0.05, drift: 0.1, tailChance: 0.1 },
  'CV 15 %, drift, tails': { rounds: 10, cv: 0.15, drift: 0.1, tailChance: 0.1 },
}

it('isobench alone keeps false alarms and false passes within 5 % everywhere', () => {
  const trials = 4000
  const rows = Object.entries(noises).flatMap(([noise, options]) =>
    Object.entries(rivals).map(([rival, call]) => {
      const share = (ratio: number, wanted: Call) => {
        // The same samples for every rival.
        const random = seeded(`rivals ${noise} ${ratio}`)
        let count = 0
        for (let i = 0; i < trials; i++) if (call(pairedRounds({ ...options, ratio }, random)) === wanted) count++
        return count / trials
      }
      const alarms = [1, 1.04].map((ratio) => share(ratio, 'fail'))
      const misses = [1.1, 1.2].map((ratio) => share(ratio, 'pass'))
      if (rival === 'isobench') for (const rate of [...alarms, ...misses]) expect(rate).toBeLessThanOrEqual(0.05)
      return {
        noise,
        rival,
        'alarm at 1.00': percent(alarms[0]!),
        'alarm at 1.04': percent(alarms[1]!),
        'passes 1.10': percent(misses[0]!),
        'passes 1.20': percent(misses[1]!),
        'unsure at 1.00': percent(share(1, 'unsure')),
        'unsure at 1.10': percent(share(1.1, 'unsure')),
        'unsure at 1.20': percent(share(1.2, 'unsure')),
      }
    }),
  )
  printTable(`A claim of 5 %, 10 rounds, ${trials} runs a cell, the same samples for all`, rows)
})
