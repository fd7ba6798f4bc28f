/** Hostile text anywhere in a report never creates an element or an attribute of the page. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../../src/core/model/report.ts'
import { renderPage } from '../../../../src/reporters/html/page.ts'
import { contextOf, Memory } from '../fixture.ts'
import { free, hostileText, withAddition } from '../hostile-report.ts'

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
