/** The parts of a page, and the links to them. */

import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { renderPage } from '../../../../src/reporters/html/page.ts'
import { contextOf, Memory, makeRecord } from '../fixture.ts'
import { largeRecord } from '../large-record.ts'
import { failingPage, judged, pageOf, real } from './runs.ts'

const idsOf = (page: string): string[] => [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!)
const targetsOf = (page: string): string[] => [...page.matchAll(/ href="#([^"]*)"/g)].map(([, id]) => id!)

/** The record as it were if the margins of all claims were others. */
function withMargins(record: RunRecord, add: number): RunRecord {
  const edit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(edit)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, own]) => [key, key === 'percent' ? (own as number) + add : edit(own)]),
    )
  }
  const { benches, findings } = record.plan
  return {
    ...record,
    plan: {
      ...record.plan,
      benches: edit(benches) as typeof benches,
      findings: edit(findings) as typeof findings,
    },
  }
}

describe('warnings', () => {
  it('say that few rounds decide nothing, but not of published numbers, which have none', () => {
    const report = judged(real)
    const pageWith = (rounds: number) =>
      renderPage([{ ...report, profile: { ...report.profile, rounds } }], contextOf(new Memory()))
    expect(pageWith(2)).toContain('2 rounds cannot decide anything')
    expect(pageWith(0)).not.toContain('cannot decide anything')
  })
})

describe('links', () => {
  it.each([
    ['a run', () => pageOf(real)],
    ['a run that regressed', failingPage],
    ['a large run', () => pageOf(largeRecord())],
    ['hostile names', () => pageOf(makeRecord(true))],
    ['several records', () => pageOf(real, makeRecord(false), real)],
  ])('all lead somewhere, and ids are unique: %s', (_, page) => {
    const text = page()
    const ids = idsOf(text)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => !/^[\w.-]+$/.test(id))).toEqual([])
    expect(targetsOf(text).filter((target) => !ids.includes(target))).toEqual([])
  })

  it('lead to each bench, claim, finding and platform', () => {
    const report = judged(real)
    const ids = idsOf(pageOf(real))
    const count = (kind: string) => ids.filter((id) => id.startsWith(`${kind}-`)).length
    expect(count('bench')).toBe(new Set(report.cases.map(({ bench }) => bench.id)).size)
    expect(count('claim')).toBe(report.claims.length)
    expect(count('finding')).toBe(report.findings.length)
    expect(ids.filter((id) => /^platform-/.test(id))).toEqual(report.platforms.map(({ name }) => `platform-${name}`))
  })

  it('stay when margins are edited', () => {
    const [before, after] = [pageOf(real), pageOf(withMargins(real, 7))]
    expect(after).not.toBe(before)
    expect(idsOf(after)).toEqual(idsOf(before))
  })

  it('lead from cells of the matrix, from what fails, and from findings', () => {
    const page = failingPage()
    const fails = page.slice(page.indexOf('class="fails"'), page.indexOf('class="matrix"'))
    expect(targetsOf(fails)).toContain('finding-1')
    expect(targetsOf(fails).some((id) => id.startsWith('bench-prime-verification-'))).toBe(true)
    const matrix = page.slice(page.indexOf('class="matrix"'), page.indexOf('</table>'))
    expect(matrix).toMatch(/<td class="number bad"><a href="#bench-prime-verification-\w+">✗0\.45<\/a>/)
    expect(targetsOf(matrix)).toContain('platform-gvisor')
  })
})

describe('a page', () => {
  it('has each regression once', () => {
    const page = failingPage()
    const shown = page.replace(/<details>.*?<\/details>/gs, '')
    expect(shown.split('0.6 × the baseline main').length - 1).toBe(1)
    expect(shown).not.toContain('✗ regressed:')
  })

  it('folds what fails beyond the first ones', () => {
    const report = judged(makeRecord(false))
    const problems = Array.from({ length: 14 }, (_, at) => ({ file: `benches/${at}.bench.ts`, message: 'is broken' }))
    const page = renderPage([{ ...report, problems }], contextOf(new Memory()))
    expect(page).toMatch(/<details><summary>and \d+ more<\/summary><ul class="fails">.*benches\/13\.bench\.ts/s)
    expect(page.split('benches/13.bench.ts').length - 1).toBe(1)
  })

  it('has a style for every kind that a filter offers', () => {
    const page = failingPage()
    const values = new Set([...page.matchAll(/type="radio" name="[^"]+" value="([^"]+)"/g)].map(([, value]) => value!))
    values.delete('all')
    expect(values.size).toBeGreaterThan(8)
    for (const value of values) expect(page).toContain(`:has(input[value=${value}]:checked)`)
  })

  it('has headings without gaps', () => {
    for (const page of [failingPage(), pageOf(largeRecord())]) {
      const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level))
      for (const [at, level] of levels.entries()) expect(level - (levels[at - 1] ?? 0)).toBeLessThanOrEqual(1)
    }
  })

  it('has a picture of at most 340 units for phones beside each wide one', () => {
    const page = pageOf(largeRecord(), real)
    const widths = (part: string) => [...part.matchAll(/viewBox="0 0 (\d+) /g)].map(([, width]) => Number(width))
    const narrow = [...page.matchAll(/<div class="on-narrow">(.*?)<\/div>/gs)].flatMap(([, part]) => widths(part!))
    expect(narrow.length).toBeGreaterThan(10)
    expect(Math.max(...narrow)).toBe(340)
    // Outside of what phones do not show, no other picture is left.
    const left = page.replace(/<div class="on-(wide|narrow)">.*?<\/div>/gs, '')
    expect(widths(left).filter((width) => width > 340)).toEqual([])
  })
})
