import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import {
  backgroundJob,
  brokenPlatforms,
  casesFor,
  differenceOf,
  existingCases,
  failedCases,
  jobForDue,
  unionOf,
} from '../../../../src/core/watch/changes.ts'
import { SampleStore } from '../../../../src/core/watch/sample-store.ts'
import { aClaim, aPlan, aPlatform, aSample, benchId, costing, native, planWith, withError } from '../judge/builders.ts'
import { other, snapshot } from './snapshot.ts'

const now = snapshot()
const all = ['native', 'runc', 'gvisor']
const asObject = (cases: ReadonlyMap<string, ReadonlySet<string>>) =>
  Object.fromEntries([...cases].map(([point, platforms]) => [point, [...platforms]]))
const measured = (percent: number, cost: number, rounds: number) => {
  const store = new SampleStore()
  for (const sample of [...native(rounds), ...costing('runc', cost, { count: rounds })]) store.add(sample)
  const plan = planWith(aClaim({ kind: 'withinNative', percent }))
  const environment = {} as RunRecord['environment']
  const record: RunRecord = { file: 'x', environment, plan, problems: [], samples: store.samples, status: 'finished' }
  return { record, store }
}
const reportOf = (...of: Parameters<typeof measured>) => buildReport(measured(...of).record, { strict: false })

describe('the cases of a decision', () => {
  it('are everything, or a bench on every platform, or a platform with native for every bench', () => {
    expect(asObject(casesFor({ what: 'all' }, now))).toEqual({ [benchId]: all, [other]: all })
    expect(asObject(casesFor({ what: 'measure', benches: [other], platforms: [] }, now))).toEqual({ [other]: all })
    expect(asObject(casesFor({ what: 'measure', benches: [other], platforms: ['runc'] }, now))).toEqual({
      [benchId]: ['native', 'runc'],
      [other]: all,
    })
  })

  it('are none of a platform or a bench that went away', () => {
    expect(asObject(casesFor({ what: 'measure', benches: ['gone'], platforms: [] }, now))).toEqual({})
    expect(asObject(casesFor({ what: 'measure', benches: [], platforms: ['gone'] }, now))).toEqual({
      [benchId]: ['native'],
      [other]: ['native'],
    })
  })
})

describe('what failed', () => {
  it('is every platform of a bench with a claim that does not hold', () => {
    expect(asObject(failedCases(reportOf(5, 1.5, 10), now))).toEqual({ [benchId]: all })
    expect(asObject(failedCases(reportOf(5, 1, 10), now))).toEqual({})
    expect(asObject(failedCases(undefined, now))).toEqual({})
  })

  it('is a bench with a failed sample too, although no claim is about it', () => {
    const { record } = measured(5, 1, 10)
    const failed = { ...record, plan: aPlan(), samples: [...record.samples, aSample('gvisor', 0, withError('no'))] }
    expect(asObject(failedCases(buildReport(failed, { strict: false }), now))).toEqual({ [benchId]: all })
  })

  it('is a platform that worked before the change', () => {
    const { record } = measured(5, 1, 10)
    const report = (available: boolean) => {
      const platforms = [aPlatform('native'), aPlatform('gvisor', { available })]
      return buildReport({ ...record, plan: aPlan({ platforms }) }, { strict: false })
    }
    expect(brokenPlatforms(report(false), report(true))).toEqual(['gvisor'])
    expect(brokenPlatforms(report(false), report(false))).toEqual([])
    expect(brokenPlatforms(report(false), undefined)).toEqual([])
  })
})

describe('cases and platforms', () => {
  const of = (entries: Record<string, readonly string[]>) =>
    new Map(Object.entries(entries).map(([id, names]) => [id, new Set(names)]))

  it('have a union and a difference, and leave what they are given alone', () => {
    const a = of({ x: ['native', 'runc'], y: ['native'] })
    const b = of({ x: ['runc', 'gvisor'], z: ['runc'] })
    expect(asObject(unionOf(a, b))).toEqual({ x: ['native', 'runc', 'gvisor'], y: ['native'], z: ['runc'] })
    expect(asObject(differenceOf(a, b))).toEqual({ x: ['native'], y: ['native'] })
    expect([asObject(a), asObject(b)]).toEqual([
      { x: ['native', 'runc'], y: ['native'] },
      { x: ['runc', 'gvisor'], z: ['runc'] },
    ])
  })

  it('are left out if they exist no more', () => {
    const cases = of({ [benchId]: ['native', 'gone'], gone: ['native'], [other]: ['gone'] })
    expect(asObject(existingCases(cases, now))).toEqual({ [benchId]: ['native'] })
  })
})

describe('a job', () => {
  const due = (...platforms: string[]) => new Map([[benchId, new Set(platforms)]])
  const storeOf = (...samples: readonly Sample[]) => {
    const store = new SampleStore()
    for (const sample of samples) store.add(sample)
    return store
  }

  it('has the rounds that results lack, with native', () => {
    const job = jobForDue(due('gvisor'), storeOf(), now)!
    expect(asObject(job.cases)).toEqual({ [benchId]: ['native', 'gvisor'] })
    expect(job).toMatchObject({ rounds: 5, warmup: 1, background: false })
    expect(job.done).toEqual(new Map([[benchId, 0]]))
    const store = storeOf(...native(3), ...costing('runc', 1, { count: 3 }), ...costing('gvisor', 2, { count: 5 }))
    // Two rounds of gvisor have no partner.
    expect(jobForDue(due('native', 'runc', 'gvisor'), store, now)!.done).toEqual(new Map([[benchId, 3]]))
  })

  it('is none if all rounds are there, and needs no partner if the config has no native', () => {
    const store = storeOf(...costing('runc', 1, { count: 5 }))
    expect(jobForDue(due('native', 'runc'), store, now)).toBeDefined()
    const alone = { ...now, platforms: new Map([['runc', 'r']]) }
    expect(jobForDue(due('runc'), store, alone)).toBeUndefined()
    expect(asObject(jobForDue(due('runc'), storeOf(), alone)!.cases)).toEqual({ [benchId]: ['runc'] })
  })

  it('in the background is one round of what is undecided, up to four times the rounds', () => {
    const { store } = measured(5, 1.05, 3)
    const job = backgroundJob(now, due('native', 'runc'), store)
    expect(asObject(job!.cases)).toEqual({ [benchId]: ['native', 'runc'] })
    expect(job).toMatchObject({ rounds: 1, warmup: 0, background: true })
    const planned = (rounds: number) => ({ ...now, profile: { ...now.profile, rounds } })
    expect(backgroundJob(planned(1), due('runc'), store)).toBeDefined()
    store.add({ ...costing('runc', 1.05, { count: 1 })[0]!, round: 3 })
    expect(backgroundJob(planned(1), due('runc'), store)).toBeUndefined()
  })

  it('in the background is none when all is decided', () => {
    expect(backgroundJob(now, new Map(), measured(5, 1.5, 10).store)).toBeUndefined()
  })
})
