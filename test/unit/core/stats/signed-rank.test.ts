import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hodgesLehmann, seeded, signedRankInterval, signedRankPValue } from '../../../../src/core/stats/index.ts'
import { criticalOrder, signedRankCdf } from '../../../../src/core/stats/signed-rank.ts'
import { pairedRounds } from '../../../calibration/simulate.ts'

/** Hamilton depression scale, before and after: Hollander & Wolfe (1973), 29 f.; the example of R's `?wilcox.test`. */
const before = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3]
const after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
const depression = before.map((value, i) => value - after[i]!)
/** Height of crossed less self-fertilised maize: Darwin (1876); the example of SciPy's `scipy.stats.wilcoxon`. */
const maize = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]

/** Multiples of 1/64: sums and halves of them are exact, so that equalities can be tested as such. */
const grid = (minLength: number) =>
  fc.array(
    fc.integer({ min: -6400, max: 6400 }).map((i) => i / 64),
    { minLength, maxLength: 25 },
  )
const alphas = fc.constantFrom(0.001, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)

describe('published values', () => {
  it('p of the depression data: R gives V = 40, p = 0.01953 (greater) and 0.03906 (two-sided)', () => {
    expect(signedRankPValue(depression, 0, 'greater')).toBe(10 / 512)
    expect(2 * signedRankPValue(depression, 0, 'greater')).toBeCloseTo(0.03906, 5)
  })

  it('estimate and bounds of the depression data: R gives 0.46 and 95 % [0.010, 0.786]', () => {
    expect(hodgesLehmann(depression)).toBeCloseTo(0.46, 12)
    const { low, high, n } = signedRankInterval(depression, { alpha: 0.025 })
    expect([low, high, n]).toEqual([expect.closeTo(0.01, 10), expect.closeTo(0.786, 10), 9])
    expect(signedRankInterval(depression)).toMatchObject({ low: expect.closeTo(0.175), high: expect.closeTo(0.726) })
  })

  it('p of the maize data: SciPy gives 0.0206298828125 (greater)', () => {
    expect(signedRankPValue(maize, 0, 'greater')).toBe(0.0206298828125)
    expect(signedRankPValue(maize, 0, 'less')).toBeGreaterThan(0.97)
  })

  it.each([
    // SciPy 1.17.1 WilcoxonDistribution; its critical values are those of printed tables, plus one
    [5, [1, 0, 0, 0]],
    [10, [11, 9, 6, 4]],
    [20, [61, 53, 44, 38]],
    [30, [152, 138, 121, 110]],
    [50, [467, 435, 398, 374]],
  ])('order of the bound for n = %i at alpha 0.05, 0.025, 0.01, 0.005', (n, orders) => {
    expect([0.05, 0.025, 0.01, 0.005].map((alpha) => criticalOrder(signedRankCdf(n), alpha))).toEqual(orders)
  })

  it('keeps its relative precision far in the tail (SciPy: P(W ≤ 30 | n = 30), P(W ≤ 50 | n = 50))', () => {
    expect(signedRankCdf(30)[30]! / 1.8952414393424988e-6).toBeCloseTo(1, 12)
    expect(signedRankCdf(50)[50]! / 2.8051339029389055e-11).toBeCloseTo(1, 12)
    expect(signedRankCdf(200)[0]).toBe(2 ** -200)
    expect(signedRankCdf(200).at(-1)).toBeCloseTo(1, 12)
  })
})

