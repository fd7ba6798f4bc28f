import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { aClaim, costing, planWith } from './builders.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }
const load = (foreign: number) => ({
  steal: 0,
  otherProcesses: foreign,
  otherProcessesOnClientCpus: null,
  cpuPressure: null,
  runnable: 1,
})

/** Others had `share` of the CPUs in the first so many of ten rounds of each; runc at `cost` times native's. */
function verdictOf(matcher: Matcher, cost: number, overloaded: { native: number; runc: number }, share = 0.6): string {
  const samplesOf = (platform: 'native' | 'runc', factor: number) =>
    costing(platform, factor).map((sample) =>
      sample.round < overloaded[platform] ? { ...sample, disturbed: true, load: load(share) } : sample,
    )
  const [claim] = judge(planWith(aClaim(matcher)), [...samplesOf('native', 1), ...samplesOf('runc', cost)]).claims
  const { outcome, reason } = claim!
  return [outcome, reason?.code, ...(reason && 'platforms' in reason ? reason.platforms : [])].filter(Boolean).join(' ')
}

describe('a claim on a host that mostly works for others', () => {
  it('is in doubt where most rounds of both sides contradict it', () => {
    expect(verdictOf(within, 2, { native: 6, runc: 6 })).toBe('inconclusive host-overloaded')
    expect(verdictOf({ kind: 'atMost', value: 1 }, 2, { native: 0, runc: 6 })).toBe('inconclusive host-overloaded')
  })

  it('is contradicted if half of the rounds had free CPUs, or others had less than half of the CPUs', () => {
    expect(verdictOf(within, 2, { native: 5, runc: 10 })).toBe('contradicted')
    expect(verdictOf(within, 2, { native: 10, runc: 5 })).toBe('contradicted')
    expect(verdictOf(within, 2, { native: 10, runc: 10 }, 0.4)).toBe('contradicted')
  })

  it('holds all the same: a crowd makes that harder, not easier', () => {
    expect(verdictOf(within, 1.001, { native: 10, runc: 10 })).toBe('holds')
  })

  it.each([
    ['worseThan', { kind: 'worseThan', platform: 'native', by: 1.5 }, 2],
    ['betterThan', { kind: 'betterThan', platform: 'native', by: 1.5 }, 0.5],
    ['atMost', { kind: 'atMost', value: 1e6 }, 1],
    ['atLeast', { kind: 'atLeast', value: 1 }, 1],
    ['ranked', { kind: 'ranked', platforms: ['native', 'runc'] }, 2],
  ] as [string, Matcher, number][])('does not hold by the load alone: %s', (_, matcher, cost) => {
    expect(verdictOf(matcher, cost, { native: 10, runc: 10 })).toBe('inconclusive host-overloaded')
    expect(verdictOf(matcher, cost, { native: 0, runc: 0 })).toBe('holds')
  })

  it('is judged by the second sample of a round where that had room', () => {
    const twice = (platform: string, factor: number) => [
      ...costing(platform, factor, { disturbed: true, load: load(0.9) }),
      ...costing(platform, factor),
    ]
    const [claim] = judge(planWith(aClaim(within)), [...twice('native', 1), ...twice('runc', 2)]).claims
    expect(claim!.outcome).toBe('contradicted')
  })
})
