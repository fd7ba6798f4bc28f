import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded, shuffled } from '../../../../src/core/stats/index.ts'
import { gaussian, pairedRounds } from '../../../calibration/simulate.ts'

const draw = (seed: number | string, count: number) => {
  const random = seeded(seed)
  return Array.from({ length: count }, random)
}

describe('seeded', () => {
  it('gives the same sequence for the same seed, today and tomorrow', () => {
    expect(draw(7, 5)).toEqual(draw('7', 5))
    expect(draw('isobench', 3)).toMatchInlineSnapshot(`
      [
        0.34458323405124247,
        0.9973829318769276,
        0.5914858249016106,
      ]
    `)
  })

  it('gives other sequences for near seeds', () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => draw(seed, 1)[0])
    expect(new Set(firsts).size).toBe(1000)
  })

  it('is uniform on [0, 1): ten bins within five standard deviations, and no correlation between neighbours', () => {
    const values = draw('uniform', 100_000)
    const bins = new Array<number>(10).fill(0)
    for (const value of values) bins[Math.floor(value * 10)]!++
    for (const count of bins) expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt(9000))
    let product = 0
    for (let i = 1; i < values.length; i++) product += (values[i]! - 0.5) * (values[i - 1]! - 0.5)
    expect(Math.abs((12 * product) / values.length)).toBeLessThan(5 / Math.sqrt(values.length))
  })

  it('refuses a seed that is no number', () => {
    expect(() => seeded(Number.NaN)).toThrow(/expected a finite number/)
  })
})

describe('shuffled', () => {
  it('keeps the items, leaves the input alone, and repeats with the seed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const before = [...items]
        const result = shuffled(items, seeded(seed))
        expect(items).toEqual(before)
        expect([...result].sort()).toEqual([...items].sort())
        expect(shuffled(items, seeded(seed))).toEqual(result)
      }),
    )
  })

  it('gives each of the six orders of three items equally often', () => {
    const random = seeded('orders')
    const counts = new Map<string, number>()
    for (let i = 0; i < 12_000; i++) {
      const order = shuffled(['a', 'b', 'c'], random).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(2000))
  })
})

describe('pairedRounds', () => {
  it('has the ratio and the noise that were asked for', () => {
    const { native, platform, d } = pairedRounds({ rounds: 20_000, ratio: 1.2, cv: 0.1 }, seeded('ratio'))
    const mean = d.reduce((sum, value) => sum + value, 0) / d.length
    const variance = d.reduce((sum, value) => sum + (value - mean) ** 2, 0) / d.length
    expect(mean).toBeCloseTo(Math.log(1.2), 2)
    expect(Math.sqrt(variance)).toBeCloseTo(Math.sqrt(2 * Math.log1p(0.01)), 2)
    expect(d[3]).toBeCloseTo(Math.log(platform[3]! / native[3]!), 12)
  })

  it('shares its drift: native wanders, the pair hardly does', () => {
    const { native, d } = pairedRounds({ rounds: 50, cv: 0, drift: 0.1 }, seeded('drift'))
    expect(Math.max(...native) / Math.min(...native)).toBeGreaterThan(1.15)
    expect(Math.max(...d.map(Math.abs))).toBeLessThan(0.01)
  })

  it('has one-sided tails: a disturbance only makes a value worse', () => {
    const { native, platform } = pairedRounds({ rounds: 500, cv: 0, platformTailChance: 0.1 }, seeded('tails'))
    expect(native.every((value) => value === 100)).toBe(true)
    expect(Math.min(...platform)).toBe(100)
    const disturbed = platform.filter((value) => value > 100)
    expect(disturbed.length).toBeGreaterThan(25)
    expect(disturbed.length).toBeLessThan(80)
  })

  it('draws finite normal numbers even from a generator stuck at zero', () => {
    expect(Number.isFinite(gaussian(() => 0))).toBe(true)
    expect(() => pairedRounds({ rounds: 0 }, seeded(1))).toThrow(/expected an integer ≥ 1/)
    expect(() => pairedRounds({ rounds: 1, ratio: 0 }, seeded(1))).toThrow(/ratio > 0/)
  })
})
