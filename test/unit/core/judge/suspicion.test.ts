import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { BenchData } from '../../../../src/core/model/suite.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { formatClaim } from '../../../../src/reporters/format.ts'
import { aBench, aClaim, aPlan, costing, native } from './builders.ts'

const verdictOf = (
  matcher: Matcher,
  costs: Record<string, number | ((round: number) => number)>,
  over: Partial<BenchData> = { tags: ['io'] },
) => {
  const plan = aPlan({ benches: [aBench({ claims: [aClaim(matcher)], ...over })] })
  const samples = Object.entries(costs).flatMap(([name, cost]) => costing(name, cost))
  return judge(plan, [...native(), ...samples]).claims[0]!
}
const suspect = (...platforms: string[]) => ({
  outcome: 'not-evaluated',
  reason: { code: 'suspiciously-fast', platforms },
})

describe('a platform of an I/O bench that is more than a tenth better than native', () => {
  it.each<[string, Matcher]>([
    ['no worse than native', { kind: 'withinNative', percent: 9 }],
    ['equal to native', { kind: 'equivalentTo', platform: 'native', percent: 9 }],
    ['better than another', { kind: 'betterThan', platform: 'gvisor', by: 1 }],
    ['contradicted, better', { kind: 'worseThan', platform: 'native', by: 2 }],
    ['below a limit', { kind: 'atMost', value: 1000 }],
  ])('is not evaluated: %s', (_, matcher) => {
    expect(verdictOf(matcher, { runc: 0.2, gvisor: 1 })).toMatchObject(suspect('runc'))
  })

  it('is worse all the same where it is worse than another', () => {
    expect(verdictOf({ kind: 'worseThan', platform: 'native', by: 1.5 }, { runc: 3 }).outcome).toBe('holds')
  })

  it('decides nothing as a reference, and nothing about claims that do not name it', () => {
    expect(verdictOf({ kind: 'withinNative', percent: 5 }, { runc: 3, gvisor: 0.2 })).toMatchObject({
      outcome: 'contradicted',
      direction: 'worse',
    })
    expect(verdictOf({ kind: 'worseThan', platform: 'gvisor', by: 2 }, { runc: 1, gvisor: 0.2 })).toMatchObject(
      suspect('gvisor'),
    )
  })

  it('counts only if it is certain: a ratio of 1.1 lies within the interval', () => {
    expect(verdictOf({ kind: 'withinNative', percent: 9 }, { runc: 1 / 1.1 }).outcome).toBe('holds')
  })

  it('does not contradict a claim as better if its middle is suspicious, although the interval is wide', () => {
    const worse: Matcher = { kind: 'worseThan', platform: 'native', by: 2 }
    const wide = (round: number) => (round % 2 === 0 ? 0.98 : 0.75)
    expect(verdictOf(worse, { runc: wide })).toMatchObject(suspect('runc'))
    expect(verdictOf({ kind: 'withinNative', percent: 9 }, { runc: wide }).outcome).toBe('holds')
    expect(verdictOf(worse, { runc: 1 })).toMatchObject({ outcome: 'contradicted', direction: 'better' })
  })

  it('is named in the sentence', () => {
    expect(formatClaim(verdictOf({ kind: 'withinNative', percent: 9 }, { runc: 0.2 }))).toContain(
      'runc: more than a tenth better than native',
    )
  })
})

describe('which benches are exposed', () => {
  const within: Matcher = { kind: 'withinNative', percent: 9 }
  const inGuest = { name: 'a', kind: 'in-guest', lifecycle: 'sample' } as const

  it.each<[string, Partial<BenchData>, string]>([
    ['I/O', { tags: ['io'] }, 'not-evaluated'],
    ['CPU, by the clock', { tags: ['cpu'] }, 'not-evaluated'],
    ['a function that the guest times', { tags: [], workload: inGuest }, 'not-evaluated'],
    ['memory, where huge pages help', { tags: ['memory'] }, 'holds'],
    ['an attack profile', { tags: ['io'], workload: { ...inGuest, traced: 'syscalls' } }, 'holds'],
  ])('%s', (_, over, outcome) => {
    expect(verdictOf(within, { runc: 0.5 }, over).outcome).toBe(outcome)
  })
})
