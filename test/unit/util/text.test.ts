import { describe, expect, test } from 'vitest'
import { commandData, commandProperty } from '../../../src/reporters/annotation.ts'
import { csvField, escapeHtml, escapeMarkdown } from '../../../src/reporters/document.ts'
import { duration, formatChange, formatColumn, formatQuantity, formatRatios } from '../../../src/reporters/format.ts'
import { encodingProblem, pad, sanitize, truncate, widthOf, wrap } from '../../../src/util/text.ts'
import { hostile } from '../reporters/fixture.ts'

describe('text', () => {
  test.each([
    ['UTF-8', Buffer.from('\ufeffa\nü\n'), undefined],
    ['nothing', Buffer.alloc(0), undefined],
    ['Latin-1 in the first line', Buffer.from('\u00fc\na\n', 'latin1'), 'f:1'],
    ['Latin-1 in the last line', Buffer.from('a\n\n\u00fc', 'latin1'), 'f:3'],
    ['a sequence that a line feed cuts', Buffer.from([0x61, 0x0a, 0xc3, 0x0a, 0xbc]), 'f:2'],
    ['UTF-16', Buffer.from('\ufeffa\n\u00fc', 'utf16le'), 'f'],
    ['UTF-16 without a mark', Buffer.from('a\nb', 'utf16le'), 'f'],
  ])('encodingProblem says where it is not UTF-8: %s', (_, bytes, at) => {
    expect(encodingProblem('f', bytes)?.at).toBe(at)
  })

  test('plain leaves nothing that acts', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone
    expect(sanitize(hostile)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]|\p{Surrogate}|##\[/u)
    expect(sanitize('a\u202eb\u001b')).toBe('a\\u202eb\\x1b')
    expect(sanitize('::error::x')).toBe(': :error::x')
    expect(sanitize('fe80::a std::string')).toBe('fe80::a std::string')
  })

  test('sanitize shortens in the middle: the source and the cause stay', () => {
    const long = sanitize(`${'begin'.padEnd(500, '.')}${'.'.repeat(500)}: Operation not permitted`, 100)
    expect(long).toHaveLength(100)
    expect(long).toMatch(/^begin\.+…\.+: Operation not permitted$/)
    expect(sanitize('12345678', 8)).toBe('12345678')
    expect(sanitize('123456789', 8)).toBe('12…56789')
    expect(sanitize('x'.repeat(700))).toHaveLength(600)
  })

  test.each([
    ['ASCII', 'abc', 3],
    ['a wide ideograph', '漢', 2],
    ['a Hangul syllable', '한', 2],
    ['a Hangul syllable of three jamo', '\u1112\u1161\u11ab', 2],
    ['a fullwidth letter', 'Ａ', 2],
    ['a halfwidth kana', 'ｱ', 1],
    ['a letter with a combining accent', 'e\u0301', 1],
    ['two combining marks', 'o\u0302\u0323', 1],
    ['a zero-width space', '\u200b', 0],
    ['a soft hyphen', '\u00ad', 0],
    ['an emoji', '👍', 2],
    ['an emoji with a skin tone', '👍🏽', 2],
    ['a family joined by U+200D', '👨\u200d👩\u200d👧', 2],
    ['a flag', '🇩🇪', 2],
    ['a keycap', '1\ufe0f\u20e3', 2],
    ['a text symbol with emoji presentation', '❤\ufe0f', 2],
    ['the same symbol as text', '❤', 1],
    ['a watch, an emoji by default', '⌚', 2],
    ['an ambiguous sign', '±', 1],
    ['another ambiguous sign', '①', 1],
    ['a check mark', '✓', 1],
    ['a ballot', '✗', 1],
    ['a times sign', '×', 1],
    ['an arrow', '→', 1],
    ['an ellipsis', '…', 1],
    ['a bar', '▁', 1],
    ['a line of a box', '─', 1],
    ['a micro sign', 'µ', 1],
    ['a colored word', '\u001b[31mred\u001b[39m', 3],
  ])('%s has the width of a terminal', (_, text, width) => expect(widthOf(text)).toBe(width))

  test('pad and truncate count columns', () => {
    expect(pad('漢', 4, 'right')).toBe('  漢')
    expect(pad('e\u0301', 3)).toBe('e\u0301  ')
    expect([pad('abc', 2), truncate('abc', 3), truncate('abc', 2), truncate('abc', 1)]).toEqual([
      'abc',
      'abc',
      'a…',
      '…',
    ])
    expect([truncate('漢字漢字', 5), truncate('漢字漢字', 4), truncate('漢字', 1)]).toEqual(['漢字…', '漢…', '…'])
    expect([truncate('ab cd', 4), truncate('abc', 0)]).toEqual(['ab…', ''])
    expect(truncate('👨\u200d👩\u200d👧👍', 3)).toBe('👨\u200d👩\u200d👧…')
  })

  test('wrap breaks between words, and words that are too long', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
    expect(wrap('漢字漢字漢', 5)).toEqual(['漢字', '漢字', '漢'])
    expect(wrap('', 4)).toEqual([])
    expect(wrap('a b', 0)).toEqual(['a', 'b'])
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
