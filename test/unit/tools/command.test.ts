import { describe, expect, it } from 'vitest'
import { command, requireCount } from '../../../src/tools/command.ts'

describe('command', () => {
  it('keeps every argument as it is, and writes numbers in decimal', () => {
    expect(command('a b', '', '$HOME', "'x'", '*', 2, 0.5)).toEqual({
      argv: ['a b', '', '$HOME', "'x'", '*', '2', '0.5'],
    })
  })

  it('refuses an empty program', () => {
    expect(() => command('')).toThrow(TypeError)
    expect(() => command(undefined as unknown as string)).toThrow(TypeError)
  })

  it('refuses a NUL byte anywhere', () => {
    expect(() => command('a\0b')).toThrow(TypeError)
    expect(() => command('a', 'b\0')).toThrow(/NUL/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, null, {}])('refuses the argument %s', (arg) => {
    expect(() => command('a', arg as number)).toThrow(TypeError)
  })
})

describe('count', () => {
  it('passes whole numbers', () => {
    expect(requireCount('threads', 4)).toBe(4)
    expect(requireCount('ramp', 0, 0)).toBe(0)
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses %s', (value) => {
    expect(() => requireCount('threads', value)).toThrow('threads must be a whole number of at least 1')
  })
})
