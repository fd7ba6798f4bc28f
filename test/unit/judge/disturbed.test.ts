import { describe, expect, it } from 'vitest'
import { judge } from '../../../src/core/judge/judge.ts'
import type { Matcher } from '../../../src/dsl/claim.ts'
import { claimOf, costing, planWith } from './world.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }

/** The first `disturbed` of ten rounds of each, runc at `cost` times native's. */
function verdictOf(matcher: Matcher, cost: number, disturbed: { native: number; runc: number }): string {
  const samplesOf = (platform: 'native' | 'runc', factor: number) =>
    costing(platform, factor).map((sample) =>
      sample.round < disturbed[platform] ? { ...sample, disturbed: true } : sample,
    )
  const [claim] = judge(planWith(claimOf(matcher)), [...samplesOf('native', 1), ...samplesOf('runc', cost)]).claims
  return `${claim!.verdict} ${claim!.reason ?? ''}`.trim()
}

describe('a claim whose rounds others disturbed', () => {
  it('is in doubt where most rounds of both sides contradict it', () => {
    expect(verdictOf(within, 2, { native: 6, runc: 6 })).toBe('inconclusive disturbed')
    expect(verdictOf({ kind: 'atMost', value: 1 }, 2, { native: 0, runc: 6 })).toBe('inconclusive disturbed')
  })

  it('is contradicted where half were quiet on either side', () => {
    expect(verdictOf(within, 2, { native: 5, runc: 10 })).toBe('contradicted')
    expect(verdictOf(within, 2, { native: 10, runc: 5 })).toBe('contradicted')
  })

  it('holds all the same: noise makes that harder, not easier', () => {
    expect(verdictOf(within, 1.001, { native: 10, runc: 10 })).toBe('holds')
  })

  it('is judged by the second sample of a round where that was quiet', () => {
    const twice = (platform: string, factor: number) => [
      ...costing(platform, factor, { disturbed: true }),
      ...costing(platform, factor),
    ]
    const [claim] = judge(planWith(claimOf(within)), [...twice('native', 1), ...twice('runc', 2)]).claims
    expect(claim!.verdict).toBe('contradicted')
  })
})
