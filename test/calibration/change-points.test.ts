/** The change points of histories: false alarms, also of runs that depend on each other, and found steps. */

import { expect, it } from 'vitest'
import { changePoints, median, seeded } from '../../src/core/stats/index.ts'
import { eDivisive } from './e-divisive.ts'
import { gaussian } from './simulate.ts'
import { luck, percent, printTable, repetitions } from './table.ts'

/** Pettitt's test and binary segmentation at 5 % per split: what isobench did until November 2026. */
function pettitt(values: readonly number[]): number[] {
  const n = values.length
  const ranks = values.map((value) => values.filter((other) => other < value).length + 1)
  let [sum, most, at] = [0, 0, 0]
  for (let t = 1; t < n; t++) {
    sum += ranks[t - 1]!
    const k = Math.abs(2 * sum - t * (n + 1))
    if (k > most) [most, at] = [k, t]
  }
  if (2 * Math.exp((-6 * most ** 2) / (n ** 3 + n ** 2)) >= 0.05) return []
  return [...pettitt(values.slice(0, at)), at, ...pettitt(values.slice(at)).map((one) => at + one)]
}

type Method = (all: readonly (readonly number[])[]) => number[][]

const methods: Record<string, Method> = {
  Pettitt: (all) => all.map(pettitt),
  'E-divisive, t-test': (all) => all.map(eDivisive),
  isobench: (all) => changePoints(all).map((points) => points.map(({ at }) => at)),
}

/** A stationary series of standard deviation `spread`. */
function series(runs: number, random: () => number, spread = 0.02, correlation = 0): number[] {
  let x = gaussian(random)
  return Array.from({ length: runs }, () => {
    x = correlation * x + Math.sqrt(1 - correlation ** 2) * gaussian(random)
    return spread * x
  })
}

const lengths = [20, 30, 60]
const step = Math.log(1.05)

it('marks few of the series that are quiet, also if runs depend on each other', () => {
  const trials = repetitions(1000)
  const rows = lengths.flatMap((runs) =>
    Object.entries(methods).map(([method, find]) => {
      const marked = (correlation: number) => {
        const random = seeded(`quiet ${runs} ${correlation}`)
        let count = 0
        for (let i = 0; i < trials; i++) if (find([series(runs, random, 0.02, correlation)])[0]!.length > 0) count++
        return count / trials
      }
      const rates = [0, 0.3, 0.5, 0.8].map(marked)
      if (method === 'isobench') {
        expect(rates[0]).toBeLessThan(0.05 + luck(0.05, trials))
        expect(rates[2]).toBeLessThan(0.12 + luck(0.12, trials))
      }
      const shown = (at: number) => percent(rates[at]!)
      return {
        runs,
        method,
        independent: shown(0),
        'AR(1) 0.3': shown(1),
        'AR(1) 0.5': shown(2),
        'AR(1) 0.8': shown(3),
      }
    }),
  )
  printTable(`A single quiet series with a change point, ${trials} series per figure`, rows)
})

it('finds a step of 5 % in a single series', () => {
  const trials = repetitions(400)
  const rows = lengths.flatMap((runs) =>
    Object.entries(methods).map(([method, find]) => {
      const found = (places: readonly number[], spread = 0.02, correlation = 0) => {
        const random = seeded(`step ${runs} ${places} ${spread} ${correlation}`)
        let count = 0
        for (let i = 0; i < trials; i++) {
          const values = series(runs, random, spread, correlation).map(
            (value, at) => value + step * (places.filter((place) => at >= place).length % 2),
          )
          const points = find([values])[0]!
          if (places.every((place) => points.some((point) => Math.abs(point - place) <= 2))) count++
        }
        return percent(count / trials, 0)
      }
      const middle = Math.floor(runs / 2)
      return {
        runs,
        method,
        'in the middle, CV 2 %': found([middle]),
        'CV 3 %': found([middle], 0.03),
        'AR(1) 0.5': found([middle], 0.02, 0.5),
        'at three quarters': found([Math.floor(0.75 * runs)]),
        '7 runs ago': found([runs - 7]),
        '5 runs ago': found([runs - 5]),
        'up and down again': found([Math.floor(runs / 3), Math.floor((2 * runs) / 3)]),
      }
    }),
  )
  printTable(`A step of 5 % found within two runs of its place, ${trials} series per figure`, rows)
})

it('shares a rate of 5 % among 300 series, and still finds a step in one of them', () => {
  const trials = repetitions(100)
  const rows = lengths.flatMap((runs) =>
    Object.entries(methods).map(([method, find]) => {
      const quiet = (dependent: number, histories = trials) => {
        const random = seeded(`family ${runs} ${dependent}`)
        const marked = Array.from({ length: histories }, () => {
          const all = Array.from({ length: 300 }, (_, at) => series(runs, random, 0.02, at < dependent ? 0.5 : 0))
          return find(all).filter((points) => points.length > 0).length
        })
        return { any: marked.filter((count) => count > 0).length / histories, each: median(marked) }
      }
      const slow = (place: number, height: number) => {
        const random = seeded(`slow ${runs} ${place} ${height}`)
        let count = 0
        for (let i = 0; i < trials; i++) {
          const all = Array.from({ length: 300 }, () => series(runs, random))
          all[0] = all[0]!.map((value, at) => (at >= place ? value + height : value))
          if (find(all)[0]!.some((point) => Math.abs(point - place) <= 2)) count++
        }
        return percent(count / trials, 0)
      }
      const [none, some, all] = [quiet(0, method === 'isobench' ? 4 * trials : trials), quiet(30), quiet(300)]
      if (method === 'isobench') expect(none.any).toBeLessThan(0.05 + luck(0.05, 4 * trials))
      return {
        runs,
        method,
        'false alarms: independent': percent(none.any, 0),
        'series marked (median)': none.each,
        '30 of AR(1) 0.5': percent(some.any, 0),
        'all of AR(1) 0.5': percent(all.any, 0),
        'step of 5 %': slow(Math.floor(runs / 2), step),
        '10 %, 7 runs ago': slow(runs - 7, Math.log(1.1)),
      }
    }),
  )
  printTable(`A history of 300 series of CV 2 %, ${trials} histories per figure`, rows)
})
