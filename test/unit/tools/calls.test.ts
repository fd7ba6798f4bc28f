import { describe, expect, it } from 'vitest'
import { type CallName, calls } from '../../../src/tools/calls.ts'
import { ToolOutputError } from '../../../src/tools/parse.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

const output = fixture('isobench-calls.txt')
const names = Object.keys(calls.operations) as CallName[]

describe('isobench-calls', () => {
  it('is asked for what it takes', () => {
    const measurement = { names: ['getpid', 'pipe'], seconds: 0.05, folder: '/tmp' } as const
    expect(calls.measure(measurement).argv).toEqual(['isobench-calls', '0.05', '/tmp', 'getpid', 'pipe'])
    expect(() => calls.measure({ ...measurement, seconds: 0 })).toThrow('seconds must be 0.001 to 60, not 0')
    expect(() => calls.measure({ ...measurement, seconds: 61 })).toThrow(TypeError)
    expect(() => calls.measure({ ...measurement, names: [] })).toThrow(TypeError)
    expect(() => calls.measure({ ...measurement, names: ['toString' as CallName] })).toThrow(/no operation "toString"/)
  })

  it('is read, every operation that the program has', () => {
    const read = calls.parse(output, names)
    expect(Object.keys(read)).toEqual(names)
    expect(read.getpid).toBe(105.653)
    expect(read.contextSwitch).toBe(2066)
    expect(Object.keys(calls.parse(output, ['stat']))).toEqual(['stat'])
    expect(() => calls.parse(output, [])).toThrow(TypeError)
  })

  it('is refused without an operation that was asked for, and with a time of 0', () => {
    const without = output.replace('"stat"', '"state"')
    expect(() => calls.parse(without, ['stat'])).toThrow(/calls.stat.ns is missing/)
    expect(() => calls.parse(output.replace(/("stat": \{"ns": )[\d.]+/, '$10.000'), ['stat'])).toThrow(/stat.ns is 0/)
    // A name that every object has.
    expect(() => calls.parse(output, ['constructor' as CallName])).toThrow(ToolOutputError)
    expect(() => calls.parse('{"calls": "getpid"}\n', ['getpid'])).toThrow(/calls.getpid.ns is missing/)
  })

  it('is never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(output, (text) => calls.parse(text, names))
    expectRefusals(output, '105.653', (text) => calls.parse(text, ['getpid']))
  })
})
