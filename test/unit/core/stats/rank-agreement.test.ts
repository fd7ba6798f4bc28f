import { describe, expect, it } from 'vitest'
import { rankAgreement, seeded } from '../../../../src/core/stats/index.ts'

describe('rankAgreement', () => {
  it('is 1 when all rankings agree, and −1 for two that are opposite', () => {
    const same = Array.from({ length: 6 }, (_, round) => [1, 2, 3, 4].map((value) => value * (round + 1)))
    expect(rankAgreement(same)).toMatchObject({ estimate: 1, low: 1, high: 1, n: 6 })
    expect(
      rankAgreement([
        [1, 2, 3],
        [3, 2, 1],
      ]).estimate,
    ).toBeCloseTo(-1)
  })

  it("agrees with Kendall's W of a textbook table: (nW − 1)/(n − 1)", () => {
    const rows = [
      [1, 2, 3, 4],
      [2, 1, 3, 4],
      [1, 3, 2, 4],
    ]
    // Rank sums 4, 6, 8, 12: W = 12 Σ(R − 7.5)² / (9 · (64 − 4)) = 12 · 35 / 540.
    const w = (12 * 35) / 540
    expect(rankAgreement(rows).estimate).toBeCloseTo((3 * w - 1) / 2, 10)
  })

  it('has no bias for few random rankings', () => {
    const random = seeded('agreement')
    const means = Array.from({ length: 300 }, () => {
      const rows = Array.from({ length: 5 }, () => Array.from({ length: 5 }, random))
      return rankAgreement(rows, { alpha: 0.5 }).estimate
    })
    expect(Math.abs(means.reduce((sum, one) => sum + one, 0) / means.length)).toBeLessThan(0.04)
  }, 60_000)

  it('refuses what is no set of rankings', () => {
    for (const rows of [
      [],
      [[1, 2]],
      [[1], [2]],
      [
        [1, 2],
        [1, 2, 3],
      ],
      [
        [1, Number.NaN],
        [1, 2],
      ],
    ])
      expect(() => rankAgreement(rows)).toThrow(RangeError)
  })
})
