import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { Report } from '../../../src/core/model/report.ts'
import { compareRecords, withBaseline } from '../../../src/core/records/compare.ts'
import { headlineOf } from '../../../src/reporters/headline/headline.ts'
import type { NextStep } from '../../../src/reporters/headline/next-steps.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { markdownHeadline } from '../../../src/reporters/markdown-headline.ts'
import { scaled } from '../core/judge/builders.ts'
import { contextOf, Memory, makeRecord, makeReport } from './fixture.ts'
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
    expect(text).toMatch(/^# isobench\n\n## ✗ FAIL: \d+ results are worse than claimed\n/)
    const [verdict, failure, matrix, folded] = ['## ✗ FAIL', '- ✗ **', '| platform |', '<details>'].map((one) =>
      text.indexOf(one),
    )
    expect([verdict, failure, matrix, folded]).toEqual([verdict, failure, matrix, folded].sort((a, b) => a! - b!))
    expect(text.split('<details>').length).toBe(text.split('</details>').length)
    expect(text.slice(text.indexOf('<summary>Claims'))).toContain('**fails the run**')
  })

  it('has every next step, the most urgent first', () => {
    const step = (kind: NextStep['kind']): NextStep => ({ kind, command: null, count: 2, of: 9 })
    const next = (['quiet', 'spread', 'decide', 'keep', 'platforms', 'details'] as const).map(step)
    const limits = { failures: 1, notes: 1, columns: 4, rows: 4 }
    const lines = markdownHeadline({ ...headlineOf(large, {}), next }, large, '/project', limits)
    expect(lines.filter((line) => line.startsWith('- Next: ')).map((line) => line.slice(8, 19))).toEqual([
      'stop other ',
      'more rounds',
      'more rounds',
      'keep a run ',
      '2 of 9 plat',
    ])
  })

  it('has at most 60,000 characters for 50 benches on 18 platforms, and names what it leaves out', async () => {
    const copies = Array.from({ length: 8 }, (_, at) => ({
      cases: large.cases.map((one) => ({
        ...one,
        case: `${at} ${one.case}`,
        bench: { ...one.bench, id: `${at} ${one.bench.id}`, name: `${one.bench.name} ${at}` },
      })),
      claims: large.claims.map((one) => ({
        ...one,
        case: one.case === null ? null : `${at} ${one.case}`,
        bench: { ...one.bench, id: `${at} ${one.bench.id}`, name: `${one.bench.name} ${at}` },
      })),
    }))
    const benches = copies.flatMap(({ cases }) => cases).slice(0, 50)
    const report = { ...large, cases: benches, claims: copies.flatMap(({ claims }) => claims) }
    const text = await written('markdown', report)
    expect(text.length).toBeGreaterThan(30_000)
    expect(text.length).toBeLessThanOrEqual(60_000)
    expect(text).toContain('Too long for this page: ')
    for (const part of ['More failures', 'Claims', 'Findings']) expect(text).toContain(`<summary>${part}</summary>`)
    expect(text.split('<details>').length).toBe(text.split('</details>').length)
  })

  it('has each regression once, also those that its head has no room for', async () => {
    const before = makeRecord(false)
    const now = {
      ...before,
      samples: before.samples.map((one) => (one.platform === 'native' ? one : scaled(one, 0.5))),
    }
    const comparison = compareRecords(before, now, { marginPercent: 5 })
    const report = withBaseline(buildReport(now, { strict: false }), comparison, false)
    const out = new Memory()
    const against = () => ({ name: 'main', report: buildReport(before, { strict: false }), comparison })
    await reporters.markdown!.create(contextOf(out, { against })).onFinish?.(report)
    const facts = [...out.text.matchAll(/^- ✗ \*\*(?!fails the run)(.*?)\*\*/gm)].map(([, title]) => title)
    expect(facts.length).toBeGreaterThan(2)
    expect(new Set(facts).size).toBe(facts.length)
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

  it('has no full stop between a problem and its fix', async () => {
    const problems = [{ file: 'benches/a.bench.ts', message: '1 has no unit.', fix: "write '1 ops/s'" }]
    expect(await written('github', { ...large, problems })).toContain("1 has no unit; fix: write '1 ops/s'")
    expect(await written('markdown', { ...large, problems })).toContain("1 has no unit; fix: write '1 ops/s'")
  })

  it('names files from the repository if the project is in a subfolder of it', async () => {
    const before = process.env.GITHUB_WORKSPACE
    process.env.GITHUB_WORKSPACE = '/'
    try {
      const lines = (await written('github', large)).trim().split('\n')
      expect(lines.length).toBeGreaterThan(3)
      for (const line of lines) expect(line).toMatch(/^::(error|notice) file=project\/benches\//)
    } finally {
      if (before === undefined) delete process.env.GITHUB_WORKSPACE
      else process.env.GITHUB_WORKSPACE = before
    }
  })
})
