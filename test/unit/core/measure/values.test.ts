import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkValues, observationLists, ValueError } from '../../../../src/core/measure/values.ts'
import { higher, lower } from '../../../../src/dsl/metric.ts'

const metrics = { latency: lower('ms'), rate: higher('ops/s') }

describe('what a workload returns', () => {
  it('is taken as it is when it has a figure for each metric, 0 included', () => {
    expect(checkValues({ rate: 0, latency: 1.5 }, metrics)).toEqual({ latency: 1.5, rate: 0 })
  })

  it.each([
    Number.NaN,
    Infinity,
    -Infinity,
    Number.MAX_VALUE,
    1.1e100,
    -1,
    -0.1,
    undefined,
    '5',
    {},
    [],
    [-1],
    ['1'],
    [[1]],
    [1, Number.NaN],
    true,
    5n,
  ])('is refused, never taken as 0, when a figure is %s', (bad) => {
    expect(() => checkValues({ latency: 1, rate: bad }, metrics)).toThrow(ValueError)
    expect(() => checkValues({ latency: 1, rate: bad }, metrics)).toThrow(/"rate"/)
  })

  it('may have any size of which statistics can be made', () => {
    expect(checkValues({ latency: 1e100, rate: Number.MIN_VALUE }, metrics)).toEqual({ latency: 1e100, rate: 5e-324 })
  })

  it('has no value, rather than 0, for a metric that is null, and at least one value', () => {
    expect(checkValues({ latency: null, rate: 5 }, metrics)).toEqual({ rate: 5 })
    expect(observationLists({ latency: null, rate: [5, 6] }, metrics)).toEqual({ rate: [5, 6] })
    expect(() => checkValues({ latency: null, rate: null }, metrics)).toThrow(ValueError)
  })

  it('is the median of several figures, which are kept', () => {
    const given = { latency: [3, 1, 10], rate: 5 }
    expect(checkValues(given, metrics)).toEqual({ latency: 3, rate: 5 })
    expect(observationLists(given, metrics)).toEqual({ latency: [3, 1, 10] })
    expect(observationLists({ latency: 1, rate: 5 }, metrics)).toBeUndefined()
  })

  it('is refused with quotes if it is text', () => {
    expect(() => checkValues({ latency: 1, rate: '12' }, metrics)).toThrow(
      /^the metric "rate" is the text "12", which is no figure$/,
    )
    expect(() => checkValues({ latency: 1, rate: ['12'] }, metrics)).toThrow(/is \[ '12' \], which is no figure$/)
    expect(() => checkValues('12', metrics)).toThrow(/^the workload returned "12" rather than its metrics$/)
  })

  it('is refused with the fix if a promise is not awaited', () => {
    const refused = (rate: unknown) => {
      try {
        return checkValues({ latency: 1, rate }, metrics)
      } catch (error) {
        return error
      }
    }
    expect(refused(Promise.resolve(5))).toMatchObject({ message: 'the metric "rate" is a promise', fix: 'await it' })
    expect(refused([1, Promise.resolve(5)])).toMatchObject({
      message: 'the metric "rate" has a promise as one of its values',
      fix: 'await Promise.all(values)',
    })
  })

  it('is refused when a metric is missing, or one is too many', () => {
    expect(() => checkValues({ latency: 1 }, metrics)).toThrow(/"rate" is undefined/)
    expect(() => checkValues({ latency: 1, rate: 1, iops: 1 }, metrics)).toThrow(/"iops"/)
    expect(() => checkValues({ latency: 1, rate: 1, [Symbol.iterator]: 1 }, metrics)).not.toThrow()
  })

  it.each([undefined, null, 5, 'text'])('is refused when it is %s', (given) => {
    expect(() => checkValues(given, metrics)).toThrow(ValueError)
  })

  it('is refused or is one finite figure of at least 0 for each metric that is not null, whatever was returned', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ latency: fc.anything(), rate: fc.double() })), (given) => {
        try {
          const values = checkValues(given, metrics)
          const returned = given as Record<string, unknown>
          expect(Object.keys(values)).toEqual(['latency', 'rate'].filter((name) => returned[name] !== null))
          for (const value of Object.values(values)) expect(Number.isFinite(value) && value >= 0).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError)
        }
      }),
    )
  })

  it('is refused when it is an object that no text can be made of', () => {
    for (const latency of [Object.create(null), [[Object.create(null)]], { toString: 1, valueOf: 1 }])
      expect(() => checkValues({ latency, rate: 1 }, metrics)).toThrow(ValueError)
  })

  it('is reported on one line that a terminal may show', () => {
    expect(() => checkValues({ latency: '\u001b[31m\n', rate: 1 }, metrics)).toThrow('\\x1b[31m⏎')
  })

  it('is refused when one is too many that is called like a property of every object', () => {
    expect(() => checkValues({ latency: 1, rate: 1, constructor: 1 }, metrics)).toThrow(ValueError)
  })
})