describe('ties and zeros (counted over all sign patterns)', () => {
  it('gives ties their mid-ranks', () => {
    expect(signedRankPValue([1, 1, 2, -2, 3, 3, -1, 4], 0, 'greater')).toBe(18 / 256)
  })

  it('ranks zeros, then drops their ranks (Pratt): dropping them first would say 10/128', () => {
    expect(signedRankPValue([0, 0, 1, -1, 2, 3, 3, 5, -2], 0, 'greater')).toBe(13 / 128)
    expect(signedRankPValue([1, 1, 2, -2, 3, 3, -1, 4], 1, 'greater')).toBe(21 / 64)
  })

  it('does not let rounding break a tie, which would say 5/8, or hide a zero, which would say 1/16', () => {
    expect(0.3 - 0.2).not.toBe(0.2 - 0.1)
    expect(signedRankPValue([0.1, 0.3, 0.3], 0.2, 'greater')).toBe(4 / 8)
    expect(0.1 + 0.2 - 0.3).not.toBe(0)
    expect(signedRankPValue([0.1 + 0.2, 1, 2, 3], 0.3, 'greater')).toBe(1 / 8)
  })

  it('knows nothing from zeros alone', () => {
    expect(signedRankPValue([0.7, 0.7, 0.7], 0.7, 'greater')).toBe(1)
    expect(signedRankInterval([0, 0, 0, 0, 0, 0])).toEqual({ estimate: 0, low: 0, high: 0, n: 6 })
  })

  it('is the share of sign patterns that are as extreme, for any small sample', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 8 }), (d) => {
        expect(signedRankPValue(d, 0, 'greater')).toBeCloseTo(bySignPatterns(d), 12)
      }),
    )
  })
})

describe('too little data', () => {
  it('has no finite bound while 2^-n > alpha', () => {
    expect(signedRankInterval([1, 2, 3, 4])).toEqual({ estimate: 2.5, low: -Infinity, high: Infinity, n: 4 })
    expect(signedRankInterval([1, 2, 3, 4, 5])).toEqual({ estimate: 3, low: 1, high: 5, n: 5 })
    expect(signedRankInterval([1], { alpha: 0.5 })).toEqual({ estimate: 1, low: 1, high: 1, n: 1 })
  })

  it.each([
    ['nothing', () => signedRankInterval([]), /signedRankInterval: at least one value/],
    ['NaN', () => hodgesLehmann([0, Number.NaN]), /hodgesLehmann: value 1 is NaN/],
    ['an infinite shift', () => signedRankPValue([1], Infinity, 'less'), /shift: value 0 is Infinity/],
    ['alpha 0', () => signedRankInterval([1], { alpha: 0 }), /0 < alpha ≤ 0.5, got 0/],
    ['alpha 0.6', () => signedRankInterval([1], { alpha: 0.6 }), /got 0.6/],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(RangeError)
    expect(call).toThrow(message)
  })
})

describe('properties', () => {
  it('moves with a shift and grows with a scale', () => {
    fc.assert(
      fc.property(grid(1), fc.integer({ min: -100, max: 100 }), alphas, (d, shift, alpha) => {
        const plain = signedRankInterval(d, { alpha })
        const moved = signedRankInterval(
          d.map((value) => 4 * value + shift),
          { alpha },
        )
        expect(moved.estimate).toBe(4 * plain.estimate + shift)
        expect(moved.low).toBe(4 * plain.low + shift)
        expect(moved.high).toBe(4 * plain.high + shift)
      }),
    )
  })

  it('is symmetric: the negated sample has the negated interval and the other p-value', () => {
    fc.assert(
      fc.property(grid(1), alphas, (d, alpha) => {
        const { estimate, low, high } = signedRankInterval(d, { alpha })
        const flipped = d.map((value) => 0 - value)
        expect(signedRankInterval(flipped, { alpha })).toEqual({
          estimate: 0 - estimate,
          low: 0 - high,
          high: 0 - low,
          n: d.length,
        })
        expect(signedRankPValue(flipped, 0, 'less')).toBe(signedRankPValue(d, 0, 'greater'))
      }),
    )
  })

  it('contains its estimate, and narrows as alpha grows', () => {
    fc.assert(
      fc.property(grid(1), alphas, alphas, (d, a, b) => {
        const wide = signedRankInterval(d, { alpha: Math.min(a, b) })
        const narrow = signedRankInterval(d, { alpha: Math.max(a, b) })
        expect(wide.low).toBeLessThanOrEqual(narrow.low)
        expect(narrow.low).toBeLessThanOrEqual(narrow.estimate)
        expect(narrow.estimate).toBeLessThanOrEqual(narrow.high)
        expect(narrow.high).toBeLessThanOrEqual(wide.high)
      }),
    )
  })

  it('does not depend on the order of the sample', () => {
    fc.assert(
      fc.property(grid(1), (d) => {
        const other = [...d].reverse()
        expect(signedRankInterval(other)).toEqual(signedRankInterval(d))
        expect(signedRankPValue(other, 1, 'greater')).toBe(signedRankPValue(d, 1, 'greater'))
      }),
    )
  })

  it('p for "greater" grows with the shift that it is asked about, zeros and ties included', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 12 }), (d) => {
        let least = 0
        for (let shift = -6; shift <= 6; shift += 0.5) {
          const p = signedRankPValue(d, shift, 'greater')
          expect(p).toBeGreaterThanOrEqual(least - 1e-12)
          least = p
        }
      }),
    )
  })

  it('a bound excludes a shift exactly when the p-value does, without ties', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -10_000, max: 10_000 }), { minLength: 5, maxLength: 20 })
    fc.assert(
      fc.property(distinct, fc.integer({ min: -200, max: 200 }), alphas, (whole, shift, alpha) => {
        // irrational steps: no two averages, and no average and the shift, are equal
        const d = whole.map((value) => value * Math.SQRT2 + Math.sqrt(value + 10_001))
        const { low, high } = signedRankInterval(d, { alpha })
        expect(low > shift).toBe(signedRankPValue(d, shift, 'greater') <= alpha)
        expect(high < shift).toBe(signedRankPValue(d, shift, 'less') <= alpha)
      }),
    )
  })

  it('covers the truth as often as it promises, in 1500 seeded runs', () => {
    const random = seeded('coverage')
    let missed = 0
    for (let i = 0; i < 1500; i++) {
      const { d } = pairedRounds({ rounds: 10, ratio: 1.1, cv: 0.05, drift: 0.1, tailChance: 0.1 }, random)
      const { low, high } = signedRankInterval(d)
      if (low > Math.log(1.1) || high < Math.log(1.1)) missed++
    }
    // exact rate without drift: 2 · 0.0420 = 8.4 %
    expect(missed / 1500).toBeGreaterThan(0.06)
    expect(missed / 1500).toBeLessThan(0.1)
  })
})

