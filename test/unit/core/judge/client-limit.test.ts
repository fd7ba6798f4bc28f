import { describe, expect, it } from 'vitest'
import { clientShare } from '../../../../src/core/judge/adjustments.ts'
import { judge } from '../../../../src/core/judge/judge.ts'
import { Samples } from '../../../../src/core/judge/samples.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { aClaim, benchId, costing, planWith } from './builders.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }
const slower: Matcher = { kind: 'worseThan', platform: 'native', by: 2 }
const faster: Matcher = { kind: 'betterThan', platform: 'native', by: 1 }

/** runc, `cost` times worse than native, with the shares of its CPUs that the client used for each. */
function verdictOf(matcher: Matcher, cost: number, busy: { native: number; runc: number }): string {
  const samples = [
    ...costing('native', 1, { client: { cpu: busy.native } }),
    ...costing('runc', cost, { client: { cpu: busy.runc } }),
  ]
  const [claim] = judge(planWith(aClaim(matcher)), samples).claims
  const { outcome, reason } = claim!
  return [outcome, reason?.code, ...(reason && 'platforms' in reason ? reason.platforms : [])].filter(Boolean).join(' ')
}

describe('a claim on a result with the client as the limit', () => {
  it('is undecidable, whatever was measured', () => {
    for (const matcher of [within, slower, faster, { kind: 'atMost', value: 1e6 } as const]) {
      for (const cost of [0.5, 1.001, 3]) {
        expect(verdictOf(matcher, cost, { native: 0.3, runc: 0.95 })).toBe('not-evaluated client-bound runc')
      }
    }
    expect(verdictOf(within, 1.001, { native: 0.9, runc: 1 })).toBe('not-evaluated client-bound runc native')
  })

  it('is judged where the client had time to spare', () => {
    expect(verdictOf(within, 1.001, { native: 0.89, runc: 0.89 })).toBe('holds')
    expect(verdictOf(slower, 3, { native: 0.5, runc: 0.5 })).toBe('holds')
  })

  it('is judged against a reference that was limited only where that makes the platform look better than it is', () => {
    const limited = { native: 0.99, runc: 0.4 }
    expect(verdictOf(slower, 3, limited)).toBe('holds')
    expect(verdictOf(within, 3, limited)).toBe('contradicted')
    expect(verdictOf(within, 1.001, limited)).toBe('not-evaluated client-bound native')
    expect(verdictOf(faster, 0.5, limited)).toBe('not-evaluated client-bound native')
    expect(verdictOf(slower, 1.001, limited)).toBe('not-evaluated client-bound native')
  })
})

describe('the share of the client', () => {
  it('is the median over the samples, and nothing where no client was watched', () => {
    const samples = [0.2, 0.9, 0.3].flatMap((cpu, round) =>
      costing('runc', 1.1, { count: 1, from: round, client: { cpu } }),
    )
    expect(clientShare(new Samples(samples), benchId, 'runc')).toBe(0.3)
    expect(clientShare(new Samples(costing('runc', 1.1)), benchId, 'runc')).toBeNull()
  })
})
