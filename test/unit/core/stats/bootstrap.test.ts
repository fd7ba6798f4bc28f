import { describe, expect, it } from 'vitest'
import { bootstrapInterval, median, quantile, seeded } from '../../../../src/core/stats/index.ts'
import { gaussian } from '../../../calibration/simulate.ts'

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('bootstrapInterval', () => {
  const random = seeded('sample')
  const values = Array.from({ length: 200 }, () => 100 + 10 * gaussian(random))

  it('is the same every time, and another with another seed', () => {
    expect(bootstrapInterval(values, median)).toEqual(bootstrapInterval(values, median))
    expect(bootstrapInterval(values, mean)).not.toEqual(bootstrapInterval(values, mean, { seed: 2 }))
  })

  it('has the width that theory gives for a mean: 2 · 1.645 standard errors at alpha 0.05', () => {
    const { estimate, low, high, n } = bootstrapInterval(values, mean)
    const deviation = Math.sqrt(mean(values.map((value) => (value - estimate) ** 2)))
    expect((high - low) / ((2 * 1.645 * deviation) / Math.sqrt(200))).toBeCloseTo(1, 1)
    expect(estimate).toBe(mean(values))
    expect(n).toBe(200)
  })

  it('narrows as alpha grows and stays among the values', () => {
    const p99 = (sample: readonly number[]) => quantile(sample, 0.99)
    const wide = bootstrapInterval(values, p99, { alpha: 0.025 })
    const narrow = bootstrapInterval(values, p99, { alpha: 0.1 })
    expect(wide.low).toBeLessThanOrEqual(narrow.low)
    expect(wide.high).toBeGreaterThanOrEqual(narrow.high)
    expect(wide.high).toBeLessThanOrEqual(Math.max(...values))
  })

  it('does not change the sample that it was given', () => {
    const frozen = Object.freeze([1, 2, 3])
    expect(bootstrapInterval(frozen, median, { resamples: 50 }).estimate).toBe(2)
  })

  it('refuses nothing, no resamples, and a statistic that is no number', () => {
    expect(() => bootstrapInterval([], median)).toThrow(/at least one value/)
    expect(() => bootstrapInterval([1], median, { resamples: 0 })).toThrow(/resamples: expected an integer ≥ 1/)
    expect(() => bootstrapInterval([1], () => Number.NaN)).toThrow(/statistic: value 0 is NaN/)
  })
})
