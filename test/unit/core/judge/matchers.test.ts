import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { Verdicts } from '../../../../src/core/model/verdict.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import { aClaim, costing, erratic, native, planWith, steady, withError, withValues } from './builders.ts'

const only = (claim: Claim, samples: readonly Sample[]): Verdicts['claims'][number] => {
  const { claims } = judge(planWith(claim), samples)
  expect(claims).toHaveLength(1)
  return claims[0]!
}

const withinNative: Matcher = { kind: 'withinNative', percent: 10 }
const equivalentTo: Matcher = { kind: 'equivalentTo', platform: 'gvisor', percent: 10 }
const notWorseThan: Matcher = { kind: 'notWorseThan', platform: 'gvisor', percent: 10 }
const fasterThan: Matcher = { kind: 'betterThan', platform: 'gvisor', by: 2 }
const slowerThan: Matcher = { kind: 'worseThan', platform: 'gvisor', by: 2 }
const ranked: Matcher = { kind: 'ranked', platforms: ['runc', 'gvisor'] }

/** What runc costs relative to the reference, and what the claim then is. */
const cases: [Matcher, number | ((round: number) => number), string][] = [
  [withinNative, 1.02, 'holds'],
  [withinNative, 0.5, 'holds'],
  [withinNative, 1.5, 'contradicted worse'],
  [withinNative, erratic, 'inconclusive'],
  [equivalentTo, 1.02, 'holds'],
  [equivalentTo, 1.5, 'contradicted worse'],
  [equivalentTo, 0.5, 'contradicted better'],
  [equivalentTo, erratic, 'inconclusive'],
  [notWorseThan, 1.02, 'holds'],
  [notWorseThan, 0.5, 'holds'],
  [notWorseThan, 1.5, 'contradicted worse'],
  [notWorseThan, erratic, 'inconclusive'],
  [fasterThan, 0.4, 'holds'],
  [fasterThan, 0.8, 'contradicted worse'],
  [fasterThan, 1.5, 'contradicted worse'],
  [fasterThan, (round) => 0.5 * erratic(round), 'inconclusive'],
  [slowerThan, 3, 'holds'],
  [slowerThan, 1.5, 'contradicted better'],
  [slowerThan, 0.5, 'contradicted better'],
  [slowerThan, (round) => 2 * erratic(round), 'inconclusive'],
  [ranked, 0.8, 'holds'],
  [ranked, 1.3, 'contradicted worse'],
  [ranked, erratic, 'inconclusive'],
]

describe.each(['latency', 'rate'])('a comparison of the %s', (metric) => {
  it.each(cases)('%o of a platform that costs %s × the reference: %s', (matcher, factor, expected) => {
    const verdict = only(aClaim(matcher, { metric }), [
      ...native(),
      ...costing('gvisor', 1),
      ...costing('runc', factor),
    ])
    expect([verdict.outcome, verdict.direction].filter(Boolean).join(' ')).toBe(expected)
    expect(verdict.reason).toEqual(expected === 'inconclusive' ? { code: 'interval-crosses-margin' } : null)
    expect(verdict.estimate!.rounds).toBe(10)
    expect(verdict.platforms).toEqual(matcher.kind === 'ranked' ? ['runc', 'gvisor'] : ['runc'])
  })

  it.each([withinNative, equivalentTo, fasterThan, slowerThan, ranked])(
    '%o is undecidable without samples',
    (matcher) => {
      const verdict = only(aClaim(matcher, { metric }), [])
      expect(verdict).toMatchObject({
        outcome: 'not-evaluated',
        direction: null,
        reason: { code: 'too-few-rounds' },
        estimate: null,
      })
    },
  )

  it('measures the ratio in the direction of the metric, with the lower bound first', () => {
    const { estimate } = only(aClaim(withinNative, { metric }), [...native(), ...costing('runc', 2)])
    expect(estimate).toMatchObject({ kind: 'ratio', platform: 'runc', to: { platform: 'native' }, paired: true })
    expect(estimate!.value).toBeCloseTo(metric === 'latency' ? 2 : 0.5, 2)
    expect(estimate!.low).toBeLessThan(estimate!.value)
    expect(estimate!.high).toBeGreaterThan(estimate!.value)
  })
})

describe('a metric that a platform does not let isobench observe', () => {
  const withoutRate = (samples: readonly Sample[]): Sample[] =>
    samples.map((sample) => ({ ...sample, ...withValues({ latency: 20 }) }))
  const atMost: Matcher = { kind: 'atMost', value: 30 }

  it.each([withinNative, fasterThan, ranked, atMost])('is not evaluated by %o, and names the platform', (matcher) => {
    const samples = [...native(), ...costing('gvisor', 1), ...withoutRate(costing('runc', 1))]
    const reason = { code: 'not-observed', platforms: ['runc'] }
    expect(only(aClaim(matcher, { metric: 'rate' }), samples)).toMatchObject({ outcome: 'not-evaluated', reason })
    expect(only(aClaim(matcher, { metric: 'latency' }), samples).outcome).not.toBe('not-evaluated')
  })

  it('names the reference if that is the one without values', () => {
    const samples = [...withoutRate(native()), ...costing('runc', 1)]
    const reason = { code: 'not-observed', platforms: ['native'] }
    expect(only(aClaim(withinNative, { metric: 'rate' }), samples).reason).toEqual(reason)
  })

  it('has failed, rather than not been observed, if a sample failed without a value', () => {
    const failed = costing('runc', 1).map((sample) => ({ ...sample, ...withError('exit code 1') }))
    const verdict = only(aClaim(withinNative, { metric: 'rate' }), [...native(), ...failed])
    expect(verdict.reason).toEqual({ code: 'sample-errors', platforms: ['runc'] })
  })
})

