import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { cell, table } from '../../../../src/reporters/html/elements.ts'
import { createScale, formatParameter, formatTick, linePath } from '../../../../src/reporters/html/scale.ts'
import { type Html, html, joinHtml, lines, pathData } from '../../../../src/reporters/html/tag.ts'

describe('the html tag', () => {
  it('escapes strings, in text and in attributes', () => {
    const value = `<b title="x" class='y'>&`
    const escaped = '&lt;b title=&quot;x&quot; class=&#39;y&#39;&gt;&amp;'
    expect(String(html`<p title="${value}">${value}</p>`)).toBe(`<p title="${escaped}">${escaped}</p>`)
  })

  it('keeps markup, joins arrays, and writes nothing for absent values', () => {
    expect(String(html`<p>${html`<b>${1}</b>`}</p>`)).toBe('<p><b>1</b></p>')
    expect(String(html`${[html`<i>a</i>`, '<', [2, ['b']]]}`)).toBe('<i>a</i>&lt;2b')
    expect(String(html`[${false}${null}${undefined}${''}${[]}]`)).toBe('[]')
    expect(String(html`${0}`)).toBe('0')
  })

  it('joins parts without the empty ones', () => {
    expect(String(lines(html`<p>a</p>`, undefined, false, '', html``, '<'))).toBe('<p>a</p>\n&lt;')
    expect(String(joinHtml([html`<b>a</b>`, null, 'b'], ' & '))).toBe('<b>a</b> &amp; b')
  })

  it('keeps strings and markup apart in types', () => {
    expectTypeOf<string>().not.toExtend<Html>()
    expectTypeOf<{ toString(): string }>().not.toExtend<Html>()
    expectTypeOf<Html>().not.toExtend<string>()
    expectTypeOf(html``).toEqualTypeOf<Html>()
    // @ts-expect-error a string is not markup
    const markup: Html = '<b>bold</b>'
    // @ts-expect-error markup is not a string, so a caller cannot write it into another string by mistake
    const text: string = html`<b>bold</b>`
    expect([markup, String(text)]).toEqual(['<b>bold</b>', '<b>bold</b>'])
  })

  it('escapes any text that contains no control character, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 100 }), (text) => {
        const escaped = String(html`${text}`)
        expect(escaped).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/)
      }),
    )
  })

  it('accepts path data of any length and nothing else', () => {
    const long = 'M1.5,2L-3,4e-7'.repeat(500)
    expect(String(pathData(long))).toBe(long)
    expect(() => pathData('M1 2"/><script>')).toThrow('not SVG path data')
  })
})

describe('a table', () => {
  it('escapes titles, caption and cells, and aligns a title with its numbers', () => {
    const text = String(table('<c>', ['', '<t>'], [{ cells: [cell('<x>'), cell(1, 'number')], kind: 'a"b' }]))
    expect(text).toContain('aria-label="&lt;c&gt;"')
    expect(text).toContain('<caption>&lt;c&gt;</caption>')
    expect(text).toContain('<td></td><th scope="col" class="number">&lt;t&gt;</th>')
    expect(text).toContain('<tr data-kind="a&quot;b"><td>&lt;x&gt;</td><td class="number">1</td></tr>')
  })
})

describe('a scale', () => {
  it('draws its ends at the ends of its range, in tenths of a pixel', () => {
    const scale = createScale({ low: 0, high: 3, from: 100, to: 200, tickCount: 4 })
    expect([0, 1, 3].map(scale.at)).toEqual([100, 133.3, 200])
    expect(scale.ticks).toEqual([0, 1, 2, 3])
  })

  it('marks powers of ten on a logarithmic axis, with 2 and 5 if they fit', () => {
    const ticksOf = (low: number, high: number, tickCount: number) =>
      createScale({ low, high, from: 0, to: 1, log: true, tickCount }).ticks
    expect(ticksOf(1, 100, 5)).toEqual([1, 2, 5, 10, 20, 50, 100])
    expect(ticksOf(1, 1e5, 5)).toEqual([1, 10, 100, 1000, 1e4, 1e5])
    expect(ticksOf(0.9, 1.3, 5)).toEqual([0.9, 1, 1.1, 1.2, 1.3])
  })

  it('draws values below a logarithmic axis at its end, and a single value at its start', () => {
    const scale = createScale({ low: 1, high: 100, from: 0, to: 10, log: true })
    expect([0, 1, 10, 100].map(scale.at)).toEqual([0, 0, 5, 10])
    const single = createScale({ low: 7, high: 7, from: 3, to: 10 })
    expect([single.at(7), single.ticks]).toEqual([3, [7]])
  })

  it('has few more ticks than fit, in ascending order within its ends', () => {
    const lowest = fc.double({ min: 1e-6, max: 1e9, noNaN: true })
    const ratio = fc.double({ min: 1.001, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(lowest, ratio, fc.integer({ min: 2, max: 10 }), fc.boolean(), (low, times, tickCount, log) => {
        const high = low * times
        const { ticks, at } = createScale({ low, high, from: 10, to: 90, log, tickCount })
        expect(ticks.length).toBeLessThanOrEqual(tickCount + 2)
        expect(ticks).toEqual([...new Set(ticks)].sort((x, y) => x - y))
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low * (1 - 1e-9))
          expect(tick).toBeLessThanOrEqual(high * (1 + 1e-9))
          expect(at(tick)).toBeGreaterThanOrEqual(10)
          expect(at(tick)).toBeLessThanOrEqual(90)
        }
      }),
    )
  })

  it('has paths of lines and of steps that go sideways first', () => {
    const points = [
      [0, 10],
      [5.25, 4],
    ] as const
    expect(String(linePath(points))).toBe('M0,10L5.3,4')
    expect(String(linePath(points, true))).toBe('M0,10L5.3,10L5.3,4')
  })

  it('labels ticks with decimal prefixes and sizes with binary ones', () => {
    expect([0.5, 2500, 25_000, 1e6, 1.5e6, 2e9].map(formatTick)).toEqual([
      '0.5',
      '2,500',
      '25 k',
      '1 M',
      '1.5 M',
      '2 G',
    ])
    expect([4096, 16 * 2 ** 20, 1000, 1500].map(formatParameter)).toEqual(['4 Ki', '16 Mi', '1,000', '1,500'])
  })
})
