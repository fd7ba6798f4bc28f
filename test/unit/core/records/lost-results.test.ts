import { describe, expect, test } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { type RunRecord, valuesOf } from '../../../../src/core/model/record.ts'
import { compareRecords, comparisonExit } from '../../../../src/core/records/compare.ts'
import type { Metric } from '../../../../src/dsl/metric.ts'
import { comparisonExitText, comparisonText } from '../../../../src/reporters/comparison.ts'
import { headlineOf } from '../../../../src/reporters/headline/headline.ts'
import { comparedText } from '../../../../src/reporters/headline/words.ts'
import { aBench, aPlan, aRecord, benchId, costing, native, withValues } from '../judge/builders.ts'

const before = aRecord({ samples: [...native(), ...costing('runc', 1.1), ...costing('gvisor', 3)] })
const options = { marginPercent: 5, allowDifferentHosts: false }
const wide = { width: 200, all: true }
const excludedBench = (bench: string) => ({ bench, reason: 'filter' as const })

describe('what the plan lacks now', () => {
  const metricsOf = (metrics: RunRecord['plan']['benches'][number]['metrics']) => ({
    ...before,
    plan: aPlan({ benches: [aBench({ metrics })] }),
  })
  const { latency, rate } = aBench().metrics as { latency: Metric; rate: Metric }
  const valuesAs = (record: RunRecord, from: string, to: string): RunRecord => ({
    ...record,
    samples: record.samples.map((sample) => {
      const { [from]: value, ...values } = valuesOf(sample)!
      return { ...sample, ...withValues({ ...values, [to]: value! }) }
    }),
  })

  test.each([
    ['unit', { ...latency, unit: 'us' }, 'unit changed: ms → us'],
    ['direction', { ...latency, better: 'higher' as const }, 'better is now higher, not lower'],
  ])('a metric with another %s is lost', (_, other, text) => {
    const comparison = compareRecords(before, metricsOf({ latency: other, rate }), options)
    const lost = comparison.rows.filter(({ change }) => change === 'lost')
    expect(lost.map(({ platform, metric }) => [platform, metric])).toEqual([
      ['native', 'latency'],
      ['runc', 'latency'],
      ['gvisor', 'latency'],
    ])
    expect(lost[0]!.reason).toEqual({ code: 'different-metric', baseline: latency, current: other })
    expect(comparisonExit(comparison, false)).toBe(1)
    expect(comparisonText(comparison, wide)).toContain(text)
  })

  test('a renamed metric is lost, and its new name is only in the current run', () => {
    const comparison = compareRecords(
      before,
      valuesAs(metricsOf({ delay: latency, rate }), 'latency', 'delay'),
      options,
    )
    expect(comparison.rows.flatMap(({ change, metric }) => (change === 'lost' ? metric : []))).toEqual([
      'latency',
      'latency',
      'latency',
    ])
    expect(comparison.onlyIn).toEqual({ baseline: [], current: [`${benchId} · delay`] })
    expect(comparisonExit(comparison, false)).toBe(1)
  })

  const withPlan = (plan: RunRecord['plan']): RunRecord => {
    const cases = new Set(plan.cases.map(({ id }) => id))
    return { ...before, plan, samples: before.samples.filter((one) => cases.has(one.case)) }
  }
  const other = aBench({ id: `${aBench().file}#other`, name: 'other' })
  const elsewhere = aBench({ id: 'else.bench.ts#other', file: 'else.bench.ts', name: 'other' })

  test.each([
    ['its file has another bench', aPlan({ benches: [other] })],
    ['another bench of its file is not selected', aPlan({ benches: [elsewhere], excluded: [excludedBench(other.id)] })],
    ['its parameters are gone', { ...aPlan(), cases: [] }],
  ])('a case is lost if %s', (_, plan) => {
    const comparison = compareRecords(before, withPlan(plan), options)
    expect(comparison.rows.filter(({ change }) => change === 'lost')).toHaveLength(6)
    expect(comparison.onlyIn.baseline).toEqual([])
    expect(comparisonExit(comparison, false)).toBe(1)
  })

  test('a case is lost if its file cannot be used', () => {
    const problems = [{ file: aBench().file, message: 'it has an error' }]
    const comparison = compareRecords(before, { ...withPlan(aPlan({ benches: [elsewhere] })), problems }, options)
    expect(comparison.rows.filter(({ change }) => change === 'lost')).toHaveLength(6)
  })

  test.each([
    ['its bench is not selected', aPlan({ benches: [other], excluded: [excludedBench(benchId)] })],
    ['no bench of its file is selected', aPlan({ benches: [elsewhere] })],
    ['its profile has other parameters', { ...aPlan({ profileName: 'full' }), cases: [] }],
  ])('a case is named and not lost if %s', (_, plan) => {
    const comparison = compareRecords(before, withPlan(plan), options)
    expect(comparison.rows).toEqual([])
    expect(comparison.onlyIn.baseline).toEqual(['native', 'runc', 'gvisor'].map((name) => `${benchId} on ${name}`))
    const headline = headlineOf(buildReport(before, { strict: false }), {
      baseline: { name: 'main', report: buildReport(before, { strict: false }), comparison },
      former: null,
    })
    expect(comparedText(headline)).toContain(`not measured now: ${benchId} on native, `)
  })
})

describe('a run that did not finish', () => {
  test.each([
    ['killed', 130],
    ['interrupted', 130],
    ['stopped', 5],
  ] as const)('is named, and has the exit code of judge: %s', (status, code) => {
    const comparison = compareRecords(before, { ...before, status }, options)
    expect(comparisonExit(comparison, false)).toBe(code)
    expect(buildReport({ ...before, status }, { strict: false }).exit.code).toBe(code)
    expect(comparisonText(comparison, wide)).toContain('Incomplete: the current run was ')
    expect(comparisonExitText(comparison, code)).toMatch(
      /^the current run was (killed|interrupted|stopped by an error)$/,
    )
  })

  test.each([
    ['the baseline was killed', { ...before, status: 'killed' as const }],
    ['lines of a record are missing', { ...before, plan: aPlan({ damagedLines: 2 }) }],
  ])('is no pass with --strict if it is the baseline: %s', (text, baseline) => {
    const comparison = compareRecords(baseline, before, options)
    expect([comparisonExit(comparison, false), comparisonExit(comparison, true)]).toEqual([0, 3])
    expect(comparisonExitText(comparison, 3)).toBe(`with --strict, ${text}`)
  })
})

test('does not say that no regression was found if everything is lost', () => {
  const failed = before.samples.map((one) => ({ ...one, outcome: { ok: false as const, error: 'it broke' } }))
  const comparison = compareRecords(before, { ...before, samples: failed }, options)
  expect(comparison.canTell).toBe(false)
  const text = comparisonText(comparison, wide)
  expect(text).not.toContain('o regression could be found')
  expect(text).toContain('6 lost')
  expect(comparisonExitText(comparison, comparisonExit(comparison, false))).toBe('something is no longer measured')
})
