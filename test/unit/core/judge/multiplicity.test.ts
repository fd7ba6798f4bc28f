import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { buildReport, type Strictness } from '../../../../src/core/judge/report.ts'
import { extraRoundsNeeded } from '../../../../src/core/judge/tests.ts'
import type { ScheduledPlan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import { planLooks, seeded } from '../../../../src/core/stats/index.ts'
import { verdictNotes } from '../../../../src/reporters/summary.ts'
import { gaussian } from '../../../calibration/simulate.ts'
import {
  aBench,
  aClaim,
  aFinding,
  aPlan,
  aPlatform,
  aRecord,
  aSample,
  benchId,
  withError,
  withValues,
} from './builders.ts'

const within = { kind: 'withinNative', percent: 5 } as const
const names = (count: number) => Array.from({ length: count }, (_, at) => `p${at}`)

function planFor(platforms: readonly string[], over: Partial<ScheduledPlan> = {}): ScheduledPlan {
  const claims = [aClaim(within, { on: { by: 'name', names: platforms } })]
  return {
    ...aPlan({ platforms: ['native', ...platforms].map((name) => aPlatform(name)) }),
    benches: [aBench({ claims })],
    ...over,
  }
}

function noisy(costs: Readonly<Record<string, number>>, { count = 5, cv = 0.02, seed = 'noisy' } = {}): Sample[] {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, round) =>
    Object.entries({ native: 1, ...costs }).map(([platform, cost]) => {
      const latency = 20 * cost * Math.exp(cv * gaussian(random))
      return aSample(platform, round, withValues({ latency, rate: 1e6 / latency }))
    }),
  ).flat()
}

const equal = (platforms: readonly string[], cost = 1) => Object.fromEntries(platforms.map((name) => [name, cost]))

describe('many claims in one run', () => {
  it.each([1, 2, 10, 40])('a slowdown of 30 %% in five rounds is contradicted among %d', (count) => {
    const all = names(count)
    let called = 0
    for (let trial = 0; trial < 25; trial++) {
      const { claims } = judge(
        planFor(all),
        noisy({ ...equal(all), p0: 1.3 }, { seed: `${count} ${trial}`, cv: 0.015 }),
      )
      if (claims[0]!.outcome === 'contradicted' && claims[0]!.direction === 'worse') called++
    }
    expect(called).toBeGreaterThanOrEqual(24)
  })

  it('200 claims of noisy platforms that equal native do not fail a run of five rounds', () => {
    const all = names(200)
    let failed = 0
    let raw = 0
    for (let trial = 0; trial < 30; trial++) {
      const samples = noisy(equal(all), { seed: `equal ${trial}`, cv: 0.05 })
      const { claims } = judge(planFor(all), samples)
      if (claims.some(({ outcome }) => outcome === 'contradicted')) failed++
      if (claims.some(({ reason }) => reason?.code === 'multiplicity')) raw++
    }
    expect(failed).toBeLessThanOrEqual(1)
    expect(raw).toBeGreaterThan(0)
  }, 30_000)

  it('200 claims seldom fail a run if noise moves equal platforms almost to the margin', () => {
    const all = names(200)
    let failed = 0
    for (let trial = 0; trial < 30; trial++) {
      const { claims } = judge(planFor(all), noisy(equal(all), { seed: `great ${trial}`, cv: 0.15 }))
      if (claims.some(({ outcome }) => outcome === 'contradicted')) failed++
    }
    // At 1 % of runs, two of thirty happen once in thirty.
    expect(failed).toBeLessThanOrEqual(1)
  }, 30_000)

  it('what may be chance is in doubt, and says among how many', () => {
    const all = names(30)
    const costs = { ...equal(all), p0: 1.1 }
    const found = Array.from({ length: 40 }, (_, at) =>
      judge(planFor(all), noisy(costs, { seed: `doubt ${at}`, cv: 0.02 })),
    )
      .map(({ claims }) => claims[0]!)
      .find(({ reason }) => reason?.code === 'multiplicity')
    expect(found).toMatchObject({
      outcome: 'inconclusive',
      direction: null,
      reason: { code: 'multiplicity', tests: 30 },
    })
  })

  it('the same claim of a bench and two findings is one test; warnings and findings that never fail are none', () => {
    const claim = aClaim(within, { on: { by: 'name', names: ['p0'] } })
    const samples = noisy({ ...equal(names(30)), p0: 1.15 }, { cv: 0.01 })
    const many = aClaim(within, { on: { by: 'all' }, severity: 'warn' })
    const plan = { ...planFor(names(30)), benches: [aBench({ claims: [claim, many] })] }
    const findings = [
      aFinding([claim], { id: 1 }),
      aFinding([claim], { id: 2 }),
      aFinding([aClaim(within, { on: { by: 'all' } })], { id: 3, failOn: 'never' }),
    ]
    const { claims } = judge({ ...plan, findings }, samples)
    expect(claims.filter(({ platforms }) => platforms[0] === 'p0').map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 5 }, () => 'contradicted'),
    )
  })

  it('a claim that only warns is corrected among all claims of benches, because it is printed', () => {
    const all = names(60)
    const warn = aClaim(within, { on: { by: 'name', names: all }, severity: 'warn' })
    const plan = { ...planFor(all), benches: [aBench({ claims: [warn] })] }
    let [printed, doubted] = [0, 0]
    for (let trial = 0; trial < 40; trial++) {
      const { claims } = judge(plan, noisy(equal(all, 1.05), { seed: `warn ${trial}`, cv: 0.05 }))
      if (claims.some(({ outcome }) => outcome === 'contradicted')) printed++
      if (claims.some(({ reason }) => reason?.code === 'multiplicity' && reason.among === 'benches')) doubted++
    }
    expect(printed).toBeLessThanOrEqual(5)
    expect(doubted).toBeGreaterThan(0)
  })

  it('a finding that has the same claim twice is still judged', () => {
    const claim = aClaim(within, { on: { by: 'name', names: ['p0'] } })
    const { findings } = judge({ ...planFor(['p0']), findings: [aFinding([claim, claim])] }, noisy({ p0: 1 }))
    expect(findings[0]).toMatchObject({ outcome: 'holds', claims: [1, 2] })
  })
})

