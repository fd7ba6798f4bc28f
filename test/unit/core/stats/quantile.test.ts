import fc from 'fast-check'
import * as simple from 'simple-statistics'
import { describe, expect, it } from 'vitest'
import { countOutliers, mad, median, quantile } from '../../../../src/core/stats/index.ts'

const sample = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 })

describe('quantile', () => {
  it('interpolates as type 7 does (R: quantile(c(1, 2, 4, 8), c(0, .1, .5, .9, 1)))', () => {
    const values = [8, 1, 4, 2]
    expect([0, 0.1, 0.5, 0.9, 1].map((p) => quantile(values, p))).toEqual(
      [1, 1.3, 3, 6.8, 8].map((value) => expect.closeTo(value, 12)),
    )
  })

  it('sorts numbers as numbers and leaves its input alone', () => {
    const values = [10, 9, 100]
    expect(median(values)).toBe(10)
    expect(values).toEqual([10, 9, 100])
  })

  it('agrees with simple-statistics on medians and on deviations from them', () => {
    fc.assert(
      fc.property(sample, (values) => {
        expect(median(values)).toBeCloseTo(simple.median(values), 6)
        expect(mad(values)).toBeCloseTo(simple.medianAbsoluteDeviation(values), 6)
      }),
    )
  })

  it('agrees with simple-statistics, which interpolates as type 7 too', () => {
    fc.assert(
      fc.property(sample, fc.double({ min: 0, max: 1, noNaN: true }), (values, p) => {
        expect(quantile(values, p)).toBeCloseTo(simple.quantile(values, p), 6)
      }),
    )
  })

  it('is monotone in p, and moves and scales with the values', () => {
    const p = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(sample, p, p, fc.integer({ min: -1000, max: 1000 }), (values, a, b, shift) => {
        expect(quantile(values, Math.min(a, b))).toBeLessThanOrEqual(quantile(values, Math.max(a, b)))
        const moved = values.map((value) => 2 * value + shift)
        expect(quantile(moved, a)).toBeCloseTo(2 * quantile(values, a) + shift, 6)
        expect(mad(moved)).toBeCloseTo(2 * mad(values), 6)
      }),
    )
  })

  it.each([
    ['nothing', () => median([]), /median: at least one value is needed/],
    ['NaN', () => mad([1, Number.NaN]), /value 1 is NaN/],
    ['infinity', () => countOutliers([Infinity]), /value 0 is Infinity/],
    ['a p beyond 1', () => quantile([1], 1.01), /0 ≤ p ≤ 1/],
    ['a p that is NaN', () => quantile([1], Number.NaN), /0 ≤ p ≤ 1/],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(RangeError)
    expect(call).toThrow(message)
  })
})

describe('countOutliers', () => {
  it.each([
    // the cases of hyperfine's own test, src/outlier_detection.rs
    [[50], 0],
    [[1000, 0], 0],
    [[-0.2, 0, 0.2], 0],
    [[-0.2, 0, 0.2, 4], 1],
    [[0.5, 0.3, 0.29, 0.31, 0.3], 1],
    [[10, 10, 10, 10, 10, 10, 10, 100], 1],
    [[10, 10, 10, 10, 10, 10, 10, 100, 100], 2],
  ])('counts as hyperfine does: %j → %i', (values, count) => {
    expect(countOutliers(values)).toBe(count)
  })

  it('draws the line at ten normal standard deviations, not at 10 / 0.6745² of them', () => {
    // median 0, MAD 1
    expect(countOutliers([-1, 0, 1, -1, 1, 0, 14.8])).toBe(0)
    expect(countOutliers([-1, 0, 1, -1, 1, 0, 14.9])).toBe(1)
  })
})
