import { describe, expect, test } from 'vitest'
import { commandData, commandProperty, csvField, escapeHtml, escapeMarkdown } from '../../../src/reporters/document.ts'
import { duration, formatChange, formatColumn, formatQuantity, formatRatios } from '../../../src/reporters/format.ts'
import { pad, sanitize, truncate, widthOf, wrap } from '../../../src/util/text.ts'
import { hostile } from '../reporters/fixture.ts'

describe('text', () => {
  test('plain leaves nothing that acts', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone
    expect(sanitize(hostile)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]|\p{Surrogate}|##\[/u)
    expect(sanitize('::error::x')).toBe(': :error::x')
    expect(sanitize('fe80::a std::string')).toBe('fe80::a std::string')
  })

  test('widths are those of a terminal', () => {
    expect([widthOf('abc'), widthOf('漢字'), widthOf('e\u0301'), widthOf('✓ µs'), widthOf('👍')]).toEqual([
      3, 4, 1, 4, 2,
    ])
    expect(pad('漢', 4, 'right')).toBe('  漢')
    expect(truncate('漢字漢字', 5)).toBe('漢字…')
    expect(truncate('abc', 3)).toBe('abc')
  })

  test('wrap breaks between words, and words that are too long', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
    expect(wrap('', 4)).toEqual([])
  })
})

describe('amounts', () => {
  test.each([
    [0.0000123, 's', '12.3 µs'],
    [812, 'us', '812 µs'],
    [1500, 'ms', '1.5 s'],
    [0, 'ms', '0 s'],
    [98_765.4, 'IOPS', '98,765 IOPS'],
    [12_345_678, 'B/s', '12,345,678 B/s'],
    [3, 'count', '3'],
  ])('%d %s is %s', (value, unit, text) => expect(formatQuantity(value, unit)).toBe(text))

  test('of a column share a unit unless they are too far apart', () => {
    expect(formatColumn([752, 20_160, null, 274_548], 'us')).toEqual(['0.752 ms', '20.2 ms', '–', '275 ms'])
    expect(formatColumn([1e-9, 3], 's')).toEqual(['1 ns', '3 s'])
  })

  test('ratios show what their intervals need', () => {
    const of = (ratio: number, low: number | null, high: number | null) => ({ ratio, low, high, rounds: 5 })
    expect(formatRatios([of(0.93, 0.91, 0.95), null])).toEqual([
      { ratio: '0.93', interval: '[0.91, 0.95]' },
      { ratio: '', interval: '' },
    ])
    expect(formatRatios([of(0.9991, 0.998, 1.001)])[0]).toEqual({ ratio: '0.999', interval: '[0.998, 1.001]' })
    expect(formatRatios([of(2, null, null)])[0]).toEqual({ ratio: '2.00', interval: '' })
  })

  test('changes and durations are words', () => {
    expect([formatChange(0.884), formatChange(1.05), formatChange(12.2), formatChange(1)]).toEqual([
      '11.6 % less',
      '5 % more',
      '12.2 times as much',
      'the same',
    ])
    expect([duration(45_000), duration(250_000), duration(3_900_000)]).toEqual(['45 s', '4 min 10 s', '1 h 5 min'])
  })
})

test('each format escapes what acts in it', () => {
  expect(escapeHtml(`<a b="c" d='e'>&`)).toBe('&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;')
  expect(escapeMarkdown('a|b <i> [x](y) @me')).toBe('a\\|b &lt;i&gt; \\[x\\](y) @\u200bme')
  expect([csvField('a"b,c'), csvField('=1+1'), csvField(-1), csvField('x')]).toEqual(['"a""b,c"', "'=1+1", '-1', 'x'])
  expect(commandData('50%\r\n')).toBe('50%25%0D%0A')
  expect(commandProperty('a:b,c')).toBe('a%3Ab%2Cc')
})
