import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { Plan } from '../../../../src/core/model/plan.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { compareResults } from '../../../../src/core/records/compare.ts'
import { withFormerResults } from '../../../../src/core/watch/former-results.ts'
import { resultChanges, undecidedChanges, verdictChanges } from '../../../../src/core/watch/result-changes.ts'
import { aBench, aClaim, aPlan, benchId, costing, erratic, native, planWith } from '../judge/builders.ts'

const profile = { rounds: 5, warmup: 0, seconds: 1, timeout: 60 }
const plan = aPlan({ profile })
const recordOf = (samples: readonly Sample[], of: Plan = plan): RunRecord => ({
  file: 'x',
  environment: {} as RunRecord['environment'],
  plan: of,
  problems: [],
  samples,
  status: 'finished',
})
const casesOn = (...platforms: string[]) => new Map([[benchId, new Set(platforms)]])
const none = new Map()
const first = [...native(5), ...costing('runc', 1.2, { count: 5 }), ...costing('gvisor', 3, { count: 5 })]
const kept = first.filter(({ platform }) => platform !== 'gvisor')
/** The host is twice as slow by now. */
const again = (cost: number | ((round: number) => number), count = 5) => [
  ...costing('native', 2, { count, from: 5 }),
  ...costing('gvisor', (round) => 2 * (typeof cost === 'number' ? cost : cost(round)), { count, from: 5 }),
]
const allChangesOf = (samples: readonly Sample[], over: Partial<Parameters<typeof resultChanges>[2]> = {}) =>
  resultChanges(recordOf(first), recordOf(samples), {
    affected: casesOn('native', 'gvisor'),
    due: none,
    otherWork: new Set(),
    ...over,
  }).filter(({ metric }) => metric === 'latency')
const changesOf = (...of: Parameters<typeof allChangesOf>) =>
  allChangesOf(...of).filter(({ platform }) => platform !== 'native')

describe('a verdict on a change', () => {
  it.each([
    ['worse', 3.3],
    ['better', 2.7],
  ] as const)('is %s by the ratio to native, whatever the host does', (state, cost) => {
    const [change, ...rest] = changesOf([...kept, ...again(cost)])
    expect(rest).toEqual([])
    expect(change).toMatchObject({ platform: 'gvisor', state, of: 'ratio-to-native', rounds: 5, isInterim: false })
    expect(change!.ratio!.estimate).toBeCloseTo(cost / 3, 2)
    expect(change!.ratio!.low).toBeLessThan(cost / 3)
    expect(change!.ratio!.high).toBeGreaterThan(cost / 3)
  })

  it('is the one of isobench compare with a margin of 0', () => {
    const [change] = changesOf([...kept, ...again(3.3)])
    const rows = compareResults(recordOf(first), recordOf(again(3.3)), { marginPercent: 0 })
    const row = rows.find(({ platform, metric }) => platform === 'gvisor' && metric === 'latency')!
    expect([row.change, row.ratio]).toEqual(['regressed', change!.ratio])
  })

  it('is unclear if noise hides it, and more rounds may show it', () => {
    const [change] = changesOf([...kept, ...again((round) => 3 * erratic(round))])
    expect(change!.state).toBe('unclear')
    expect(undecidedChanges([change!])).toEqual(casesOn('gvisor'))
    expect(undecidedChanges([{ ...change!, reason: { code: 'host-overloaded', run: 'current' } }])).toEqual(none)
  })

  it('is unclear without the need for more rounds if the change is tiny', () => {
    const [change] = changesOf([...kept, ...again(3)])
    expect(change!.state).toBe('unclear')
    expect(undecidedChanges([change!])).toEqual(none)
  })

  it('is not there before all rounds of the job are', () => {
    const [change] = changesOf([...kept, ...again(6, 4)], { due: casesOn('native', 'gvisor') })
    expect(change).toMatchObject({ state: 'measuring', rounds: 4 })
    expect(undecidedChanges([change!])).toEqual(none)
    expect(changesOf(kept, { due: casesOn('native', 'gvisor') })).toEqual([])
  })

  it('is marked if rounds were added to see it', () => {
    expect(changesOf([...kept, ...again(3.3, 6)])[0]).toMatchObject({ state: 'worse', rounds: 6, isInterim: true })
  })

  it('is about values if the bench does other work now, on native too', () => {
    const now = [...costing('native', 0.5), ...costing('runc', 0.6), ...costing('gvisor', 1.5)]
      .filter(({ round }) => round < 5)
      .map((sample) => ({ ...sample, workDigest: 'other work' }))
    const all = casesOn('native', 'runc', 'gvisor')
    const changes = allChangesOf(now, { affected: all, otherWork: new Set([benchId]) })
    expect(changes.map(({ platform, of }) => [platform, of])).toEqual([
      ['native', 'value'],
      ['runc', 'value'],
      ['gvisor', 'value'],
    ])
    expect(changes[0]!.ratio!.estimate).toBeCloseTo(0.5, 1)
    // The host of the builders drifts by more than that from round to round.
    expect(changes.map(({ state }) => state)).not.toContain('worse')
  })

  it('names native beside a changed platform only if the host changed', () => {
    const isNative = ({ platform }: { platform: string }) => platform === 'native'
    expect(allChangesOf([...kept, ...again(3.3)]).find(isNative)).toMatchObject({ state: 'worse', isAboutHost: true })
    const sameHost = [...costing('native', 1, { count: 5, from: 5 }), ...costing('gvisor', 3.3, { count: 5, from: 5 })]
    expect(allChangesOf([...kept, ...sameHost]).find(isNative)).toBeUndefined()
  })

  it('is new for a platform without former results, and nothing for one that the change did not reach', () => {
    const added = [...first, ...costing('crun', 1.1, { count: 5 })]
    const withCrun = aPlan({ profile, platforms: [...plan.platforms, { ...plan.platforms[1]!, name: 'crun' }] })
    const changes = resultChanges(recordOf(first), recordOf(added, withCrun), {
      affected: casesOn('native', 'crun'),
      due: none,
      otherWork: new Set(),
    })
    expect(changes.map(({ platform, metric, state, before }) => [platform, metric, state, before])).toEqual([
      ['crun', 'latency', 'new', undefined],
      ['crun', 'rate', 'new', undefined],
    ])
  })
})

