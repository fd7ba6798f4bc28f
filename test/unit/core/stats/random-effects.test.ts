import { describe, expect, it } from 'vitest'
import { type Effect, randomEffects, seeded } from '../../../../src/core/stats/index.ts'
import { studentQuantile } from '../../../../src/core/stats/student.ts'
import { gaussian } from '../../../calibration/simulate.ts'

/**
 * Thirteen trials of the BCG vaccine: cases and others of the vaccinated, then of the controls. Source: G. A. Colditz
 * et al., JAMA 271 (1994) 698-702, as in `dat.bcg` of the R package metadat.
 */
const trials = [
  [4, 119, 11, 128],
  [6, 300, 29, 274],
  [3, 228, 11, 209],
  [62, 13536, 248, 12619],
  [33, 5036, 47, 5761],
  [180, 1361, 372, 1079],
  [8, 2537, 10, 619],
  [505, 87886, 499, 87892],
  [29, 7470, 45, 7232],
  [17, 1699, 65, 1600],
  [186, 50448, 141, 27197],
  [5, 2493, 3, 2338],
  [27, 16886, 29, 17825],
] as const

/** Logarithms of the relative risks. */
const bcg: Effect[] = trials.map(([a, b, c, d]) => ({
  estimate: Math.log(a / (a + b) / (c / (c + d))),
  variance: 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d),
}))

describe('studentQuantile', () => {
  // Any printed table.
  it.each([
    [0.025, 1, 12.7062],
    [0.05, 4, 2.1318],
    [0.025, 3, 3.1824],
    [0.05, 9, 1.8331],
    [0.05, 1e6, 1.6449],
  ])('at %f with %i degrees of freedom', (alpha, df, t) => {
    expect(studentQuantile(alpha, df)).toBeCloseTo(t, 4)
  })

  it('refuses what no table has', () => {
    expect(() => studentQuantile(0.6, 3)).toThrow(RangeError)
    expect(() => studentQuantile(0.05, 0)).toThrow(RangeError)
  })
})

describe('randomEffects', () => {
  it('of the BCG trials is that of the R package metafor', () => {
    const { estimate, betweenVariance, inconsistency, low, high } = randomEffects(bcg)
    // tests/testthat of metafor: the iterated DL estimate, which is Paule and Mandel's, and I^2 of Q = 152.233.
    expect(betweenVariance).toBeCloseTo(0.3181, 4)
    expect(inconsistency).toBeCloseTo(1 - 12 / 152.233, 6)
    // Between the estimates with the variances of DL (-0.7141) and REML (-0.7145, with a smaller variance than here).
    expect(estimate).toBeCloseTo(-0.715, 2)
    // Symmetric, with t of 12 degrees of freedom: the standard error is 0.180 to 0.182.
    expect((high - low) / 2 / 1.7823).toBeGreaterThan(0.18)
    expect((high - low) / 2 / 1.7823).toBeLessThan(0.182)
    expect(low + high).toBeCloseTo(2 * estimate, 9)
  })

  it('of four effects is what metafor 4 printed, with its prediction interval of one degree of freedom less', () => {
    const effects = [
      [0.4, 0.05],
      [-0.2, 0.06],
      [0.55, 0.04],
      [0.1, 0.05],
    ].map(([estimate, variance]) => ({ estimate: estimate!, variance: variance! }))
    const { estimate, betweenVariance, prediction } = randomEffects(effects, { alpha: 0.025 })
    expect(estimate).toBeCloseTo(0.22957, 5)
    expect(betweenVariance).toBeCloseTo(0.0593, 4)
    // With t of 3 degrees of freedom it is [-0.70650, 1.16564].
    expect(prediction.low).toBeCloseTo(-1.036, 3)
    expect(prediction.high).toBeCloseTo(1.495, 3)
    const half = (prediction.high - prediction.low) / 2
    const withThree = (half / studentQuantile(0.025, 2)) * studentQuantile(0.025, 3)
    expect(estimate - withThree).toBeCloseTo(-0.7065, 4)
    expect(estimate + withThree).toBeCloseTo(1.16564, 4)
  })

  it('is the mean of equal weights if the variances are equal, and has no variance between equal effects', () => {
    const even = randomEffects([1, 2, 6].map((estimate) => ({ estimate, variance: 0.01 })))
    expect(even.estimate).toBeCloseTo(3, 9)
    // The sample variance of the estimates, 7, less that of the measuring.
    expect(even.betweenVariance).toBeCloseTo(6.99, 9)
    const same = randomEffects([2, 2, 2].map((estimate) => ({ estimate, variance: 0 })))
    expect(same).toMatchObject({ estimate: 2, betweenVariance: 0, inconsistency: 0, n: 3 })
    expect(same.high - same.low).toBeLessThan(1e-8)
  })

  it('refuses too few effects, and what is no variance', () => {
    const effect = { estimate: 1, variance: 1 }
    expect(() => randomEffects([effect, effect])).toThrow('expected at least 3 effects, got 2')
    expect(() => randomEffects([effect, effect, { estimate: 1, variance: -1 }])).toThrow('a variance is negative')
    expect(() => randomEffects([effect, effect, { estimate: Number.NaN, variance: 1 }])).toThrow(RangeError)
  })

  // docs/evidence/unlike-hosts.md has the table. The prediction interval is too short if hosts differ about as much as
  // the measuring errs, because the estimate of their variance is then often 0 (C. Partlett & R. D. Riley, Stat. Med.
  // 36 (2017) 301-317).
  it.each([
    [3, 0.1, 0.88],
    [5, 0.1, 0.88],
    [5, 0.02, 0.78],
    [20, 0.1, 0.88],
    [20, 0, 0.88],
  ])('covers the mean and the next host: %i hosts, spread %f', (n, spread, least) => {
    const { mean, next } = coverage(n, spread, 1500)
    expect(mean).toBeGreaterThan(0.87)
    expect(next).toBeGreaterThan(least)
  })
})

/** How often 90 % intervals contain the mean and the effect of the next host. The hosts measure unlike well. */
function coverage(n: number, spread: number, trials: number): { mean: number; next: number } {
  const random = seeded(`hosts ${n} ${spread}`)
  const normal = () => gaussian(random)
  let [mean, next] = [0, 0]
  for (let trial = 0; trial < trials; trial++) {
    const effects = Array.from({ length: n }, (_, host): Effect => {
      const error = 0.01 * (1 + (host % 4))
      return { estimate: spread * normal() + error * normal(), variance: error ** 2 }
    })
    const { low, high, prediction } = randomEffects(effects)
    const other = spread * normal()
    if (low <= 0 && 0 <= high) mean++
    if (prediction.low <= other && other <= prediction.high) next++
  }
  return { mean: mean / trials, next: next / trials }
}
