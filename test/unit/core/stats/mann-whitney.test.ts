import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ratioInterval, seeded } from '../../../../src/core/stats/index.ts'
import { bisect, normalCdf, normalQuantile } from '../../../../src/core/stats/normal.ts'
import { criticalOrder, mannWhitneyCdf } from '../../../../src/core/stats/signed-rank.ts'
import { gaussian } from '../../../calibration/simulate.ts'

/** Permeability of the human chorioamnion: Hollander & Wolfe (1973), 69 f.; the example of R's `?wilcox.test`. */
const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
const early = [1.15, 0.88, 0.9, 0.74, 1.21]

const times = fc.array(fc.double({ min: 0.01, max: 1e4, noNaN: true }), { minLength: 4, maxLength: 12 })

describe('ratioInterval', () => {
  it('has the exact null distribution: R gives W = 35, p = 0.1272 for the chorioamnion data', () => {
    expect(mannWhitneyCdf(10, 5)[50 - 35]).toBeCloseTo(0.1272061272061272, 12)
    expect([0.05, 0.025].map((alpha) => criticalOrder(mannWhitneyCdf(5, 10), alpha))).toEqual([12, 9])
    expect([0.05, 0.025].map((alpha) => criticalOrder(mannWhitneyCdf(10, 10), alpha))).toEqual([28, 24])
    expect([0.05, 0.025].map((alpha) => criticalOrder(mannWhitneyCdf(20, 7), alpha))).toEqual([40, 35])
  })

  it('gives the ratio of first to second, with bounds (SciPy for the orders, NumPy for the ratios)', () => {
    const { estimate, low, high, n } = ratioInterval(term, early)
    expect(estimate).toBeCloseTo(1.3117671370783737, 12)
    expect(low).toBeCloseTo(0.9090909090909091, 12)
    expect(high).toBeCloseTo(1.822222222222222, 12)
    expect(n).toBe(5)
  })

  it('has no finite bound when the samples are too small', () => {
    expect(ratioInterval([2, 2], [1, 1, 1])).toEqual({ estimate: 2, low: 0, high: Infinity, n: 2 })
  })

  it('inverts when the samples swap, and scales with either', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        const plain = ratioInterval(a, b)
        const swapped = ratioInterval(b, a)
        expect(swapped.estimate * plain.estimate).toBeCloseTo(1, 9)
        if (plain.low > 0) expect(swapped.high * plain.low).toBeCloseTo(1, 9)
        const doubled = ratioInterval(
          a.map((value) => 2 * value),
          b,
        )
        expect(doubled.estimate / plain.estimate).toBeCloseTo(2, 9)
        expect(plain.low).toBeLessThanOrEqual(plain.estimate)
        expect(plain.high).toBeGreaterThanOrEqual(plain.estimate)
      }),
    )
  })

  it('passes from the exact to the normal form without a jump', () => {
    const random = seeded('large')
    const noisy = (size: number, ratio: number) =>
      Array.from({ length: size }, () => ratio * Math.exp(0.05 * gaussian(random)))
    const [a, b] = [noisy(51, 1.2), noisy(51, 1)]
    const normal = ratioInterval(a, b)
    const exact = ratioInterval(a.slice(0, 50), b.slice(0, 50))
    expect(normal.low).toBeCloseTo(exact.low, 2)
    expect(normal.high).toBeCloseTo(exact.high, 2)
    // SciPy's normal quantile gives order 1487 for 60 and 60 at alpha 0.05
    const [c, d] = [noisy(60, 1.2), noisy(60, 1)]
    const ratios = c.flatMap((x) => d.map((y) => x / y)).sort((x, y) => x - y)
    expect(ratioInterval(c, d).low).toBeCloseTo(ratios[1486]!, 12)
    expect(ratioInterval(c, d).high).toBeCloseTo(ratios[3600 - 1487]!, 12)
    expect(normal.low).toBeLessThan(1.2)
    expect(normal.high).toBeGreaterThan(1.2)
  })

  it('refuses what has no logarithm', () => {
    expect(() => ratioInterval([1, 0], [1])).toThrow(/first sample: value 1 is 0, a ratio needs values > 0/)
    expect(() => ratioInterval([1], [])).toThrow(/second sample: at least one value/)
    expect(() => ratioInterval([1], [1], { alpha: 1 })).toThrow(/alpha/)
  })
})

describe('normal distribution', () => {
  it('agrees with SciPy', () => {
    const cdf = [-3.5, -1, 0.3, 2.1].map(normalCdf)
    expect(cdf).toEqual([2.32629079e-4, 0.158655254, 0.617911422, 0.982135579].map((p) => expect.closeTo(p, 9)))
    const quantiles = [0.0001, 0.025, 0.8].map(normalQuantile)
    expect(quantiles).toEqual([-3.71901649, -1.95996398, 0.84162123].map((x) => expect.closeTo(x, 8)))
    expect([normalCdf(-9), normalCdf(0), normalCdf(9)]).toEqual([0, 0.5, 1])
    expect(() => normalQuantile(0)).toThrow(RangeError)
  })

  it('bisects to the turning point', () => {
    expect(bisect((x) => x < Math.PI, 0, 8)).toBeCloseTo(Math.PI, 14)
  })
})