describe('a truth at half of the margin', () => {
  it('is contradicted in at most 0.5 % of runs, and says so where it is beyond the margin by itself', () => {
    const [half, looks] = [Math.sqrt(1.05), planLooks({ first: 6, last: 12 })]
    const found = Array.from({ length: 400 }, (_, at) => {
      const samples = noisy({ p0: half }, { seed: `half ${at}`, cv: 0.15, count: 12 })
      return judge(planFor(['p0'], { sequential: looks }), samples).claims[0]!
    })
    expect(found.filter(({ outcome }) => outcome === 'contradicted').length).toBeLessThanOrEqual(5)
    const near = found.find(({ reason }) => reason?.code === 'within-half-margin')
    expect(near).toMatchObject({ outcome: 'inconclusive', direction: null, extraRoundsNeeded: null })
  })
})

describe('repeated looks', () => {
  const looks = planLooks({ first: 6, last: 20 })
  const plan = planFor(['p0'], { sequential: looks })

  it('the first look that decides is the verdict, whatever came later', () => {
    const early = noisy({ p0: 1 }, { count: 12, cv: 0.01 })
    const { claims } = judge(plan, early)
    expect(claims[0]).toMatchObject({ outcome: 'holds' })
    // Without a drift, which would make the rounds depend on each other.
    const later = noisy({ p0: 1 }, { count: 20, cv: 3 }).filter(({ round }) => round >= 12)
    const again = judge(plan, [...early, ...later]).claims[0]!
    expect(again).toMatchObject({ outcome: 'holds', estimate: { rounds: claims[0]!.estimate!.rounds } })
  })

  it('rounds between two looks are not looked at, and before the first nothing is decided lightly', () => {
    const samples = noisy({ p0: 1.04 }, { count: 7, cv: 0.05 })
    expect(judge(plan, samples).claims[0]!.estimate!.rounds).toBe(6)
    const four = judge(plan, noisy({ p0: 2 }, { count: 4 })).claims[0]!
    expect(four).toMatchObject({ outcome: 'inconclusive', reason: { code: 'too-few-rounds' } })
  })

  it('a failed round is missing and does not move the looks', () => {
    const samples = noisy({ p0: 1.04 }, { count: 8, cv: 0.05 }).map((sample) =>
      sample.platform === 'p0' && sample.round === 2 ? { ...sample, ...withError('it broke') } : sample,
    )
    expect(judge(plan, samples).claims[0]!.estimate!.rounds).toBe(7)
  })

  it('says about how many more rounds would do', () => {
    const claim = judge(plan, noisy({ p0: 1.03 }, { count: 20, cv: 0.05, seed: 'near' })).claims[0]!
    expect(claim.outcome).toBe('inconclusive')
    expect(claim.extraRoundsNeeded).toBeGreaterThan(0)
  })

  it('says that more rounds alone do not decide a claim at its margin, instead of a number of thousands', () => {
    const at = (estimate: number) => ({ estimate, low: estimate - 0.01, high: estimate + 0.01, n: 10 })
    // The width of the interval shrinks with the root: 10 * (0.01 / 0.005)^2 = 40 rounds.
    expect(extraRoundsNeeded(at(0.045), [0.05])).toBe(30)
    expect(extraRoundsNeeded(at(0.0522), [0.05])).toBe(197)
    expect(extraRoundsNeeded(at(0.0521), [0.05])).toBe('too-many')
    expect(extraRoundsNeeded(at(0.05), [0.05])).toBe('too-many')
    expect(extraRoundsNeeded({ ...at(0.04), high: Infinity }, [0.05])).toBeNull()
  })
})