/** P(W⁺ ≥ observed) by trying every sign of every value that isn't zero; mid-ranks by counting. */
function bySignPatterns(d: readonly number[]): number {
  const size = (value: number) => Math.abs(value)
  const rank = (value: number) =>
    d.filter((other) => size(other) < size(value)).length +
    (d.filter((other) => size(other) === size(value)).length + 1) / 2
  const values = d.filter((value) => value !== 0)
  const ranks = values.map(rank)
  const observed = ranks.reduce((sum, r, i) => sum + (values[i]! > 0 ? r : 0), 0)
  let asExtreme = 0
  for (let signs = 0; signs < 2 ** values.length; signs++) {
    const sum = ranks.reduce((total, r, i) => total + ((signs >> i) & 1 ? r : 0), 0)
    if (sum >= observed) asExtreme++
  }
  return asExtreme / 2 ** values.length
}

describe('the routes that cost less', () => {
  /** Every sum of every subset, without a limit or a former result. */
  const distribution = (ranks: readonly number[]): number[] =>
    ranks.reduce<number[]>(
      (now, rank) =>
        Array.from({ length: now.length + rank }, (_, s) => 0.5 * ((now[s] ?? 0) + (s >= rank ? now[s - rank]! : 0))),
      [1],
    )

  it('give the distribution of each n, asked for in any order', () => {
    for (const n of [31, 33, 32, 36, 34, 40, 35]) {
      let sum = 0
      const cdf = distribution(Array.from({ length: n }, (_, i) => i + 1)).map((p) => (sum = Math.min(1, p + sum)))
      expect([...signedRankCdf(n)]).toEqual(cdf)
    }
  })

  it('give the p-value of the whole distribution', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 40 }), (values) => {
        const d = values.map((value) => value / 4)
        const sorted = d.map(Math.abs).sort((a, b) => a - b)
        const doubled = (value: number) => sorted.indexOf(Math.abs(value)) + sorted.lastIndexOf(Math.abs(value)) + 2
        const [ranks, positive] = [d.filter((value) => value !== 0), d.filter((value) => value > 0)].map((some) =>
          some.map(doubled),
        ) as [number[], number[]]
        const least = positive.reduce((sum, rank) => sum + rank, 0)
        const whole = distribution(ranks).reduce((sum, p, s) => (s >= least ? sum + p : sum), 0)
        expect(signedRankPValue(d, 0, 'greater')).toBeCloseTo(whole, 12)
      }),
      { numRuns: 300 },
    )
  })
})
