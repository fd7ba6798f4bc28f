import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fisherExact } from '../../../../src/core/stats/index.ts'

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
