import { describe, expect, it } from 'vitest'
import { plannedSchedule } from '../../../../src/core/measure/planned-schedule.ts'
import type { ScheduledPlan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { StopReason } from '../../../../src/core/reporter.ts'
import { planLooks } from '../../../../src/core/stats/index.ts'
import { aBench, aPlan, aPlatform, aSample } from '../judge/builders.ts'

const idOf = (name: string) => `a.bench.ts#${name}`

/**
 * Runs a plan of five rounds, one warm-up round and two platforms: twelve steps for each bench.
 * @param benches in their order, with the estimated and the real seconds of a step
 */
function run(
  benches: Readonly<Record<string, readonly [estimated: number, real: number]>>,
  maxDuration: number,
  over: Partial<ScheduledPlan> = {},
) {
  const names = Object.keys(benches)
  const plan: ScheduledPlan = {
    ...aPlan({
      benches: names.map((name) => aBench({ id: idOf(name), name })),
      platforms: [aPlatform('native'), aPlatform('runc')],
      blocks: names.map((name) => [idOf(name)]),
    }),
    profile: { rounds: 5, warmup: 1, seconds: 1, timeout: 60 },
    ...over,
  }
  let seconds = 0
  const stepSeconds = names.map((name) => benches[name]![0])
  const schedule = plannedSchedule(plan, { maxDuration: maxDuration * 1000, stepSeconds, now: () => seconds * 1000 })
  const samples: Sample[] = []
  const lefts: number[] = []
  let step = schedule.next(samples)
  for (; !('stopped' in step); step = schedule.next(samples)) {
    const { case: benchCase, platform, round, left } = step
    seconds += benches[benchCase.bench.slice(idOf('').length)]![1]
    samples.push(aSample(platform, round, { case: benchCase.id, warmup: round < 0 }))
    lefts.push(left)
  }
  const { notMeasured = [], ...stopped }: StopReason = step.stopped
  return {
    stopped,
    notMeasured: notMeasured.map((one) => [one.bench.slice(idOf('').length), one.seconds]),
    steps: names.map((name) => samples.filter((sample) => sample.case === idOf(name)).length),
    firstLeft: lefts[0],
    seconds,
  }
}

describe('a time budget', () => {
  it('measures everything if it fits', () => {
    expect(run({ a: [1, 1], b: [1, 1] }, 24)).toMatchObject({
      stopped: { why: 'all-rounds', rounds: 5 },
      notMeasured: [],
      steps: [12, 12],
    })
  })

  it('measures fewer benches in full, in their order, and a later one that fits into the rest', () => {
    expect(run({ a: [1, 1], b: [2, 2], c: [0.5, 0.5] }, 20)).toEqual({
      stopped: { why: 'time-up', rounds: 5 },
      notMeasured: [['b', 24]],
      steps: [12, 0, 12],
      firstLeft: 24,
      seconds: 18,
    })
  })

  it('gives up a bench that takes longer than estimated for one that fits', () => {
    const { steps, notMeasured } = run({ a: [1, 1], b: [0.5, 5], c: [0.5, 0.5] }, 25)
    // Its first round takes ten seconds, so six rounds do not fit. Then nothing else does.
    expect(steps).toEqual([12, 2, 0])
    expect(notMeasured).toEqual([
      ['b', 60],
      ['c', 6],
    ])
    expect(run({ a: [1, 1], b: [0.5, 5], c: [0.5, 0.5] }, 30)).toMatchObject({ steps: [12, 2, 12] })
  })

  it('corrects its estimates by what finished benches took', () => {
    const slow = run({ a: [1, 2], b: [1, 2], c: [0.25, 0.5] }, 40)
    expect([slow.steps, slow.notMeasured]).toEqual([[12, 0, 12], [['b', 24]]])
    const fast = run({ a: [2, 1], b: [2, 1] }, 30)
    expect([fast.steps, fast.notMeasured]).toEqual([[12, 12], []])
  })

  it('begins the first bench even if it does not fit, and stops after the case when the time is up', () => {
    expect(run({ a: [2, 2], b: [3, 3] }, 11)).toMatchObject({
      stopped: { why: 'time-up', rounds: 2 },
      notMeasured: [['b', 36]],
      steps: [6, 0],
      seconds: 12,
    })
  })

  it('counts a bench as not measured if only warm-up rounds fit', () => {
    expect(run({ a: [2, 2] }, 3)).toMatchObject({ stopped: { why: 'time-up', rounds: 0 }, notMeasured: [['a', 24]] })
  })

  it('goes on to the next interim look with what is measured', () => {
    const sequential = planLooks({ first: 2, last: 5, step: 3 })
    const { stopped, notMeasured, steps } = run({ a: [1, 1], b: [9, 9] }, 20, { sequential })
    expect([stopped.why, notMeasured.map(([name]) => name), steps]).toEqual(['all-decided', ['b'], [6, 0]])
  })
})
