import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { missingProgramProblems } from '../../../../src/core/judge/report.ts'
import { plannedSchedule } from '../../../../src/core/measure/planned-schedule.ts'
import type { ScheduledStep } from '../../../../src/core/measure/run-loop.ts'
import type { ScheduledPlan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import { planLooks, seeded } from '../../../../src/core/stats/index.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { undecidedText } from '../../../../src/reporters/stop.ts'
import { gaussian } from '../../../calibration/simulate.ts'
import { aBench, aClaim, aPlan, aPlatform, aSample, withError, withValues } from '../judge/builders.ts'

const within: Matcher = { kind: 'withinNative', percent: 5 }

function planFor(costs: Readonly<Record<string, number>>, over: Partial<ScheduledPlan> = {}): ScheduledPlan {
  const platforms = ['native', ...Object.keys(costs)].map((name) => aPlatform(name))
  const benches = [aBench({ claims: [aClaim(within, { on: { by: 'all' } })] })]
  return {
    ...aPlan({ platforms, benches }),
    profile: { rounds: 30, warmup: 1, seconds: 1, timeout: 60 },
    sequential: planLooks({ first: 10, last: 30 }),
    ...over,
  }
}

/** Measures a plan on a made-up host. */
function simulate(
  plan: ScheduledPlan,
  costs: Readonly<Record<string, number>>,
  { cv = 0.02, seed = 'run', isTimeUp = (_samples: readonly Sample[]): boolean => false } = {},
) {
  const random = seeded(seed)
  const samples: Sample[] = []
  // The clock shows 1 once the time is up.
  const now = () => (isTimeUp(samples) ? 1 : 0)
  const schedule = plannedSchedule(plan, { maxDuration: 0.5, now })
  let step = schedule.next(samples)
  for (; !('stopped' in step); step = schedule.next(samples)) {
    const { case: benchCase, platform, round } = step
    const latency = 20 * (costs[platform] ?? 1) * Math.exp(cv * gaussian(random))
    samples.push(
      aSample(platform, round, {
        case: benchCase.id,
        warmup: round < 0,
        ...withValues({ latency, rate: 1 / latency }),
      }),
    )
  }
  const ended = step.stopped
  const count = (platform: string) => samples.filter((one) => one.platform === platform && !one.warmup).length
  return { samples, ended, count, claims: judge(plan, samples).claims }
}

describe('the steps of a run', () => {
  it('are every cell in every round when there is one look', () => {
    const costs = { p0: 1, p1: 2 }
    const { sequential: _, ...plan } = planFor(costs)
    const { samples, ended } = simulate(plan, costs)
    expect(samples).toHaveLength(31 * 3)
    expect(ended).toEqual({ why: 'all-rounds', rounds: 30 })
  })

  it('leave out a case if the image lacks its program, from its first sample on', () => {
    const { sequential: _, ...plan } = planFor({ other: 1 })
    const samples: Sample[] = []
    const schedule = plannedSchedule(plan)
    const first = schedule.next(samples) as ScheduledStep
    samples.push(
      aSample('native', -1, {
        case: first.case.id,
        warmup: true,
        ...withError('no program', { kind: 'missing-program', program: 'fio' }),
      }),
    )
    expect(schedule.next(samples)).toMatchObject({ stopped: { why: 'all-rounds' } })
    const [problem, ...others] = missingProgramProblems({ plan, samples: [...samples, ...samples] })
    expect(problem!.message).toMatch(/runs fio, and the image has no such program/)
    expect(others).toEqual([])
  })

  it('leave out a platform that cannot do the work, from its first sample on, and no other', () => {
    const { sequential: _, ...plan } = planFor({ one: 1, two: 1 })
    const samples: Sample[] = []
    const visits: Record<string, number> = {}
    const schedule = plannedSchedule(plan)
    for (let step = schedule.next(samples); !('stopped' in step); step = schedule.next(samples)) {
      const { platform, round, case: benchCase } = step
      visits[platform] = (visits[platform] ?? 0) + 1
      samples.push(
        aSample(platform, round, {
          case: benchCase.id,
          ...(platform === 'one' && withError('no', { kind: 'unsupported' })),
        }),
      )
    }
    expect(visits).toEqual({ native: 31, one: 1, two: 31 })
  })

  it('leave out what is decided, and go on for the rest with native', () => {
    const costs = { same: 1, slow: 1.5, near: 1.05 }
    const { count, claims, ended } = simulate(planFor(costs), costs)
    expect(count('same')).toBe(10)
    expect(count('slow')).toBe(10)
    expect(count('near')).toBeGreaterThan(10)
    expect(count('native')).toBe(count('near'))
    expect(claims.slice(0, 2).map(({ outcome }) => outcome)).toEqual(['holds', 'contradicted'])
    expect(['all-decided', 'all-rounds']).toContain(ended.why)
  })

  it('never break a pair', () => {
    const costs = { p0: 1.03, p1: 1.06, p2: 1.5 }
    const { samples } = simulate(planFor(costs), costs, { cv: 0.05 })
    const native = new Set(samples.filter(({ platform }) => platform === 'native').map(({ round }) => round))
    for (const { round } of samples) expect(native.has(round)).toBe(true)
  })

  it('go on for both sides of a claim that compares two platforms', () => {
    const costs = { p0: 1, p1: 1.002 }
    const claims = [aClaim({ kind: 'betterThan', platform: 'p1', by: 1 }, { on: { by: 'name', names: ['p0'] } })]
    const plan = { ...planFor(costs), benches: [aBench({ claims })] }
    const { count } = simulate(plan, costs, { cv: 0.05 })
    expect([count('p0'), count('p1'), count('native')]).toEqual([30, 30, 30])
  })

  it('stop where the interval is a third of the margin, even if nothing is decided', () => {
    const costs = { p0: 1.0499 }
    const { ended, claims } = simulate(planFor(costs), costs, { cv: 0.005, seed: 'precise' })
    expect(ended.why).toBe('all-decided')
    expect(ended.rounds).toBeLessThan(30)
    expect(claims[0]!.outcome).toBe('inconclusive')
  })

  it.each([
    ['a margin', { kind: 'withinNative', percent: 5 }, 1.05],
    ['a factor', { kind: 'worseThan', platform: 'native', by: 2 }, 2],
    ['equality', { kind: 'betterThan', platform: 'native', by: 1 }, 1],
    ['a ranking', { kind: 'ranked', platforms: ['p0', 'native'] }, 1],
  ] as const)('stop at the first look if every round is exactly at %s', (_, matcher, cost) => {
    const costs = { p0: cost, p1: 1.01 }
    const claims = [aClaim(matcher, { on: { by: 'name', names: ['p0'] } })]
    const { ended, ...run } = simulate({ ...planFor(costs), benches: [aBench({ claims })] }, costs, { cv: 0 })
    expect(run.claims[0]).toMatchObject({ outcome: 'inconclusive', reason: { code: 'equals-margin' } })
    expect(ended).toEqual({ why: 'all-decided', rounds: 10 })
    expect(undecidedText(run.claims, ended.rounds)).toBe(
      '1 of 1 claims stayed undecided after 10 rounds; rounds like these never decide 1 of them: their values are ' +
        'exactly at the margin',
    )
  })

  it('go on if the values of some rounds are at the threshold, and those of others beyond it', () => {
    const costs = { runc: 2 }
    const claims = [aClaim({ kind: 'worseThan', platform: 'native', by: 2 })]
    const plan = { ...planFor(costs), benches: [aBench({ claims })] }
    const { ended, ...run } = simulate(plan, costs, { cv: 0.02 })
    expect(run.claims[0]).toMatchObject({ outcome: 'inconclusive' })
    expect(ended).toEqual({ why: 'all-rounds', rounds: 30 })
  })

  it('stop at the first look where there is no claim', () => {
    const costs = { p0: 1 }
    const { ended } = simulate({ ...planFor(costs), benches: [aBench()] }, costs)
    expect(ended).toEqual({ why: 'all-decided', rounds: 10 })
  })

  it('are the same verdicts when the record is judged again', () => {
    const costs = { p0: 1, p1: 1.1, p2: 1.04 }
    const { samples, claims } = simulate(planFor(costs), costs, { cv: 0.04 })
    expect(judge(JSON.parse(JSON.stringify(planFor(costs))), samples).claims).toEqual(claims)
  })

  it('end with the point in hand when the time is up, and say what is open', () => {
    const costs = { p0: 1.04, p1: 1.04 }
    const { samples, ended, claims } = simulate(planFor(costs), costs, {
      cv: 0.05,
      isTimeUp: (taken) => taken.length >= 3 * 13 + 1,
    })
    expect(ended.why).toBe('time-up')
    expect(samples.length % 3).toBe(0)
    expect(undecidedText(claims, ended.rounds)).toMatch(
      /^2 of 2 claims stayed undecided after 13 rounds; about \d+ more/,
    )
  })

  it('save rounds, and call what a fixed number calls (40 simulated runs: CV 5 %, a slowdown of 15 %)', () => {
    const costs = { p0: 1.15 }
    let rounds = 0
    let called = 0
    for (let trial = 0; trial < 40; trial++) {
      const { ended, claims } = simulate(planFor(costs), costs, { cv: 0.05, seed: `saved ${trial}` })
      rounds += ended.rounds / 40
      if (claims[0]!.outcome === 'contradicted') called++
    }
    expect(called).toBeGreaterThanOrEqual(36)
    expect(rounds).toBeLessThan(18)
  })
})
