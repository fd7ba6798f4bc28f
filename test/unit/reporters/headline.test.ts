import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import { legendText } from '../../../src/reporters/headline/cells.ts'
import { headlineOf } from '../../../src/reporters/headline/headline.ts'
import { matrixOf } from '../../../src/reporters/headline/matrix.ts'
import { largeRecord } from './large-record.ts'

const report = buildReport(largeRecord(), { strict: false })
const headline = headlineOf(report, {})

describe('the headline of a large run', () => {
  it('has each measured thing that fails once, with the claims and findings that say so', () => {
    const titles = headline.failures.map(({ bench, metric, subjects }) => [bench.name, metric, subjects.length])
    expect(new Set(titles.map(String)).size).toBe(titles.length)
    const prime = headline.failures.find(({ bench }) => bench.name === 'prime verification')!
    expect(prime).toMatchObject({ findings: [1], isOwn: true, direction: 'worse' })
    expect(prime.subjects.map(({ platforms }) => platforms[0])).toEqual([
      'docker-gvisor',
      'gvisor-ptrace',
      'user-mode-linux',
      'gvisor',
    ])
  })

  it('does not count claims about benches that were not asked for', () => {
    const { notAsked, ...asked } = headline.counts
    expect(notAsked).toBe(1)
    expect(Object.values(asked).reduce((sum, one) => sum + one, 0)).toBe(report.claims.length - 1)
  })

  it('has findings that say something, the lost ones first, and none that fail the run', () => {
    expect(headline.findings.map(({ kind, findings }) => [kind, ...findings.map(({ id }) => id)])).toEqual([
      ['lost', 3],
      ['lost', 16],
      ['improved', 8],
      ['improved', 12],
      ['improved', 14],
    ])
  })
})

describe('the matrix', () => {
  it('has native’s own values, and platforms that behave alike in one row', () => {
    const matrix = matrixOf(report, { columns: 9, rows: 12 })!
    expect(matrix.columns.map(({ label }) => label)).toContain('boot')
    expect(matrix.rows.length).toBeLessThanOrEqual(12)
    expect(matrix.rows.flatMap(({ platforms }) => platforms)).toHaveLength(17)
    expect(matrix.rows.find(({ platforms }) => platforms.includes('runc'))!.platforms).toContain('crun')
  })

  it('joins what is most alike if rows are scarce, and marks what fails', () => {
    const { columns, rows } = matrixOf(report, { columns: 7, rows: 6 })!
    expect(rows).toHaveLength(6)
    expect(rows.flatMap(({ platforms }) => platforms)).toHaveLength(17)
    const at = columns.findIndex(({ label }) => label === 'prime')
    const failing = rows.filter(({ cells }) => cells[at]!.fails).flatMap(({ platforms }) => platforms)
    expect(failing.sort()).toEqual(['docker-gvisor', 'gvisor', 'gvisor-ptrace', 'user-mode-linux'])
  })

  it('marks what regressed against the baseline, by the metric that regressed', () => {
    const regressions = [
      { case: 'benches/startup/ending.bench.ts#ending the guest', platform: 'crun', metric: 'share' },
    ]
    const { columns, rows } = matrixOf({ ...report, exit: { ...report.exit, regressions } }, { columns: 9, rows: 18 })!
    const at = columns.findIndex(({ label }) => label === 'ending')
    expect(rows.filter(({ cells }) => cells[at]!.fails).map(({ platforms }) => platforms)).toEqual([['crun']])
  })

  it('marks what fails in one case of a bench, also if another case is worse', () => {
    const platform = 'user-mode-linux'
    const cases = report.cases.filter(({ bench }) => bench.name === 'file throughput')
    const ratioOf = (one: (typeof cases)[number]) =>
      one.results.find((own) => own.platform === platform)!.metrics.bandwidth!.ratioToNative!.ratio
    const [, milder] = [...cases].sort((a, b) => ratioOf(a) - ratioOf(b))
    const regressions = [{ case: milder!.case, platform, metric: 'bandwidth' }]
    const { columns, rows } = matrixOf({ ...report, exit: { ...report.exit, regressions } }, { columns: 7, rows: 18 })!
    const at = columns.findIndex(({ detail }) => detail === 'worst of 2')
    const { cells } = rows.find(({ platforms }) => platforms.includes(platform))!
    expect(cells[at]).toMatchObject({ fails: true, ratio: { least: ratioOf(milder!) } })
  })

  it('says which platforms have emulated CPUs', () => {
    expect(legendText(matrixOf(report, { columns: 9, rows: 12 })!)).not.toContain('emulated')
    const platforms = report.platforms.map((one) =>
      ['runc', 'kata'].includes(one.name) ? { ...one, cpuMode: 'emulated' as const } : one,
    )
    const matrix = matrixOf({ ...report, platforms }, { columns: 9, rows: 12 })!
    expect(legendText(matrix)).toMatch(/; CPUs emulated in software: runc$/)
  })

  it('shows the worst case of a bench if there is no room for a column each', () => {
    const { columns } = matrixOf(report, { columns: 7, rows: 12 })!
    expect(columns).toHaveLength(7)
    expect(columns.find(({ label }) => label === 'throughput')!.detail).toBe('worst of 2')
  })
})
