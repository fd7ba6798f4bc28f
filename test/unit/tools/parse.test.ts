import { describe, expect, it } from 'vitest'
import { at, jsonNumber, labelledNumber, parseJson, parseNumber, ToolOutputError } from '../../../src/tools/parse.ts'

describe('ToolOutputError', () => {
  it('has a code, the tool and the last three lines', () => {
    const error = new ToolOutputError('fio', 'no report', 'one\ntwo\nthree\nfour\n')
    expect(error).toMatchObject({
      code: 'ISOBENCH_TOOL_OUTPUT',
      tool: 'fio',
      tail: 'two\nthree\nfour',
      name: 'ToolOutputError',
    })
    expect(error.message).toBe('fio: no report. Its output ends with:\ntwo\nthree\nfour')
  })

  it('escapes what would drive a terminal, in the tail and in the problem', () => {
    const error = new ToolOutputError('x', 'bad \x1b[31m', 'a\x1b[2J\tb\u009b1m\u202e\r\nend\x07')
    expect(error.message).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
    expect(error.tail).toBe('a\\u001b[2J  b\\u009b1m\\u202e\\u000d\nend\\u0007')
  })

  it('cuts long lines and says when there was no output', () => {
    expect(new ToolOutputError('x', 'p', 'y'.repeat(10_000)).tail).toHaveLength(201)
    expect(new ToolOutputError('x', 'p', ' \n').message).toBe('x: p. The output is empty.')
  })
})

describe('labelledNumber', () => {
  const read = (output: string, unit?: string) => labelledNumber('t', output, 'rate', unit)

  it('reads the figure of a whole line', () => {
    expect(read('rate: 12.50\n')).toBe(12.5)
    expect(read('noise\n\t rate =  1e3 \nmore')).toBe(1000)
    expect(read('rate: 3 MiB/s', 'MiB/s')).toBe(3)
    expect(read('rate: 3s\n', 's')).toBe(3)
    expect(
      labelledNumber('t', 'rate: 5 (7.25 per sec)\n', { pattern: /rate: \d+ \(/, name: 'the rate' }, 'per sec)'),
    ).toBe(7.25)
  })

  it.each([
    ['cut off', 'rate: 12.5'],
    ['under another label', 'the rate: 1\nrate of x: 2\n'],
    ['with something after it', 'rate: 1 2\n'],
    ['negative', 'rate: -1\n'],
    ['not a number', 'rate: nan\n'],
    ['infinite', 'rate: 1e400\n'],
    ['hexadecimal', 'rate: 0x1\n'],
    ['there twice', 'rate: 1\nrate: 1\n'],
  ])('refuses a figure %s', (_, output) => {
    expect(() => read(output)).toThrow(ToolOutputError)
  })

  it.each(['rate: 3', 'rate: 3\n', 'rate: 3 Mi', 'rate: 3 MiB/', 'rate: 3 MB/s\n'])(
    'refuses another unit: %j',
    (output) => {
      expect(() => read(output, 'MiB/s')).toThrow(ToolOutputError)
    },
  )
})

describe('parseNumber', () => {
  const pattern = /^rate: (\S*)$/m

  it.each([
    ['12', 12],
    ['0.5', 0.5],
    ['1e-3', 0.001],
    ['1.5E6', 1_500_000],
    ['1,250', 1250],
    ['12,345,678.25', 12_345_678.25],
  ])('reads %s', (text, value) => {
    expect(parseNumber(`note\nrate: ${text}\nmore`, pattern)).toBe(value)
    expect(parseNumber(`rate: ${text}`, /^rate: (\S*)$/g)).toBe(value)
  })

  it.each([
    '1,5',
    '1,2345',
    '1.234,5',
    '12,34,567',
    '1_000',
    '-1',
    '',
    '-',
    'nan',
    'inf',
    '1e999',
    '0x10',
    '12k',
    '1.2.3',
  ])('refuses %j, which is no number or another one', (text) => {
    expect(() => parseNumber(`rate: ${text}\n`, pattern)).toThrow(ToolOutputError)
  })

  it('refuses an output that does not match, or twice', () => {
    expect(() => parseNumber('rate 5\n', pattern)).toThrow('the output does not match /^rate: (\\S*)$/m')
    expect(() => parseNumber('rate: 5\nrate: 5\n', pattern)).toThrow('matches /^rate: (\\S*)$/m 2 times')
    // The first group takes no part in the match.
    expect(() => parseNumber('b5', /a(\d)|b(\d)/)).toThrow('does not match')
  })
})

describe('parseJson', () => {
  it('finds the object between notes', () => {
    expect(parseJson('t', '{"a":{}}')).toEqual({ a: {} })
    expect(parseJson('t', 'note: {x}\n{\n "a": "}\\"{",\n "b": [{}]\n}\nbye }\n')).toEqual({ a: '}"{', b: [{}] })
  })

  it.each(['', 'x', '[1]', '{"a":1', '{"a":"}', '{"a":nan}', '{a}', '{"a":1}\n{"a":1}'])('refuses %j', (output) => {
    expect(() => parseJson('t', output)).toThrow(ToolOutputError)
  })
})

describe('at and numberAt', () => {
  it('reads own properties only', () => {
    expect(at({ a: [{ b: 1 }] }, 'a', 0, 'b')).toBe(1)
    expect(at({ a: 1 }, 'a', 'b')).toBeUndefined()
    expect(at({}, 'constructor', 'length')).toBeUndefined()
    expect(at(null, 'a')).toBeUndefined()
  })

  it.each([-1, '1', null, undefined, Number.NaN, {}, true])('refuses %s as a figure', (a) => {
    expect(() => jsonNumber('t', 'out', { a }, 'a')).toThrow(ToolOutputError)
  })
})
