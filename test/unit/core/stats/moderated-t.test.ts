import { describe, expect, it } from 'vitest'
import {
  moderatedPValue,
  moderatedShiftPValue,
  pooledVariance,
  poolVariances,
  sampleVariance,
} from '../../../../src/core/stats/index.ts'

describe('moderatedPValue without a prior is Student’s t', () => {
  // From printed tables of t: one-sided 5 %, 1 % and 0.5 % points.
  it.each([
    [2.132, 5, 0.05],
    [3.747, 5, 0.01],
    [4.604, 5, 0.005],
    [2.015, 6, 0.05],
    [1.833, 10, 0.05],
    [6.314, 2, 0.05],
    [2.92, 3, 0.05],
  ])('t = %d of %d values is %d', (t, n, p) => {
    const spread = Array.from({ length: n }, (_, at) => at - (n - 1) / 2)
    const error = Math.sqrt(spread.reduce((sum, x) => sum + x * x, 0) / (n - 1) / n)
    const d = spread.map((x) => x + t * error)
    expect(moderatedPValue(d, 0, 'greater')).toBeCloseTo(p, 4)
    expect(moderatedPValue(d, 0, 'less')).toBeCloseTo(1 - p, 4)
  })
})

describe('moderatedPValue', () => {
  const d = [0.1, 0.12, 0.09, 0.11, 0.08]
  const own = sampleVariance(d)

  it('shrinks a variance below that of its pool, with four more degrees of freedom', () => {
    // (4 * 0.01 + 4 * 0.00025) / 8 = 0.005125, t = 0.1 / sqrt(0.005125 / 5) = 3.1235 on 8 degrees.
    expect(own).toBeCloseTo(0.00025, 12)
    expect(moderatedPValue(d, 0, 'greater', { variance: 0.01 })).toBeCloseTo(0.00708, 5)
    expect(moderatedPValue(d, 0, 'less', { variance: 0.01 })).toBeCloseTo(1 - 0.00708, 5)
  })

  it('keeps the own variance of a comparison that is noisier than its pool', () => {
    for (const variance of [0, own / 2, own])
      expect(moderatedPValue(d, 0.09, 'greater', { variance })).toBe(moderatedPValue(d, 0.09, 'greater'))
  })

  it('does not take five equal differences for certain, because the pool knows better', () => {
    const equal = [0.1, 0.1, 0.1, 0.1, 0.1]
    expect(moderatedPValue(equal, 0, 'greater')).toBe(0)
    expect(moderatedPValue(equal, 0, 'greater', { variance: 0.01 })).toBeGreaterThan(0.005)
  })

  it('gives no evidence for differences that are beyond a shift by rounding alone', () => {
    const atMargin = Array.from({ length: 6 }, () => Math.log(105 / 100))
    expect(moderatedPValue(atMargin, Math.log1p(0.05), 'greater')).toBe(1)
    expect(moderatedPValue(atMargin, Math.log1p(0.05), 'less')).toBe(1)
  })

  it('gives 1 for a single value, and refuses what is not a number', () => {
    expect(moderatedPValue([1], 0, 'greater')).toBe(1)
    expect(() => moderatedPValue([], 0, 'greater')).toThrow(RangeError)
    expect(() => moderatedPValue([1, Number.NaN], 0, 'greater')).toThrow(RangeError)
  })
})

describe('moderatedShiftPValue', () => {
  it('is the two-sample t of textbooks', () => {
    // Student, "The Probable Error of a Mean" (1908): the sleep data. t = 1.8608 on 18 degrees, two-sided p 0.0792.
    const [a, b] = [
      [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
      [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2],
    ]
    expect(moderatedShiftPValue(a!, b!, 0, 'greater')).toBeCloseTo(0.07919 / 2, 4)
    expect(pooledVariance(a!, b!)).toBeCloseTo(3.6048, 3)
  })

  it('shrinks as the paired test does, and needs two values of each', () => {
    expect(moderatedShiftPValue([1, 1, 1], [0, 0, 0], 0, 'greater')).toBe(0)
    expect(moderatedShiftPValue([1, 1, 1], [0, 0, 0], 0, 'greater', { variance: 1 })).toBeGreaterThan(0.01)
    expect(moderatedShiftPValue([1], [0, 0, 0], 0, 'greater')).toBe(1)
  })
})

describe('poolVariances', () => {
  it('weighs by degrees of freedom, and needs a case with some', () => {
    const known = [
      { variance: 1, degrees: 4 },
      { variance: 2, degrees: 4 },
      { variance: 9, degrees: 2 },
    ]
    expect(poolVariances(known)?.variance).toBeCloseTo(3, 12)
    expect(poolVariances(known.slice(2))).toEqual({ variance: 9 })
    expect(poolVariances(known, ({ degrees }) => degrees === 4)).toEqual({ variance: 9 })
    expect(poolVariances(known, () => true)).toBeUndefined()
    expect(poolVariances([{ variance: 5, degrees: 0 }])).toBeUndefined()
    expect(poolVariances([])).toBeUndefined()
  })
})
