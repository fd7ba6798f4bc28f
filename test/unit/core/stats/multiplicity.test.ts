import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { benjaminiHochberg, holm } from '../../../../src/core/stats/index.ts'

/** The fifteen p-values of Benjamini & Hochberg (1995), section 3.2. */
const published = [
  0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
]
const family = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 })
const count = (p: readonly number[], rate: number) => p.filter((value) => value <= rate).length

describe('holm', () => {
  it('multiplies by the number still in play, and never falls', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02].map((p) => expect.closeTo(p, 12)))
    expect(holm([0.6, 0.9])).toEqual([1, 1])
    expect(holm([])).toEqual([])
  })

  it('rejects three of the published fifteen at 0.05, as Bonferroni does there', () => {
    expect(count(holm(published), 0.05)).toBe(3)
  })

  it('lies between the plain p and Bonferroni, keeps the order, and follows a permutation', () => {
    fc.assert(
      fc.property(family, (p) => {
        const adjusted = holm(p)
        p.forEach((value, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value)
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, value * p.length) + 1e-12)
          p.forEach((other, j) => {
            if (value < other) expect(adjusted[i]!).toBeLessThanOrEqual(adjusted[j]!)
          })
        })
        expect(holm([...p].reverse())).toEqual([...adjusted].reverse())
      }),
    )
  })
})

describe('benjaminiHochberg', () => {
  it('rejects four of the published fifteen at 0.05, as the paper says; values as SciPy', () => {
    const adjusted = benjaminiHochberg(published)
    expect(count(adjusted, 0.05)).toBe(4)
    expect(adjusted.slice(0, 7)).toEqual(
      [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714, 0.06385714].map((p) => expect.closeTo(p, 8)),
    )
    expect(benjaminiHochberg([])).toEqual([])
  })

  it('is never above Holm, and never below the plain p', () => {
    fc.assert(
      fc.property(family, (p) => {
        const strict = holm(p)
        benjaminiHochberg(p).forEach((value, i) => {
          expect(value).toBeLessThanOrEqual(strict[i]! + 1e-12)
          expect(value).toBeGreaterThanOrEqual(p[i]! - 1e-12)
        })
      }),
    )
  })
})

it('refuses what is no probability', () => {
  expect(() => holm([0.5, 1.2])).toThrow(/holm: p-value 1 is 1.2/)
  expect(() => benjaminiHochberg([Number.NaN])).toThrow(RangeError)
})
