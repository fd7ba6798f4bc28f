import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { backgroundJob, casesFor, failedCases, jobForChange } from '../../../../src/core/watch/changes.ts'
import { SampleStore } from '../../../../src/core/watch/sample-store.ts'
import { aClaim, benchId, costing, native, planWith } from '../judge/builders.ts'
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
})

describe('a job', () => {
  const of = (point: string, ...platforms: string[]) => new Map([[point, new Set(platforms)]])

  it('has what the former one left, but no points that are gone, and leaves what it is given alone', () => {
    const cases = of(benchId, 'native', 'gvisor')
    const pending = new Map([...of(benchId, 'native', 'runc'), ...of(other, 'native'), ...of('gone', 'native')])
    const job = jobForChange(cases, pending, now)
    expect(asObject(job.cases)).toEqual({ [benchId]: ['native', 'runc', 'gvisor'], [other]: ['native'] })
    expect(job).toMatchObject({ rounds: 5, warmup: 1, fresh: true })
    expect(asObject(cases)).toEqual({ [benchId]: ['native', 'gvisor'] })
  })

  it('in the background is one round of what is undecided, up to four times the rounds', () => {
    const { record, store } = measured(5, 1.05, 3)
    const job = backgroundJob(record, store)
    expect(asObject(job!.cases)).toEqual({ [benchId]: ['native', 'runc'] })
    expect(job).toMatchObject({ rounds: 1, warmup: 0, fresh: false })
    const planned = (rounds: number) => ({
      ...record,
      plan: { ...record.plan, profile: { ...record.plan.profile, rounds } },
    })
    expect(backgroundJob(planned(1), store)).toBeDefined()
    store.add({ ...costing('runc', 1.05, { count: 1 })[0]!, round: 3 })
    expect(backgroundJob(planned(1), store)).toBeUndefined()
  })

  it('in the background is none when all is decided', () => {
    const { record, store } = measured(5, 1.5, 10)
    expect(backgroundJob(record, store)).toBeUndefined()
  })
})
