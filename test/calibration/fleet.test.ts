/**
 * Does the summary of a ratio over hosts contain the mean, and its prediction interval the next host? Each host has few
 * rounds, so its variance is an estimate. And how often do attributes seem to separate hosts that dissent at random?
 */

import { describe, expect, it } from 'vitest'
import { findDissent, type JudgedHost } from '../../src/core/records/dissent.ts'
import { summarize } from '../../src/core/records/fleet-ratios.ts'
import { seeded, shuffled } from '../../src/core/stats/index.ts'
import { gaussian } from './simulate.ts'
import { luck, percent, printTable, repetitions } from './table.ts'

/** The noise of a round on each of four kinds of host: the standard deviation of ln(ratio). */
const noises = { alike: [0.02, 0.02, 0.02, 0.02], unlike: [0.01, 0.02, 0.04, 0.08] }

function coverage(hosts: number, rounds: number, spread: number, noise: keyof typeof noises, trials: number) {
  const random = seeded(`fleet ${hosts} ${rounds} ${spread} ${noise}`)
  let [mean, next] = [0, 0]
  for (let trial = 0; trial < trials; trial++) {
    const logs = Array.from({ length: hosts }, (_, host) => {
      const center = spread * gaussian(random)
      return Array.from({ length: rounds }, () => center + noises[noise][host % 4]! * gaussian(random))
    })
    const { low, high, prediction } = summarize(logs)!
    const other = Math.exp(spread * gaussian(random))
    if (low <= 1 && 1 <= high) mean++
    if (prediction.low <= other && other <= prediction.high) next++
  }
  return { mean: mean / trials, next: next / trials }
}

describe('90 % intervals over hosts', () => {
  it('contain the mean, and the next host', () => {
    const trials = repetitions(2000)
    const rows = [3, 5, 10, 20, 100].flatMap((hosts) =>
      [0, 0.01, 0.1].flatMap((spread) =>
        ([5, 10] as const).map((rounds) => {
          const [alike, unlike] = (['alike', 'unlike'] as const).map((noise) =>
            coverage(hosts, rounds, spread, noise, hosts === 100 ? Math.ceil(trials / 4) : trials),
          ) as [ReturnType<typeof coverage>, ReturnType<typeof coverage>]
          expect(Math.min(alike.mean, unlike.mean)).toBeGreaterThan(0.86)
          return {
            hosts,
            rounds,
            'spread of hosts': percent(spread, 0),
            'mean, noise alike': percent(alike.mean),
            'mean, noise unlike': percent(unlike.mean),
            'next host, noise alike': percent(alike.next),
            'next host, noise unlike': percent(unlike.next),
          }
        }),
      ),
    )
    printTable('Coverage of nominal 90 % intervals over hosts', rows)
  }, 600_000)
})

describe('associations', () => {
  it('by chance are at most 5 %, and those of a cause are found if enough hosts dissent', () => {
    const trials = repetitions(2000)
    const rows = [
      { hosts: 20, dissenting: 1 },
      { hosts: 20, dissenting: 3 },
      { hosts: 20, dissenting: 6 },
      { hosts: 100, dissenting: 3 },
      { hosts: 100, dissenting: 20 },
    ].map(({ hosts, dissenting }) => {
      const random = seeded(`associations ${hosts} ${dissenting}`)
      const share = (isCause: boolean) => {
        let found = 0
        for (let trial = 0; trial < trials; trial++) {
          const who = new Set(shuffled([...Array(hosts).keys()], random).slice(0, dissenting))
          const fleet = Array.from({ length: hosts }, (_, at): JudgedHost => {
            const values = Array.from({ length: 20 }, (_, name) => [`a${name}`, String(Math.floor(random() * 4))])
            const cause = { cause: who.has(at) ? 'on' : 'off' }
            return {
              id: `H${at}`,
              outcome: who.has(at) ? 'contradicted' : 'holds',
              attributes: { ...Object.fromEntries(values), ...(isCause && cause) },
            }
          })
          const { separating, nearest } = findDissent(fleet)!
          if ((separating ?? nearest[0])!.adjustedP <= 0.05) found++
        }
        return found / trials
      }
      const byChance = share(false)
      expect(byChance).toBeLessThanOrEqual(0.05 + luck(0.05, trials))
      return { hosts, dissenting, 'by chance': percent(byChance), 'with a cause': percent(share(true)) }
    })
    printTable('Fleets with an attribute at 5 %, among 20 random attributes of four values', rows)
  }, 600_000)
})
