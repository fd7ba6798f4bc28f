import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fisherExact, fisherGreater } from '../../../../src/core/stats/index.ts'

describe('fisherExact', () => {
  // The examples of R's `fisher.test`: Agresti's tea taster, and Fisher's convictions of twins.
  it.each([
    [3, 1, 1, 3, 0.4857],
    [2, 10, 15, 3, 0.0005367],
  ] as const)('of %i, %i, %i, %i is R’s', (a, b, c, d, p) => {
    const value = fisherExact([
      [a, b],
      [c, d],
    ])
    expect(Math.abs(value / p - 1)).toBeLessThan(2e-4)
  })

  it('is one of all ways to choose the hosts, if an attribute separates them', () => {
    const p = fisherExact([
      [3, 0],
      [0, 17],
    ])
    expect(p).toBeCloseTo(1 / 1140, 12)
    // Both ways of halves are as unlikely.
    const halves = fisherExact([
      [2, 0],
      [0, 2],
    ])
    expect(halves).toBeCloseTo(2 / 6, 12)
  })

  it('is 1 without rows or columns, lies between 0 and 1, and does not depend on the order', () => {
    const count = fc.integer({ min: 0, max: 60 })
    fc.assert(
      fc.property(count, count, count, count, (a, b, c, d) => {
        const p = fisherExact([
          [a, b],
          [c, d],
        ])
        expect(p).toBeGreaterThan(0)
        expect(p).toBeLessThanOrEqual(1)
        if (a + b === 0 || a + c === 0) expect(p).toBeCloseTo(1, 9)
        for (const same of [
          [
            [c, d],
            [a, b],
          ],
          [
            [b, a],
            [d, c],
          ],
          [
            [a, c],
            [b, d],
          ],
        ] as const)
          expect(fisherExact(same)).toBeCloseTo(p, 9)
      }),
    )
  })

  it('refuses what is no count', () => {
    const table = [
      [1, -1],
      [0.5, 2],
    ] as const
    expect(() => fisherExact(table)).toThrow('fisherExact: count: expected an integer ≥ 0, got -1')
  })
})

describe('fisherGreater', () => {
  // R: fisher.test(matrix(c(3, 1, 1, 3), 2), alternative = "greater") gives 0.2429.
  it('is R’s', () => {
    expect(fisherGreater({ hits: 3, of: 4 }, { hits: 1, of: 4 }).p).toBeCloseTo(17 / 70, 12)
  })

  it('has the smallest p-value of its margins if no member of the second group is a hit', () => {
    const { p, smallestPossible } = fisherGreater({ hits: 4, of: 5 }, { hits: 0, of: 5 })
    expect(p).toBeCloseTo(5 / 210, 12)
    expect(smallestPossible).toBe(p)
    expect(fisherGreater({ hits: 1, of: 5 }, { hits: 3, of: 5 }).smallestPossible).toBeCloseTo(5 / 210, 12)
  })

  it('is 1 if all or none are hits, and can be nothing else', () => {
    for (const hits of [0, 5])
      expect(fisherGreater({ hits, of: 5 }, { hits, of: 5 })).toEqual({ p: 1, smallestPossible: 1 })
  })
})
