import { describe, expect, it } from 'vitest'
import { backgroundPValue, expectedCount, largestCount } from '../../../../src/core/stats/background.ts'
import { seeded } from '../../../../src/core/stats/index.ts'

/** Poisson counts by waiting times. */
const poisson = (random: () => number, mean: number) => {
  let [time, count] = [0, -1]
  for (; time < mean; count++) time -= Math.log(1 - random())
  return count
}

/** Calls in bursts of ten. */
const bursts = (random: () => number, mean: number) => 10 * poisson(random, mean / 10)

const runs = 2000

/**
 * The share of seeded runs in which calls beyond the background are found.
 * @param extra calls of the work in each round
 */
function share(kind: typeof poisson, mean: number, rounds: number, extra: number): number {
  const random = seeded(`${kind.name} ${mean} ${rounds} ${extra}`)
  let found = 0
  for (let run = 0; run < runs; run++) {
    // Four recordings are as long as the work of a round.
    const counts = Array.from({ length: 4 * rounds }, () => kind(random, mean / 4))
    const work = Array.from({ length: rounds }, () => kind(random, mean) + extra)
    if (backgroundPValue(work, [{ counts, recordings: 4 * rounds }]) <= 0.01) found++
  }
  return found / runs
}

describe('calls beyond a background', () => {
  it.each([
    [poisson, 0.03, [1, 3, 10, 30]],
    [poisson, 0.3, [1, 3, 10, 30]],
    [poisson, 1, [1, 3, 10]],
    [poisson, 10, [1, 3, 10]],
    [poisson, 100, [1, 3, 10]],
    // The four recordings of one round show too few bursts.
    [bursts, 1, [10, 30]],
    [bursts, 10, [10]],
    [bursts, 100, [3, 10]],
  ])('are found in few runs without any: %o with %d calls a round', (kind, mean, counts) => {
    for (const rounds of counts) expect(share(kind, mean, rounds, 0), `${rounds} rounds`).toBeLessThan(0.035)
  })

  it.each([
    [poisson, 100, 1, 80],
    [poisson, 100, 10, 20],
    [poisson, 10, 10, 7],
    [bursts, 100, 10, 60],
    // A single call in every round, beside a background of rare bursts.
    [bursts, 0.5, 10, 1],
  ])('are found in most runs with some: %o with %d calls, in %d rounds with %d more', (kind, mean, rounds, extra) => {
    expect(share(kind, mean, rounds, extra)).toBeGreaterThan(0.85)
  })

  it('are those beyond what every recording has, if there are more of them than chance', () => {
    const barrier = (recordings: number) => [{ counts: new Array(40).fill(2), recordings }]
    expect(backgroundPValue([2, 2, 2, 2], barrier(4))).toBe(1)
    expect(backgroundPValue([2, 4, 2, 4], barrier(4))).toBeLessThan(0.001)
    expect(backgroundPValue([3], barrier(1))).toBeLessThan(0.02)
  })

  it('are those of a name that all rounds have and few recordings, in bursts of any size', () => {
    const idle = { counts: new Array<number>(20).fill(0), recordings: 20 }
    const pValue = (work: number[], burst: number) =>
      backgroundPValue(work, [{ counts: [burst, ...new Array<number>(49).fill(0)], recordings: 5 }, idle])
    for (const burst of [1, 4, 1000]) {
      expect(pValue([1, 1, 1, 1, 1], burst)).toBeCloseTo(0.0011, 3)
      expect(pValue([9, 9, 9, 9, 9], burst)).toBeCloseTo(0.0011, 3)
      expect(pValue([1000, 0, 0, 0, 0], burst)).toBeGreaterThan(0.1)
      expect(pValue([0, 0, 0, 0, 0], burst)).toBe(1)
    }
    expect(backgroundPValue([1], [{ counts: [], recordings: 1 }])).toBe(0)
  })

  it('are those of a name that no recording has, if the work is much shorter than each of many recordings', () => {
    const controls = (recordings: number) => [{ counts: new Array<number>(4000).fill(0), recordings }]
    for (const recordings of [1e-1, 1e-3, 1e-5]) {
      const [two, five] = [2, 5].map((rounds) => backgroundPValue(new Array(rounds).fill(1), controls(recordings)))
      expect(two).toBeLessThan(1e-5)
      expect(five).toBeLessThan(two!)
    }
  })

  it('have an expected and a largest count, each over as many recordings as the work is long', () => {
    const controls = [
      { counts: [1, 3], recordings: 4 },
      { counts: [0, 0, 6], recordings: 1 },
      { counts: [], recordings: 0 },
    ]
    expect(expectedCount(controls)).toBe(10)
    expect(largestCount(controls)).toBe(18)
    expect(backgroundPValue([5], [])).toBe(0)
  })
})