describe('a margin', () => {
  const exact = (metric: string, ratio: number) =>
    rounds10.flatMap((round) => [
      { ...base, platform: 'native', round, ...withValues({ [metric]: 100 + round }) },
      { ...base, platform: 'runc', round, ...withValues({ [metric]: (100 + round) * ratio }) },
    ])
  const rounds10 = Array.from({ length: 10 }, (_, round) => round)
  const base = { case: aClaim(withinNative).bench, warmup: false, workDigest: 'work', wallMs: 1 }

  it.each([
    ['latency', 1.099, 'holds'],
    ['latency', 1.101, 'contradicted'],
    // −ln(1−p): a rate may lose a tenth, so 0.905 is within though 1/0.905 is above 1.1.
    ['rate', 0.905, 'holds'],
    ['rate', 0.901, 'holds'],
    ['rate', 0.899, 'contradicted'],
  ])('of 10 %% on the %s, at %d × native: %s', (metric, ratio, expected) => {
    expect(only(aClaim(withinNative, { metric }), exact(metric, ratio)).outcome).toBe(expected)
  })

  it.each([
    ['latency', 0.908, 'contradicted'],
    ['latency', 0.91, 'holds'],
    ['rate', 1.11, 'holds'],
    ['rate', 1.112, 'contradicted'],
  ])('of equivalence is the same both ways in logarithms: the %s at %d × is %s', (metric, ratio, expected) => {
    const matcher: Matcher = { kind: 'equivalentTo', platform: 'native', percent: 10 }
    const verdict = only(aClaim(matcher, { metric }), exact(metric, ratio))
    expect(verdict.outcome).toBe(expected)
    expect(verdict.direction).toBe(expected === 'holds' ? null : 'better')
  })

  it.each([
    ['latency', 1.099, 'holds'],
    ['latency', 1.101, 'contradicted'],
    ['rate', 0.901, 'holds'],
    ['rate', 0.899, 'contradicted'],
  ])('of what is not worse by more than 10 %% on the %s, at %d: %s', (metric, ratio, expected) => {
    const matcher: Matcher = { kind: 'notWorseThan', platform: 'native', percent: 10 }
    expect(only(aClaim(matcher, { metric }), exact(metric, ratio)).outcome).toBe(expected)
  })

  it('is not reached by equality: a platform like the reference is neither faster nor slower', () => {
    for (const kind of ['betterThan', 'worseThan'] as const) {
      const verdict = only(aClaim({ kind, platform: 'native', by: 1 }), exact('latency', 1))
      expect(verdict).toMatchObject({ outcome: 'inconclusive', reason: { code: 'equals-margin' } })
    }
  })
})

describe('a limit in the unit of the metric', () => {
  const limits: [string, Matcher, number, string][] = [
    ['latency', { kind: 'atMost', value: 20 }, 15, 'holds'],
    ['latency', { kind: 'atMost', value: 20 }, 25, 'contradicted worse'],
    ['latency', { kind: 'atLeast', value: 20 }, 25, 'holds'],
    ['latency', { kind: 'atLeast', value: 20 }, 15, 'contradicted better'],
    ['rate', { kind: 'atLeast', value: 20 }, 25, 'holds'],
    ['rate', { kind: 'atLeast', value: 20 }, 15, 'contradicted worse'],
    ['rate', { kind: 'atMost', value: 20 }, 15, 'holds'],
    ['rate', { kind: 'atMost', value: 20 }, 25, 'contradicted better'],
    ['latency', { kind: 'atMost', value: 20 }, 20, 'inconclusive'],
  ]
  it.each(limits)('%s %o, measured %d: %s', (metric, matcher, value, expected) => {
    const verdict = only(aClaim(matcher, { metric }), steady('runc', value))
    expect([verdict.outcome, verdict.direction].filter(Boolean).join(' ')).toBe(expected)
    expect(verdict.estimate!.value).toBeCloseTo(value, 1)
    expect(verdict.estimate!.low!).toBeLessThanOrEqual(verdict.estimate!.high!)
  })

  it('needs no native', () => {
    const plan = planWith(aClaim({ kind: 'atMost', value: 20 }))
    const without = { ...plan, platforms: plan.platforms.filter(({ name }) => name !== 'native') }
    expect(judge(without, steady('runc', 15)).claims[0]!.outcome).toBe('holds')
  })

  it('is undecidable without samples, and never decided by four rounds', () => {
    const claim = aClaim({ kind: 'atMost', value: 20 })
    expect(only(claim, []).outcome).toBe('not-evaluated')
    expect(only(claim, steady('runc', 1, 4))).toMatchObject({
      outcome: 'inconclusive',
      reason: { code: 'too-few-rounds' },
    })
    expect(only(claim, steady('runc', 1, 5)).outcome).toBe('holds')
  })
})

describe('a ranking', () => {
  const three = aClaim({ kind: 'ranked', platforms: ['native', 'runc', 'gvisor'] })
  const costs = (runc: number, gvisor: number) => [...native(), ...costing('runc', runc), ...costing('gvisor', gvisor)]

  it('holds when each is better than the next', () => {
    expect(only(three, costs(1.2, 1.5)).outcome).toBe('holds')
  })

  it('is contradicted by one pair, whichever', () => {
    expect(only(three, costs(0.8, 1.5))).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
    expect(only(three, costs(1.5, 1.2))).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
  })

  it('is undecidable where one of them has no samples and the others agree', () => {
    const verdict = only(three, [...native(), ...costing('runc', 1.2)])
    expect(verdict).toMatchObject({ outcome: 'not-evaluated', platforms: ['native', 'runc', 'gvisor'] })
  })
})