describe('changed verdicts', () => {
  const reportOf = (percent: number) =>
    buildReport(recordOf(first, planWith(aClaim({ kind: 'withinNative', percent }))), { strict: false })

  it('are those of the same claim with another threshold', () => {
    expect(verdictChanges(reportOf(5), reportOf(50)).map((one) => [one.before.outcome, one.after.outcome])).toEqual([
      ['contradicted', 'holds'],
    ])
    expect(verdictChanges(reportOf(5), reportOf(5))).toEqual([])
  })
})

describe('former results', () => {
  const claims = [aClaim({ kind: 'withinNative', percent: 5 }, { on: { by: 'name', names: ['gvisor'] } })]
  const judged = (samples: readonly Sample[], due: ReadonlyMap<string, ReadonlySet<string>>) => {
    const of = aPlan({ profile, benches: [aBench({ claims })] })
    const { record, stale } = withFormerResults(recordOf(samples, of), first, due)
    return { report: buildReport(record, { strict: false }), record, stale }
  }

  it('stay with their verdict until the new ones are complete', () => {
    const { report, stale } = judged([...kept, ...again(1, 3)], casesOn('native', 'gvisor'))
    expect(report.claims.map(({ outcome }) => outcome)).toEqual(['contradicted'])
    // Native is not the platform that changed.
    expect(stale).toEqual(casesOn('gvisor'))
    const done = judged([...kept, ...again(1)], none)
    expect([done.report.claims[0]!.outcome, done.stale]).toEqual(['holds', none])
  })

  it('have the rounds that they were measured in, also if the new ones have the same numbers', () => {
    const fresh = [...costing('native', 50, { count: 2 }), ...costing('gvisor', 50, { count: 2 })]
    const { record, stale } = judged(fresh, casesOn('native', 'runc', 'gvisor'))
    expect(stale).toEqual(casesOn('native', 'runc', 'gvisor'))
    expect(new Set(record.samples)).toEqual(new Set(first))
  })

  it('do not stand in for a platform that has none', () => {
    const crun = costing('crun', 1.1, { count: 2, from: 5 })
    const natives = costing('native', 1, { count: 2, from: 5 })
    const { record, stale } = judged([...first, ...natives, ...crun], casesOn('native', 'crun'))
    expect(stale).toEqual(none)
    expect(new Set(record.samples)).toEqual(new Set([...first, ...natives, ...crun]))
  })
})
