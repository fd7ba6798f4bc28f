import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { plannedSchedule } from '../../../../src/core/measure/planned-schedule.ts'
import { stepsOfRound } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import { supportsDuet } from '../../../../src/core/project/duet.ts'
import { planLooks } from '../../../../src/core/stats/index.ts'
import { assignDuetCpus, duetAssignment } from '../../../../src/host/cpus.ts'
import { aBench, aClaim, aPlan, aPlatform, aSample, benchId, withValues } from '../judge/builders.ts'

const within = (names: string[]) => aClaim({ kind: 'withinNative', percent: 5 }, { on: { by: 'name', names } })

describe('a bench that is fit for a duet', () => {
  it('uses CPU or memory, and nothing that two guests contend for', () => {
    const isFit = (...tags: string[]) => supportsDuet(aBench({ tags }))
    expect([isFit('cpu'), isFit('memory', 'slow')]).toEqual([true, true])
    expect([isFit(), isFit('cpu', 'io'), isFit('memory', 'network'), isFit('startup')]).toEqual([
      false,
      false,
      false,
      false,
    ])
    const boot = { name: 'boot', kind: 'boot', lifecycle: 'sample' } as const
    expect(supportsDuet(aBench({ tags: ['cpu'], workload: boot }))).toBe(false)
  })
})

describe('the cores of a duet', () => {
  const alone = (cpu: number) => [cpu]
  const threads = (cpu: number) => [cpu % 4, (cpu % 4) + 4]

  it('are the last ones, disjoint, and leave the rest to clients', () => {
    expect(assignDuetCpus(1, [0, 1, 2, 3], alone)).toEqual([[3], [2]])
    expect(assignDuetCpus(2, [0, 1, 2, 3], alone)).toEqual([
      [2, 3],
      [0, 1],
    ])
    expect(duetAssignment([[3], [2]], [0, 1, 2, 3])).toEqual({ guest: [3, 2], client: [0, 1] })
    expect(duetAssignment([[1], [0]], [0, 1])).toEqual({ guest: [1, 0], client: [1, 0] })
  })

  it('are never two threads of one core', () => {
    expect(assignDuetCpus(1, [0, 1, 2, 3, 4, 5, 6, 7], threads)).toEqual([[3], [2]])
    expect(() => assignDuetCpus(1, [0, 4], threads)).toThrow(/this host has 2 on 1 core/)
  })

  it('are refused where they are too few, with what to do', () => {
    expect(() => assignDuetCpus(2, [0, 1, 2], alone)).toThrow(/two guests at once .* 2 CPUs each, but this host has 3/)
  })
})

describe('a plan with a duet', () => {
  const plan = aPlan({ duet: [benchId] })

  it('runs native beside each of the others, and gives native no own steps', () => {
    const steps = stepsOfRound(plan, 0)
    expect(steps.map(({ platform }) => platform).sort()).toEqual(['gvisor', 'runc'])
    expect(steps.every(({ duetWith: beside }) => beside === 'native')).toBe(true)
  })

  it('measures native as ever where there is nothing else, or no native', () => {
    const only = (...names: string[]) => stepsOfRound({ ...plan, platforms: names.map((name) => aPlatform(name)) }, 0)
    expect(only('native')).toMatchObject([{ platform: 'native' }])
    expect(only('runc', 'gvisor').every(({ duetWith: beside }) => beside === undefined)).toBe(true)
  })

  it('goes on with native beside another when native alone is undecided', () => {
    const claims = [aClaim({ kind: 'atMost', value: 20 }, { on: { by: 'name', names: ['native'] } })]
    const wanted = {
      ...aPlan({ benches: [aBench({ claims })], duet: [benchId] }),
      profile: { rounds: 8, warmup: 0, seconds: 1, timeout: 60 },
      sequential: planLooks({ first: 6, last: 8 }),
    }
    const samples: Sample[] = []
    const schedule = plannedSchedule(wanted)
    for (let step = schedule.next(samples); !('stopped' in step); step = schedule.next(samples)) {
      const { round, platform } = step
      const latency = 20 + (round % 2 === 0 ? 1 : -1)
      samples.push(aSample('native', round, { duetWith: platform, ...withValues({ latency }) }))
    }
    expect(samples.filter(({ round }) => round === 7)).toHaveLength(2)
  })
})

describe('the samples of a duet', () => {
  /** The host is twice as slow while gvisor is measured, and native beside it as well. */
  const samples = Array.from({ length: 10 }, (_, round) => {
    const noise = 1 + ((round * 7) % 5) / 1000
    const at = (platform: string, beside: string, latency: number) =>
      aSample(platform, round, { duetWith: beside, ...withValues({ latency }) })
    return [
      at('native', 'runc', 20),
      at('runc', 'native', 20 * noise),
      at('native', 'gvisor', 40),
      at('gvisor', 'native', 40 * noise),
    ]
  }).flat()

  it('are compared with native of the same duet, never with another', () => {
    const benches = [aBench({ claims: [within(['runc', 'gvisor'])] })]
    const { claims } = judge(aPlan({ benches, duet: [benchId] }), samples)
    expect(claims.map(({ outcome, estimate }) => [outcome, estimate!.value.toFixed(2)])).toEqual([
      ['holds', '1.00'],
      ['holds', '1.00'],
    ])
  })

  it('of two platforms are compared round by round', () => {
    const claims = [aClaim({ kind: 'worseThan', platform: 'runc', by: 1.5 }, { on: { by: 'name', names: ['gvisor'] } })]
    const verdict = judge(aPlan({ benches: [aBench({ claims })] }), samples).claims[0]!
    expect(verdict).toMatchObject({ outcome: 'holds', estimate: { rounds: 10 } })
  })
})