describe('a host that is too noisy for the margin', () => {
  const floors = (percent: number) => [{ case: benchId, metric: 'latency', logRatio: Math.log1p(percent / 100) }]
  const verdict = (cost: number, percent: number, cv = 0.005) =>
    judge(planFor(['p0'], { noiseFloors: floors(percent) }), noisy({ p0: cost }, { count: 10, cv })).claims[0]!

  it('is not evaluated, with the smallest margin that it can carry, and never a failure', () => {
    const reason = { code: 'noise-floor', smallestMarginPercent: expect.closeTo(12) }
    expect(verdict(1.08, 12)).toMatchObject({ outcome: 'not-evaluated', reason })
    expect(verdict(1.05, 12)).toMatchObject({ outcome: 'not-evaluated', reason })
  })

  it('changes nothing where the margin is above the noise, for what holds, and beyond the noise', () => {
    expect(verdict(1.08, 3).outcome).toBe('contradicted')
    expect(verdict(1.01, 12).outcome).toBe('holds')
    expect(verdict(1.3, 12)).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
  })
})

describe('a part of a record', () => {
  const all = names(30)
  const claimOn = (platforms: readonly string[]) => aClaim(within, { on: { by: 'name', names: platforms } })
  const plan = {
    ...planFor(all),
    benches: [aBench({ claims: [claimOn(all.slice(10))] })],
    findings: [aFinding([claimOn(all.slice(0, 10))], { id: 1 }), aFinding([claimOn(['p0'])], { id: 2 })],
  }
  const reportOf = (
    seed: string,
    options: Omit<Strictness, 'strict'> = {},
    excluded: ScheduledPlan['excluded'] = [],
  ) => {
    const samples = noisy({ ...equal(all), p0: 1.12 }, { seed, cv: 0.02 })
    return buildReport(aRecord({ plan: { ...plan, excluded }, samples }), { strict: false, ...options })
  }

  it('has the verdicts of the whole record, whichever findings are shown', () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const whole = reportOf(`part ${seed}`)
      const part = reportOf(`part ${seed}`, { shown: [2] })
      expect(part.findings.map(({ id }) => id)).toEqual([2])
      expect(part.findings[0]!.outcome).toBe(whole.findings[1]!.outcome)
      expect(part.exit.code).toBe(part.findings[0]!.failsRun ? 1 : 0)
      expect(part.exit.claims.every((index) => part.claims[index]!.finding === 2)).toBe(true)
      outcomes.add(part.findings[0]!.outcome)
    }
    // Alone, the claim of finding 2 would be contradicted in most of these runs.
    expect(outcomes).toContain('inconclusive')
  })

  it('is provisional if it is a shard: only the merged record fails', () => {
    const seed = Array.from({ length: 40 }, (_, at) => `shard ${at}`).find((one) => reportOf(one).exit.code === 1)!
    const report = reportOf(seed, {}, [{ bench: 'b.bench.ts#other', reason: 'shard' }])
    expect(report.exit).toMatchObject({ code: 0, claims: [], findings: [] })
    expect(verdictNotes(report)[0]).toContain('Provisional')
    expect(verdictNotes(reportOf(seed)).join()).not.toContain('Provisional')
  })
})
