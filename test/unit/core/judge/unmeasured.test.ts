import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { Plan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { BenchData } from '../../../../src/core/model/suite.ts'
import { formatReason } from '../../../../src/reporters/format.ts'
import { headlineOf } from '../../../../src/reporters/headline/headline.ts'
import { verdictText } from '../../../../src/reporters/headline/words.ts'
import { aBench, aClaim, aPlan, aPlatform, aRecord, costing, native, steady, withError } from './builders.ts'

/** The exit of a run of these platforms with a claim in relation to native, and one about the value itself. */
function exitOf(samples: readonly Sample[], platforms: string[], named: string[], broken: string[] = []) {
  const claims = [
    aClaim({ kind: 'withinNative', percent: 50 }),
    aClaim({ kind: 'atMost', value: 1000 }, { on: { by: 'all' } }),
  ]
  const plan = aPlan({
    benches: [aBench({ claims })],
    namedPlatforms: named,
    platforms: platforms.map((name) => aPlatform(name, { available: !broken.includes(name) })),
  })
  return buildReport(aRecord({ plan, samples }), { strict: false }).exit
}

describe('a claim that lacks platforms', () => {
  const claimOf = (over: Partial<Plan>) => buildReport(aRecord({ plan: aPlan(over) }), { strict: false })

  it('names the platforms that cannot run the workload, as the verdict of the run does', () => {
    const claims = [aClaim({ kind: 'atMost', value: 1000 }, { on: { by: 'all' } })]
    const report = claimOf({
      benches: [aBench({ claims, workload: { name: 'disk', kind: 'snapshot', lifecycle: 'round' } })],
      namedPlatforms: ['bubblewrap'],
      platforms: [aPlatform('bubblewrap', { unsupportedWorkloads: ['snapshot'] })],
    })
    expect(report.claims[0]!.reason).toEqual({ code: 'workload-unsupported', platforms: ['bubblewrap'] })
    expect(report.exit).toMatchObject({ code: 4, unmeasured: ['bubblewrap'] })
    const headline = headlineOf(report, { former: null })
    expect(verdictText(headline)).toBe('bubblewrap has no snapshots')
    expect(headline.counts).toMatchObject({ notEvaluated: 1, notAsked: 0 })
  })

  it('says how many of the platforms that it needs the run has', () => {
    const claims = [aClaim({ kind: 'atMost', value: 1000 }, { on: { by: 'all' }, onAtLeast: 3 })]
    const plan = aPlan({ benches: [aBench({ claims })], platforms: ['native', 'runc'].map((name) => aPlatform(name)) })
    for (const latency of [20, 2000]) {
      const samples = [...steady('native', latency), ...steady('runc', latency)]
      const verdict = buildReport(aRecord({ plan, samples }), { strict: false }).claims[0]!
      expect(verdict).toMatchObject({
        outcome: 'not-evaluated',
        reason: { code: 'too-few-platforms', needed: 3, measured: 2 },
      })
      expect(formatReason(verdict.reason!)).toMatch(/^only 2 of 3 platforms: fewer platforms than the claim needs/)
    }
  })
})

describe('a run that was asked for platforms', () => {
  it('is clean if all were measured', () => {
    const exit = exitOf([...native(), ...steady('runc', 20)], ['native', 'runc'], ['native', 'runc'])
    expect(exit).toMatchObject({ code: 0 })
    expect(exit.unmeasured).toBeUndefined()
  })

  it('is not clean without native, although a claim about a value holds', () => {
    const exit = exitOf(steady('runc', 20), ['runc'], ['runc'])
    expect(exit).toMatchObject({ code: 4, unmeasured: ['native'] })
  })

  it('is not clean if one of them does not work or every sample failed', () => {
    const measured = [...native(), ...steady('runc', 20)]
    const all = ['native', 'runc', 'gvisor']
    expect(exitOf(measured, all, ['native', 'gvisor'], ['gvisor'])).toMatchObject({ code: 4, unmeasured: ['gvisor'] })
    const failed = steady('gvisor', 1).map((one) => ({ ...one, ...withError('no') }))
    expect(exitOf([...measured, ...failed], all, all)).toMatchObject({ code: 4, unmeasured: ['gvisor'] })
    // A platform of the config that nobody named may be missing.
    expect(exitOf(measured, all, [], ['gvisor'])).toMatchObject({ code: 0 })
  })

  it('is not clean if every sample of a claim failed, although nobody named the platform', () => {
    const measured = [...native(), ...steady('runc', 20)]
    const failed = steady('gvisor', 1).map((one) => ({ ...one, ...withError('no') }))
    const all = ['native', 'runc', 'gvisor']
    expect(exitOf([...measured, ...failed], all, [])).toMatchObject({ code: 4, unmeasured: ['gvisor'] })
    // One sample that failed is no reason.
    expect(exitOf([...measured, ...steady('gvisor', 20), failed[0]!], all, [])).toMatchObject({ code: 0 })
    const nativeFailed = native().map((one) => ({ ...one, ...withError('no') }))
    expect(exitOf([...nativeFailed, ...steady('runc', 20)], ['native', 'runc'], [])).toMatchObject({
      code: 4,
      unmeasured: ['native'],
    })
  })

  it('is not clean if the record has no sample of a case on a platform, as after lost lines', () => {
    const all = ['native', 'runc', 'gvisor']
    const claims = [
      aClaim({ kind: 'withinNative', percent: 50 }, { on: { by: 'all' } }),
      aClaim({ kind: 'atMost', value: 1000 }, { on: { by: 'all' } }),
    ]
    const plan = (casePlatforms?: Plan['casePlatforms']) =>
      aPlan({
        benches: [aBench({ claims })],
        platforms: all.map((name) => aPlatform(name)),
        ...(casePlatforms && { casePlatforms }),
      })
    const samples = [...native(), ...steady('runc', 20)]
    for (const strict of [false, true])
      expect(buildReport(aRecord({ plan: plan(), samples }), { strict }).exit).toMatchObject({
        code: 4,
        unmeasured: ['gvisor'],
      })
    expect(buildReport(aRecord({ plan: plan(), samples: steady('runc', 20) }), { strict: true }).exit).toMatchObject({
      code: 4,
    })
    // The plan measures the case on the others only.
    const others = Object.fromEntries(plan().cases.map(({ id }) => [id, ['native', 'runc']]))
    expect(buildReport(aRecord({ plan: plan(others), samples }), { strict: false }).exit.unmeasured ?? []).toEqual([])
  })

  it('keeps the code of a failure', () => {
    const exit = exitOf([...native(), ...steady('runc', 2000)], ['native', 'runc', 'gvisor'], ['gvisor'], ['gvisor'])
    expect(exit).toMatchObject({ code: 1, unmeasured: ['gvisor'] })
  })

  it('comes before a doubt with --strict, as it does without', () => {
    const claims = [aClaim({ kind: 'withinNative', percent: 5 })]
    const platforms = [aPlatform('native'), aPlatform('runc'), aPlatform('gvisor', { available: false })]
    const plan = aPlan({ benches: [aBench({ claims })], namedPlatforms: ['native', 'runc', 'gvisor'], platforms })
    const record = aRecord({ plan, samples: [...native(2), ...costing('runc', 1.02, { count: 2 })] })
    expect(buildReport(record, { strict: true }).claims[0]!.outcome).toBe('inconclusive')
    for (const strict of [false, true])
      expect(buildReport(record, { strict }).exit).toMatchObject({ code: 4, unmeasured: ['gvisor'] })
  })

  it('names no native that a claim compares with, but cannot do such work', () => {
    const claims = [aClaim({ kind: 'withinNative', percent: 5 }, { on: { by: 'all' } })]
    const benches = [aBench({ workload: { name: 'save', kind: 'snapshot', lifecycle: 'sample' }, claims })]
    const platforms = [aPlatform('native', { unsupportedWorkloads: ['snapshot'] }), aPlatform('gvisor')]
    const plan = aPlan({ benches, namedPlatforms: ['native', 'gvisor'], platforms })
    const report = buildReport(aRecord({ plan, samples: steady('gvisor', 20) }), { strict: false })
    expect(report.claims).toMatchObject([
      { platforms: ['gvisor'], reason: { code: 'workload-unsupported', platforms: ['native'] } },
    ])
    expect(report.exit.unmeasured ?? []).toEqual([])
  })

  it('is clean without native if no bench of the run can ever run on native', () => {
    const saving = { workload: { name: 'save', kind: 'snapshot', lifecycle: 'sample' } } as const
    const claims = [aClaim({ kind: 'atMost', value: 1000 }, { on: { by: 'all' } })]
    const cannotSave = { unsupportedWorkloads: ['snapshot'] } as const
    const exitOfBenches = (benches: BenchData[], named: string[]) => {
      const platforms = [aPlatform('native', cannotSave), aPlatform('lxc', cannotSave), aPlatform('gvisor')]
      const plan = aPlan({ benches, namedPlatforms: named, platforms })
      return buildReport(aRecord({ plan, samples: steady('gvisor', 20) }), { strict: false }).exit
    }
    const snapshots = aBench({ ...saving, claims })
    expect(exitOfBenches([snapshots], ['native', 'gvisor'])).toMatchObject({ code: 0 })
    // Nobody names another platform as a baseline.
    expect(exitOfBenches([snapshots], ['lxc', 'gvisor'])).toMatchObject({ code: 4, unmeasured: ['lxc'] })
    const other = aBench({ id: 'a.bench.ts#other', name: 'other' })
    expect(exitOfBenches([snapshots, other], ['native', 'gvisor'])).toMatchObject({ code: 4, unmeasured: ['native'] })
  })
})
