import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { Report } from '../../../src/core/model/report.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { contextOf, Memory, makeReport } from './fixture.ts'
import { largeRecord } from './large-record.ts'

/** The limits of GitHub, with a run of 7 benches on 18 platforms on which much fails. */

const large = buildReport(
  largeRecord((_, platform) => (platform === 'native' ? 1 : 4)),
  { strict: false },
)

async function written(name: string, ...reports: Report[]): Promise<string> {
  const out = new Memory()
  const reporter = reporters[name]!.create(contextOf(out))
  for (const report of reports) await reporter.onFinish!(report)
  return out.text
}

describe('markdown', () => {
  it('begins with the verdict, what fails and the matrix; the rest is folded', async () => {
    const text = await written('markdown', large)
    expect(text).toMatch(/^# isobench\n\n## ✗ FAIL: \d+ results are not as claimed\n/)
    const [verdict, failure, matrix, folded] = ['## ✗ FAIL', '- ✗ **', '| platform |', '<details>'].map((one) =>
      text.indexOf(one),
    )
    expect([verdict, failure, matrix, folded]).toEqual([verdict, failure, matrix, folded].sort((a, b) => a! - b!))
    expect(text.split('<details>').length).toBe(text.split('</details>').length)
    expect(text.slice(text.indexOf('<summary>Claims'))).toContain('**fails the run**')
  })

  it('has at most 60,000 characters, and names what it leaves out', async () => {
    const many = { ...large, claims: Array.from({ length: 8 }, () => large.claims).flat() }
    const copies = Array.from({ length: 6 }, (_, at) =>
      large.cases.map((one) => ({ ...one, bench: { ...one.bench, id: `${at}#${one.bench.id}` } })),
    )
    const text = await written('markdown', { ...many, cases: copies.flat() })
    expect(text.length).toBeGreaterThan(30_000)
    expect(text.length).toBeLessThanOrEqual(60_000)
    expect(text).toContain('Too long for this page: ')
    expect(text.split('<details>').length).toBe(text.split('</details>').length)
  })
})

describe('pr', () => {
  it('is below 4,000 characters, with a marker, the verdict and the matrix', async () => {
    for (const report of [large, makeReport()]) {
      const text = await written('pr', report)
      expect(text).toMatch(/^<!-- isobench -->\n## ✗ FAIL: /)
      expect(text.length).toBeLessThan(4000)
      expect(text).toContain('| native |')
    }
  })
})

describe('github', () => {
  it('has at most ten annotations of a level: what fails, and one notice for the rest', async () => {
    const problems = Array.from({ length: 14 }, (_, at) => ({ file: `benches/${at}.bench.ts`, message: 'is broken' }))
    const lines = (await written('github', { ...large, problems })).trim().split('\n')
    expect(lines.filter((line) => line.startsWith('::error '))).toHaveLength(10)
    expect(lines.at(-2)).toMatch(/and \d+ more: see the summary$/)
    expect(lines.filter((line) => line.startsWith('::notice '))).toEqual([lines.at(-1)])
    expect(lines.at(-1)).toMatch(/title=isobench%3A FAIL::.* \d+ hold/)
  })
})
