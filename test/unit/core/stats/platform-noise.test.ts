import { describe, expect, it } from 'vitest'
import { PlatformNoise, seeded } from '../../../../src/core/stats/index.ts'

/** A platform with one comparison for each ratio; the pool of an undefined one has no spread. */
function noiseWith(ratios: readonly (number | undefined)[]): PlatformNoise {
  const noise = new PlatformNoise()
  for (const [at, ratio] of ratios.entries()) noise.add([`c${at}`], ratio ?? 3, ratio === undefined ? 0 : 1)
  return noise
}

describe('PlatformNoise', () => {
  it('is the mean ratio of the other cases, at least 1', () => {
    expect(noiseWith([1, 5, 0.5, 1.5, 9]).factorWithout(['c4'], 3)).toBe(2)
    expect(noiseWith([0.25, 0.5, 7]).factorWithout(['c2'], 1)).toBe(1)
    expect(noiseWith([4]).factorWithout(['other'], 1)).toBe(4)
  })

  it('equals the mean of all other ratios over many blocks, also beside a huge one', () => {
    const random = seeded('blocks')
    const ratios = Array.from({ length: 1000 }, (_, at) => (at === 300 ? 1e15 : 1 + random()))
    const mean = (without: number) => {
      const others = ratios.filter((_, at) => at !== without)
      return others.reduce((sum, one) => sum + one, 0) / others.length
    }
    for (const at of [0, 255, 256, 300, 999])
      expect(noiseWith(ratios).factorWithout([`c${at}`], 3)! / mean(at)).toBeCloseTo(1, 13)
  })

  it('leaves out only comparisons about all of the cases', () => {
    const noise = new PlatformNoise()
    noise.add(['a', 'b'], 10, 1)
    noise.add(['a', 'c'], 4, 1)
    noise.add(['b', 'c'], 2, 1)
    expect(noise.factorWithout(['a', 'b'], 2)).toBe(3)
    expect(noise.factorWithout(['b', 'a'], 2)).toBe(3)
    expect(noise.factorWithout(['a'], 1)).toBe(2)
  })

  it('counts comparisons without a ratio among the others', () => {
    expect(noiseWith([2, undefined, 6]).factorWithout(['c0'], 2)).toBe(6)
    expect(noiseWith([2, undefined, 6]).factorWithout(['c0'], 3)).toBeUndefined()
    expect(noiseWith([undefined, undefined]).factorWithout(['c0'], 1)).toBe(1)
  })
})
