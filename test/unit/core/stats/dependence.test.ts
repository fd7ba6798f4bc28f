import { describe, expect, it } from 'vitest'
import { regularizedBeta } from '../../../../src/core/stats/beta.ts'
import { seeded, testDependence, testJointDependence } from '../../../../src/core/stats/index.ts'
import { gaussian } from '../../../calibration/simulate.ts'

describe('regularizedBeta', () => {
  // Closed forms: I_x(1, b) = 1 - (1 - x)^b, and I_x(2, 2) = 3x² - 2x³.
  it('agrees with closed forms, far in the tail too', () => {
    for (const x of [1e-9, 0.01, 0.3, 0.5, 0.9]) {
      expect(regularizedBeta(x, 1, 4)).toBeCloseTo(-Math.expm1(4 * Math.log1p(-x)), 12)
      expect(regularizedBeta(x, 2, 2)).toBeCloseTo(3 * x * x - 2 * x ** 3, 12)
    }
    expect(regularizedBeta(1e-9, 2, 2) / 3e-18).toBeCloseTo(1, 8)
    expect(regularizedBeta(0, 2, 3)).toBe(0)
    expect(regularizedBeta(1, 2, 3)).toBe(1)
    expect(regularizedBeta(0.4, 2.5, 0.5) + regularizedBeta(0.6, 0.5, 2.5)).toBeCloseTo(1, 12)
  })
})

describe('testDependence', () => {
  it('needs ten rounds', () => {
    expect(testDependence([1, 2, 3, 4, 5, 6, 7, 8, 9])).toBeUndefined()
    expect(testDependence([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toBeDefined()
  })

  it('finds a trend and says how far it goes', () => {
    const trend = testDependence(Array.from({ length: 12 }, (_, at) => 0.01 * at + 0.001 * (at % 2)))!
    expect(trend.isDependent).toBe(true)
    expect(trend.drift).toBeCloseTo(0.11, 2)
    expect(trend.correlation).toBeGreaterThan(0.9)
  })

  it('finds slow steps without a trend', () => {
    const steps = Array.from({ length: 24 }, (_, at) => (Math.floor(at / 6) % 2) + ((at * 7) % 5) / 100)
    expect(testDependence(steps)!.isDependent).toBe(true)
    expect(Math.abs(testDependence(steps)!.drift)).toBeLessThan(0.5)
  })

  it('does not object to alternating values, to equal ones, or to equal ones but for rounding', () => {
    const alternating = Array.from({ length: 20 }, (_, at) => (at % 2) + ((at * 7) % 5) / 100)
    expect(testDependence(alternating)!.isDependent).toBe(false)
    const flat = Array.from({ length: 20 }, (_, at) => 0.05 + at * 1e-16)
    expect(testDependence(flat)).toEqual({ isDependent: false, correlation: 0, drift: expect.closeTo(0, 12) })
  })

  it('calls at most 1 % of independent series dependent, and most series with a correlation of 0.8', () => {
    const random = seeded('dependence')
    const share = (phi: number, n: number, runs: number) => {
      let found = 0
      for (let run = 0; run < runs; run++) {
        let x = gaussian(random) / Math.sqrt(1 - phi * phi)
        const d = Array.from({ length: n }, () => (x = phi * x + gaussian(random)))
        if (testDependence(d)!.isDependent) found++
      }
      return found / runs
    }
    expect(share(0, 10, 4000)).toBeLessThanOrEqual(0.015)
    expect(share(0, 20, 4000)).toBeLessThanOrEqual(0.015)
    expect(share(0.8, 30, 400)).toBeGreaterThan(0.9)
  })
})

describe('testJointDependence', () => {
  const series = (phi: number, n: number, random: () => number): number[] => {
    let x = gaussian(random) / Math.sqrt(1 - phi * phi)
    return Array.from({ length: n }, () => (x = phi * x + gaussian(random)))
  }
  /** Comparisons with one reference. */
  const group = (count: number, phi: number, n: number, random: () => number): number[][] => {
    const reference = series(phi, n, random)
    return Array.from({ length: count }, () => series(phi, n, random).map((value, at) => value - reference[at]!))
  }
  const share = (runs: number, draw: () => number[][]): number => {
    let found = 0
    for (let run = 0; run < runs; run++) if (testJointDependence(draw())!.isDependent) found++
    return found / runs
  }

  it('needs ten rounds and two comparisons of the same rounds', () => {
    const ten = Array.from({ length: 10 }, (_, at) => at)
    expect(testJointDependence([ten])).toBeUndefined()
    expect(testJointDependence([ten.slice(1), ten.slice(1)])).toBeUndefined()
    expect(testJointDependence([ten, ten])).toMatchObject({ isDependent: true, correlation: expect.closeTo(0.95) })
    expect(() => testJointDependence([ten, ten.slice(1)])).toThrow(RangeError)
  })

  it('gives the same answer twice, and none for values without any spread', () => {
    const draw = () => group(4, 0.3, 14, seeded('twice'))
    expect(testJointDependence(draw())).toEqual(testJointDependence(draw()))
    const flat = Array.from({ length: 12 }, () => 1)
    expect(testJointDependence([flat, flat])).toMatchObject({ isDependent: false })
  })

  it('calls at most 1 % of independent rounds dependent, although the comparisons share a reference', () => {
    const random = seeded('joint')
    for (const count of [2, 9]) expect(share(1500, () => group(count, 0, 10, random))).toBeLessThanOrEqual(0.018)
  })

  it('finds in ten rounds of nine comparisons what one comparison does not show', () => {
    const random = seeded('joint power')
    const alone = () => testDependence(group(1, 0.8, 10, random)[0]!)!.isDependent
    const found = Array.from({ length: 300 }, alone).filter(Boolean).length / 300
    expect(found).toBeLessThan(0.35)
    expect(share(300, () => group(9, 0.8, 10, random))).toBeGreaterThan(0.65)
  })

  it('finds trends that go in different directions', () => {
    const random = seeded('trends')
    const drifting = () =>
      [1, -1, 1, -1].map((way) => Array.from({ length: 12 }, (_, at) => way * 0.25 * at + gaussian(random)))
    expect(share(100, drifting)).toBeGreaterThan(0.6)
  })
})
