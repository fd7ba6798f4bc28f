import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { emptyFilter, filterReport, matchesName, selectCases } from '../../../../src/core/watch/name-filter.ts'
import { aBench, aClaim, aFinding, aPlan, benchId, costing, native } from '../judge/builders.ts'

describe('a filter by name', () => {
  it.each([
    ['', 'disk', true],
    ['dis', 'disk', true],
    ['DIS', 'disk', true],
    ['^disk$', 'disk', true],
    ['^is', 'disk', false],
    ['disk|net', 'net', true],
    ['c++', 'c++ build', true],
    ['(cold)', 'boot (cold)', true],
    ['zzz', 'disk', false],
    ['[', 'disk', false],
  ])('"%s" selects "%s": %s', (pattern, name, expected) => {
    expect(matchesName(pattern, name)).toBe(expected)
  })
})

const disk = aBench({ params: { depth: [1, 2] } })
const net = aBench({ id: 'b.bench.ts#disk net', file: 'b.bench.ts', name: 'disk net' })
const [one, two] = [`${benchId} [depth=1]`, `${benchId} [depth=2]`]

describe('the cases in view', () => {
  const cases = new Map([
    [one, new Set(['native', 'runc', 'gvisor'])],
    [two, new Set(['native', 'gvisor'])],
    [net.id, new Set(['native'])],
  ])
  const selected = (platform: string, bench: string) =>
    Object.fromEntries([...selectCases(cases, { platform, bench }, [disk, net])].map(([id, names]) => [id, [...names]]))

  it('are those of matching benches on matching platforms, with native', () => {
    expect(selected('run', '')).toEqual({ [one]: ['native', 'runc'] })
    expect(selected('', 'net')).toEqual({ [net.id]: ['native'] })
    expect(selected('gvisor|native', '^disk$')).toEqual({ [one]: ['native', 'gvisor'], [two]: ['native', 'gvisor'] })
    expect(selected('', '')).toEqual({
      [one]: ['native', 'runc', 'gvisor'],
      [two]: ['native', 'gvisor'],
      [net.id]: ['native'],
    })
  })

  it('are none if nothing matches: native alone is not worth measuring', () => {
    expect(selected('zzz', '')).toEqual({})
    expect(selected('', 'zzz')).toEqual({})
  })
})

describe('the view of a report', () => {
  const claim = (name: string) => aClaim({ kind: 'withinNative', percent: 5 }, { on: { by: 'name', names: [name] } })
  const plan = aPlan({
    benches: [aBench({ claims: [claim('gvisor'), claim('runc')] })],
    findings: [aFinding([claim('gvisor')]), aFinding([claim('runc')], { id: 2 })],
  })
  const samples = [...native(), ...costing('runc', 1), ...costing('gvisor', 2)]
  const record: RunRecord = {
    file: 'x',
    environment: {} as RunRecord['environment'],
    plan,
    problems: [],
    samples,
    status: 'finished',
  }
  const report = buildReport(record, { strict: false })

  it('has the results, claims and findings of what matches, with the verdicts of the whole', () => {
    const view = filterReport(report, { platform: 'runc', bench: '' })
    expect(view.cases[0]!.results.map(({ platform }) => platform)).toEqual(['native', 'runc'])
    expect(view.claims.map(({ platforms }) => platforms)).toEqual([['runc'], ['runc']])
    expect(view.findings.map(({ id }) => id)).toEqual([2])
    for (const verdict of view.claims) expect(report.claims).toContain(verdict)
  })

  it('is empty if nothing matches, and whole without a filter', () => {
    expect(filterReport(report, { platform: '', bench: 'zzz' })).toEqual({ cases: [], claims: [], findings: [] })
    expect(filterReport(report, { platform: '', bench: '' })).toBe(report)
  })
})

it('an empty filter is one that no name matches, and lists the names', () => {
  const all = { benches: ['disk', 'net', 'disk'], platforms: ['native', 'runc'] }
  expect(emptyFilter({ platform: '', bench: 'zzz' }, all)).toEqual({
    what: 'bench',
    pattern: 'zzz',
    names: ['disk', 'net'],
  })
  expect(emptyFilter({ platform: 'zzz', bench: 'disk' }, all)).toMatchObject({ what: 'platform', pattern: 'zzz' })
  expect(emptyFilter({ platform: 'runc', bench: 'net' }, all)).toBeUndefined()
  expect(emptyFilter({ platform: '', bench: '' }, { benches: [], platforms: [] })).toBeUndefined()
})
