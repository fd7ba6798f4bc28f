import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  alphaShare,
  decideAtInterimLook,
  intervalAtLook,
  planLooks,
  pValueOverLooks,
  type SequentialPlan,
  seeded,
  signedRankInterval,
  signedRankPValue,
} from '../../../../src/core/stats/index.ts'
import { gaussian } from '../../../calibration/simulate.ts'

const plan = planLooks({ first: 10, last: 30 })

/** The first look that decides, if any does. */
function decide(d: readonly number[], margin: number, plan: SequentialPlan): { verdict: string; rounds: number } {
  for (const [look, rounds] of plan.looks.entries()) {
    const verdict = decideAtInterimLook(d.slice(0, rounds), margin, plan, look)
    if (verdict !== 'across') return { verdict, rounds }
  }
  return { verdict: 'across', rounds: plan.looks.at(-1)! }
}

describe('planLooks', () => {
  it('looks every two rounds by default, and always at the last', () => {
    expect(plan.looks).toEqual([10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
    expect(planLooks({ first: 5, last: 12, step: 3 }).looks).toEqual([5, 8, 11, 12])
  })

  it('spends everything on a single look', () => {
    expect(planLooks({ first: 10, last: 10 })).toEqual({ looks: [10], alphas: [0.05] })
    expect(planLooks({ first: 7, last: 7, alpha: 0.01, power: 3 }).alphas).toEqual([0.01])
  })

  it("is close to the published bounds: O'Brien–Fleming-like spending is stingy first, linear spending is not", () => {
    // Kim & DeMets: linear spending at five equal times and one-sided 0.05 has 0.01 first, then near-equal ones
    const linear = planLooks({ first: 200, last: 1000, step: 200 }).alphas
    expect(linear[0]).toBeCloseTo(0.96 * 0.01, 4)
    expect(Math.max(...linear)).toBeLessThan(3 * linear[0]!)
    expect(planLooks({ first: 200, last: 1000, step: 200, power: 3 }).alphas[0]).toBeLessThan(0.001)
  })

  it('gives each look less than alpha, and at least about its Bonferroni share', () => {
    const options = fc.record({
      first: fc.integer({ min: 5, max: 20 }),
      more: fc.integer({ min: 1, max: 20 }),
      step: fc.integer({ min: 1, max: 8 }),
      alpha: fc.constantFrom(0.01, 0.025, 0.05, 0.1),
    })
    fc.assert(
      fc.property(options, ({ first, more, step, alpha }) => {
        const { looks, alphas: spent } = planLooks({ first, last: first + more, step, alpha })
        expect(spent.length).toBe(looks.length)
        spent.forEach((nominal, k) => {
          expect(nominal).toBeLessThan(alpha)
          expect(nominal).toBeGreaterThan((0.85 * alpha * (looks[k]! - (looks[k - 1] ?? 0))) / (first + more))
        })
      }),
      { numRuns: 25 },
    )
  })

  it.each([
    ['a last before the first', { first: 10, last: 9 }, /last: expected an integer ≥ 10, got 9/],
    ['no rounds', { first: 0, last: 9 }, /first: expected an integer ≥ 1/],
    ['a step of half a round', { first: 1, last: 9, step: 0.5 }, /step/],
    ['alpha 0', { first: 1, last: 9, alpha: 0 }, /alpha/],
    ['power 0', { first: 1, last: 9, power: 0 }, /power > 0/],
  ])('refuses %s', (_, options, message) => {
    expect(() => planLooks(options)).toThrow(message)
  })
})

describe('decideAtInterimLook', () => {
  const steady = (centre: number) => Array.from({ length: 30 }, (_, i) => centre + ((i % 7) - 3) / 1000)

  it('decides early when the answer is plain', () => {
    expect(decide(steady(0), Math.log(1.05), plan)).toEqual({ verdict: 'inside', rounds: 10 })
    expect(decide(steady(0.2), Math.log(1.05), plan)).toEqual({ verdict: 'outside', rounds: 10 })
  })

  it('stays across when the centre is the margin', () => {
    expect(decide(steady(0.05), 0.05, plan).verdict).toBe('across')
    expect(decide(new Array<number>(30).fill(0.5), 0.5, plan).verdict).toBe('across')
  })

  it('with one look is the plain interval against the margin', () => {
    const single = planLooks({ first: 12, last: 12 })
    const d = steady(0.03).slice(0, 12)
    expect(intervalAtLook(d, single, 0)).toEqual(signedRankInterval(d))
    expect(decideAtInterimLook(d, 0.04, single, 0)).toBe('inside')
  })

  it('cannot decide on too few differences', () => {
    expect(decideAtInterimLook([0.5, 0.5, 0.5, 0.5], 0, plan, 0)).toBe('across')
  })

  it('mirrors: a negated sample against a negated margin swaps inside and outside', () => {
    const other = { inside: 'outside', outside: 'inside', across: 'across' }
    const cell = fc.integer({ min: -64, max: 64 }).map((i) => i / 64)
    fc.assert(
      fc.property(fc.array(cell, { minLength: 10, maxLength: 10 }), cell, (d, margin) => {
        const flipped = d.map((value) => 0 - value)
        expect(decideAtInterimLook(flipped, 0 - margin, plan, 0)).toBe(other[decideAtInterimLook(d, margin, plan, 0)])
      }),
    )
  })

  it('errs at the margin no more often than 5 %, in 3000 seeded runs', () => {
    const random = seeded('looks')
    let outside = 0
    for (let i = 0; i < 3000; i++) {
      const d = Array.from({ length: 30 }, () => gaussian(random))
      if (decide(d, 0, plan).verdict === 'outside') outside++
    }
    expect(outside / 3000).toBeLessThan(0.05 + 3 * 0.004)
    expect(outside / 3000).toBeGreaterThan(0.03)
  })

  it('refuses a look that is not planned, nothing, and a margin that is no number', () => {
    expect(() => decideAtInterimLook([1], 0, plan, 11)).toThrow(/look 11: the plan has looks 0 … 10/)
    expect(() => decideAtInterimLook([], 0, plan, 0)).toThrow(/at least one value/)
    expect(() => decideAtInterimLook([1], Number.NaN, plan, 0)).toThrow(/margin/)
  })
})

describe('pValueOverLooks', () => {
  const d = Array.from({ length: 30 }, (_, i) => 0.1 + ((i * 7) % 11) / 100)
  const upTo = (look: number, of: SequentialPlan = plan) =>
    of.looks.slice(0, look + 1).map((count, k) => ({ d: d.slice(0, count), share: alphaShare(of, k) }))
  const over = (look: number, shift: number, side: 'greater' | 'less', of?: SequentialPlan) =>
    pValueOverLooks(upTo(look, of), (data) => signedRankPValue(data.d, shift, side))

  it('with one look is the plain p-value', () => {
    const single = planLooks({ first: 12, last: 12 })
    expect(over(0, 0.12, 'greater', single)).toBe(signedRankPValue(d.slice(0, 12), 0.12, 'greater'))
  })

  it('never grows with more looks, and is never above 1', () => {
    let least = 1
    for (const look of plan.looks.keys()) {
      const p = over(look, 0.12, 'greater')
      expect(p).toBeLessThanOrEqual(least)
      expect(p).toBeGreaterThan(0)
      least = p
    }
    expect(over(0, 0, 'greater')).toBeCloseTo(3 * 2 ** -10, 12)
    expect(over(0, 0, 'less')).toBe(1)
  })

  it('spends its shares on all looks together, no more', () => {
    const sum = plan.looks.reduce((total, _, look) => total + alphaShare(plan, look), 0)
    expect(sum).toBeCloseTo(1, 12)
  })
})
