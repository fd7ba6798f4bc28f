import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { Environment, Sample } from '../../../../src/core/model/record.ts'
import { SampleStore } from '../../../../src/core/watch/sample-store.ts'
import { aBench, aClaim, aPlan, benchId, costing, native, planWith, withError } from '../judge/builders.ts'

const storeOf = (...samples: readonly Sample[][]) => {
  const store = new SampleStore()
  for (const sample of samples.flat()) store.add(sample)
  return store
}
const reportOf = (samples: readonly Sample[], plan = planWith(aClaim({ kind: 'withinNative', percent: 5 }))) =>
  buildReport(
    { file: 'x', environment: {} as Environment, plan, problems: [], samples, status: 'finished' },
    { strict: false },
  )
const casesOn = (...platforms: string[]) => new Map([[benchId, new Set(platforms)]])
const of = (store: SampleStore, platform: string) =>
  store.samples.filter((sample) => sample.platform === platform).map(({ round }) => round)

describe('a sample store', () => {
  it('leaves warm-up out', () => {
    const warmup = { ...native(1)[0]!, round: -1, warmup: true }
    expect(storeOf([warmup]).samples).toEqual([])
    // A failed warm-up drops the step from the job, so its sample is the only one that says why.
    const store = storeOf([
      { ...warmup, ...withError('no program', { kind: 'missing-program', program: 'fio' }) },
      { ...warmup, ...withError('it runs one program', { kind: 'unsupported' }) },
    ])
    expect(store.samples).toHaveLength(2)
    expect([store.nextRound(benchId), store.rounds(benchId, 'native')]).toEqual([0, 0])
  })

  it('forgets all of a bench that is measured again', () => {
    const store = storeOf(native(5), costing('runc', 1.1, { count: 5 }))
    store.forget(casesOn('native', 'runc', 'gvisor'))
    expect(store.samples).toEqual([])
    expect(store.nextRound(benchId)).toBe(0)
  })

  it("keeps native's rounds that other platforms are paired with, and numbers the rounds of each platform", () => {
    const store = storeOf(native(5), costing('runc', 1.5, { count: 5 }), costing('gvisor', 2, { count: 5 }))
    store.forget(casesOn('native', 'gvisor'))
    expect([of(store, 'native').length, of(store, 'runc').length, of(store, 'gvisor').length]).toEqual([5, 5, 0])
    const from = store.nextRound(benchId)
    expect(from).toBe(5)
    // Native is twice as slow by now: a ratio that mixed the two would show it.
    for (const sample of costing('native', 2, { count: 5, from })) store.add(sample)
    for (const sample of costing('gvisor', 6, { count: 5, from })) store.add(sample)
    const [bench] = reportOf(store.samples, aPlan({ benches: [aBench()] })).cases
    const ratio = (name: string) =>
      bench!.results.find(({ platform }) => platform === name)!.metrics.latency!.ratioToNative!.ratio
    expect(ratio('runc')).toBeCloseTo(1.5, 1)
    expect(ratio('gvisor')).toBeCloseTo(3, 1)
    // Again: what native left for nobody but the former gvisor goes with it.
    store.forget(casesOn('native', 'gvisor'))
    expect(of(store, 'native')).toEqual([0, 1, 2, 3, 4])
  })

  it('counts the rounds that a platform has together with native', () => {
    const store = storeOf(native(3), costing('runc', 1, { count: 2, from: 2 }))
    const counts = (platform: string) => [store.rounds(benchId, platform), store.pairedRounds(benchId, platform)]
    expect([counts('native'), counts('runc'), counts('gvisor')]).toEqual([
      [3, 3],
      [2, 1],
      [0, 0],
    ])
  })

  it('forgets what there is no more', () => {
    const store = storeOf(native(2), costing('runc', 1, { count: 2 }))
    store.keepOnly(new Set([benchId]), new Set(['native']))
    expect(of(store, 'runc')).toEqual([])
    store.keepOnly(new Set(), new Set(['native']))
    expect(store.samples).toEqual([])
  })
})
