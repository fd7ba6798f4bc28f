import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changePoints, minSegment } from '../../../../src/core/stats/change-points.ts'
import { seeded } from '../../../../src/core/stats/index.ts'
import { gaussian } from '../../../calibration/simulate.ts'

const noise = (count: number, seed: string) => {
  const random = seeded(seed)
  return Array.from({ length: count }, () => 0.02 * gaussian(random))
}

/** Noise of 2 % with steps at some places. */
const stepped = (count: number, steps: Readonly<Record<number, number>>, seed = 'steps') =>
  noise(count, seed).map((value, at) =>
    Object.entries(steps).reduce((sum, [from, height]) => (at >= Number(from) ? sum + height : sum), value),
  )

const placesOf = (values: readonly number[]) => changePoints([values])[0]!.map(({ at }) => at)

test('no change point in values without a step, or in fewer than ten', () => {
  expect(changePoints([])).toEqual([])
  expect(placesOf([1, 1, 1, 1, 9, 9, 9, 9, 9])).toEqual([])
  expect(placesOf(Array.from({ length: 40 }, () => 1))).toEqual([])
})

test('one step and several', () => {
  expect(placesOf(stepped(40, { 25: 0.3 }))).toEqual([25])
  expect(placesOf(stepped(60, { 20: 0.3, 40: -0.25 }))).toEqual([20, 40])
  expect(placesOf([...Array(15).fill(1), ...Array(15).fill(5), ...Array(15).fill(2)])).toEqual([15, 30])
})

test('a step five runs ago is found, one four runs ago is not yet', () => {
  expect(placesOf(stepped(60, { 55: 0.3 }))).toEqual([55])
  expect(placesOf(stepped(60, { 56: 0.3 })).filter((at) => at > 55)).toEqual([])
})

test('the p-value of two separate levels is that of Mann and Whitney over the places, between both bounds', () => {
  const [point] = changePoints([[3, 1, 5, 2, 4, 13, 11, 15, 12, 14]])[0]!
  // One place: 2 of the 252 ways to split ten values. Shared by a family of one.
  expect(point).toEqual({ at: 5, pValue: expect.closeTo(2 / 252, 12), adjustedP: expect.closeTo(2 / 252, 12) })
})

test('with more quiet series beside it, a step needs more evidence', () => {
  const step = stepped(20, { 10: 0.045 })
  const quiet = Array.from({ length: 300 }, (_, at) => noise(20, `quiet ${at}`))
  const alone = changePoints([step])[0]![0]!
  const [among] = changePoints([step, ...quiet])
  expect(alone.adjustedP).toBe(alone.pValue)
  expect(among!.every(({ adjustedP }) => adjustedP > alone.adjustedP)).toBe(true)
})

test('each side of a change has at least five values, and nothing depends on the scale or on the direction', () => {
  const series = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 10, maxLength: 40 })
  fc.assert(
    fc.property(series, fc.constantFrom(1, -1, 3), (values, factor) => {
      const found = placesOf(values)
      const ends = [0, ...found, values.length]
      expect(ends.slice(1).every((end, at) => end - ends[at]! >= minSegment)).toBe(true)
      expect(placesOf(values.map((value) => factor * value))).toEqual(found)
    }),
    { numRuns: 60 },
  )
})
