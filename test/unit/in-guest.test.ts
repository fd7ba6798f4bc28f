import { expect, it } from 'vitest'
import { throughputOf } from '../../src/in-guest.ts'

it('the rate of a function in the guest is the inverse of its median time', () => {
  expect(throughputOf(0.25)).toBe(4000)
})

it.each([0, Number.NaN, -1])('a median of %s ms is no measurement', (median) => {
  expect(() => throughputOf(median)).toThrow(`the function takes ${median} ms`)
})
