/** Hostile text anywhere in a report never creates an element or an attribute of the page. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Report, reportSchema } from '../../../../src/core/model/report.ts'
import { renderPage } from '../../../../src/reporters/html/page.ts'
import { contextOf, Memory, makeReport } from '../fixture.ts'

type Path = readonly (string | number)[]

/** Replaces the strings of plain data. Keys below `metrics` and `params` are names, so they count as strings too. */
function mapStrings(value: unknown, replace: (text: string, path: Path) => string, path: Path = []): unknown {
  if (typeof value === 'string') return replace(value, path)
  if (Array.isArray(value)) return value.map((item, index) => mapStrings(item, replace, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  const named = ['metrics', 'params', 'mitigations'].includes(String(path.at(-1)))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      named ? replace(key, [...path, '*']) : key,
      mapStrings(item, replace, [...path, key]),
    ]),
  )
}

/** A path without indices and names: the same for every item of a list. */
const kindOf = (path: Path): string => path.map((part) => (typeof part === 'number' ? '[]' : part)).join('.')

const base = makeReport(false)

/** The kinds of paths at which the schema allows any text. Enumerations and the like keep their values. */
const free = new Set<string>()
{
  const kinds = new Map<string, string>()
  mapStrings(base, (text, path) => {
    kinds.set(kindOf(path), text)
    return text
  })
  for (const kind of kinds.keys()) {
    const changed = mapStrings(base, (text, path) => (kindOf(path) === kind ? `${text}!` : text))
    if (reportSchema.safeParse(changed).success) free.add(kind)
  }
}

/** The report with `addition` at the end of every text. Letters around it keep words such as `native` from matching. */
const withAddition = (addition: string): Report =>
  mapStrings(base, (text, path) => (free.has(kindOf(path)) ? `${text}x${addition}x` : text)) as Report

const pageOf = (...reports: Report[]): string => renderPage(reports, contextOf(new Memory()))

/** The elements of a page in their order: names, names of attributes, and the values of those that CSS or forms use. */
function structureOf(page: string): string[] {
  const structure: string[] = []
  const rest = page
    .replace(/^<!doctype html>/, '')
    .replace(/<style>.*?<\/style>/s, '')
    .replace(
      /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w-]+="[^"<>]*")*)\s*\/?>/g,
      (_, close: string, tag: string, rest: string) => {
        const attributes = [...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) =>
          ['class', 'name', 'value', 'data-kind', 'role', 'http-equiv', 'content'].includes(name!)
            ? `${name}=${value}`
            : name,
        )
        structure.push([`${close}${tag}`, ...attributes].join(' '))
        return ''
      },
    )
  expect(rest).not.toMatch(/[<>"]/)
  return structure
}

const dangerous = fc.constantFrom(
  ...['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '</style>', '</title>'],
  ...[
    '" onload="x',
    '<!--',
    '-->',
    ']]>',
    '&lt;',
    '&#60;b&#62;',
    '\u0000<b>',
    '\u2028<b>',
    '`',
    '${',
    '<svg/onload=x>',
  ],
)
const hostileText = fc
  .array(fc.oneof(dangerous, fc.string({ unit: 'binary', maxLength: 8 })), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join(''))

describe('hostile text in every field of a report', () => {
  const single = structureOf(pageOf(withAddition('')))
  const several = structureOf(pageOf(withAddition(''), withAddition('')))

  it('covers the texts of authors, guests and hosts', () => {
    for (const kind of ['environment.kernel', 'platforms.[].name', 'problems.[].message', 'record'])
      expect([...free]).toContain(kind)
    expect([...free].some((kind) => kind.startsWith('cases.') && kind.endsWith('metrics.*'))).toBe(true)
    expect([...free].some((kind) => kind.startsWith('findings.') && kind.endsWith('title'))).toBe(true)
    expect(single.length).toBeGreaterThan(500)
  })

  it('creates no element and no attribute', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(structureOf(pageOf(withAddition(text)))).toEqual(single)
      }),
      { numRuns: 10 },
    )
  }, 120_000)

  it('creates none if records are side by side', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const report = withAddition(text)
        expect(structureOf(pageOf(report, report))).toEqual(several)
      }),
      { numRuns: 3 },
    )
  }, 120_000)
})
