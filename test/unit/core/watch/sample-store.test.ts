import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { Environment, Sample } from '../../../../src/core/model/record.ts'
import { figureChanges, verdictChanges } from '../../../../src/core/watch/changes.ts'
import { SampleStore } from '../../../../src/core/watch/sample-store.ts'
import { aBench, aClaim, aPlan, benchId, costing, native, planWith, withError } from '../judge/builders.ts'

const keptOf = (...samples: readonly Sample[][]) => {
  const kept = new SampleStore()
  for (const sample of samples.flat()) kept.add(sample)
  return kept
}
const reportOf = (samples: readonly Sample[], plan = planWith(aClaim({ kind: 'withinNative', percent: 5 }))) =>
  buildReport(
    { file: 'x', environment: {} as Environment, plan, problems: [], samples, status: 'finished' },
    { strict: false },
  )
const cells = (...platforms: string[]) => new Map([[benchId, new Set(platforms)]])
const of = (kept: SampleStore, platform: string) =>
  kept.samples.filter((sample) => sample.platform === platform).map(({ round }) => round)

describe('what is kept', () => {
  it('leaves warm-up out', () => {
    const warmup = { ...native(1)[0]!, round: -1, warmup: true }
    expect(keptOf([warmup]).samples).toEqual([])
    // A failed warm-up drops the step from the job, so its sample is the only one that says why.
    const kept = keptOf([
      { ...warmup, ...withError('no program', { kind: 'missing-program', program: 'fio' }) },
      { ...warmup, ...withError('it runs one program', { kind: 'unsupported' }) },
    ])
    expect(kept.samples).toHaveLength(2)
    expect([kept.nextRound(benchId), kept.rounds(benchId, 'native')]).toEqual([0, 0])
  })

  it('forgets all of a bench that is measured again', () => {
    const kept = keptOf(native(5), costing('runc', 1.1, { count: 5 }))
    kept.forget(cells('native', 'runc', 'gvisor'))
    expect(kept.samples).toEqual([])
    expect(kept.nextRound(benchId)).toBe(0)
  })

  it("keeps native's rounds that other platforms are paired with, and numbers the rounds of each platform", () => {
    const kept = keptOf(native(5), costing('runc', 1.5, { count: 5 }), costing('gvisor', 2, { count: 5 }))
    kept.forget(cells('native', 'gvisor'))
    expect([of(kept, 'native').length, of(kept, 'runc').length, of(kept, 'gvisor').length]).toEqual([5, 5, 0])
    const from = kept.nextRound(benchId)
    expect(from).toBe(5)
    // Native is twice as slow by now: a ratio that mixed the two would show it.
    for (const sample of costing('native', 2, { count: 5, from })) kept.add(sample)
    for (const sample of costing('gvisor', 6, { count: 5, from })) kept.add(sample)
    const [bench] = reportOf(kept.samples, aPlan({ benches: [aBench()] })).cases
    const ratio = (name: string) =>
      bench!.results.find(({ platform }) => platform === name)!.metrics.latency!.ratioToNative!.ratio
    expect(ratio('runc')).toBeCloseTo(1.5, 1)
    expect(ratio('gvisor')).toBeCloseTo(3, 1)
    // Again: what native left for nobody but the former gvisor goes with it.
    kept.forget(cells('native', 'gvisor'))
    expect(of(kept, 'native')).toEqual([0, 1, 2, 3, 4])
  })

  it('forgets what there is no more', () => {
    const kept = keptOf(native(2), costing('runc', 1, { count: 2 }))
    kept.keepOnly(new Set([benchId]), new Set(['native']))
    expect(of(kept, 'runc')).toEqual([])
    kept.keepOnly(new Set(), new Set(['native']))
    expect(kept.samples).toEqual([])
  })
})

describe('before → after', () => {
  const samples = [...native(), ...costing('runc', 1.2)]
  it('shows flipped verdicts of a changed threshold, and no figure', () => {
    const before = reportOf(samples)
    const after = reportOf(samples, planWith(aClaim({ kind: 'withinNative', percent: 50 })))
    expect(verdictChanges(before, after).map((one) => [one.before.outcome, one.after.outcome])).toEqual([
      ['contradicted', 'holds'],
    ])
    expect(figureChanges(before, after)).toEqual([])
    expect(verdictChanges(before, before)).toEqual([])
  })

  it('shows what was measured again, and what is new', () => {
    const before = reportOf(samples)
    const after = reportOf([...native(), ...costing('runc', 1.1), ...costing('gvisor', 3)])
    const shown = figureChanges(before, after).filter(({ metric }) => metric === 'latency')
    expect(shown.map(({ platform, before: old }) => [platform, old !== undefined])).toEqual([
      ['runc', true],
      ['gvisor', false],
    ])
  })
})
