import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { Plan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import type { Selector } from '../../../../src/dsl/platform.ts'
import {
  aBench,
  aClaim,
  aFinding,
  aPlan,
  aPlatform,
  aSample,
  benchId,
  costing,
  freeze,
  native,
  planWith,
  withError,
  withValues,
} from './builders.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }
const one = (samples: readonly Sample[], plan: Plan = planWith(aClaim(within))) => judge(plan, samples).claims[0]!

describe('what counts as evidence', () => {
  it.each([1, 2, 3, 4])('%d rounds never decide, however clear they are', (count) => {
    for (const cost of [1.0001, 100]) {
      expect(one([...native(count), ...costing('runc', cost, { count })])).toMatchObject({
        outcome: 'inconclusive',
        reason: { code: 'too-few-rounds' },
        estimate: { low: null, high: null, rounds: count },
      })
    }
  })

  it('five rounds can decide, either way', () => {
    expect(one([...native(5), ...costing('runc', 1.01, { count: 5 })]).outcome).toBe('holds')
    expect(one([...native(5), ...costing('runc', 3, { count: 5 })]).outcome).toBe('contradicted')
  })

  it('a platform that cannot run such a workload is not meant by all, and says so where it is named', () => {
    const workload = { name: 'vmm-start', kind: 'vmm-start', lifecycle: 'sample' } as const
    const platforms = [aPlatform('qemu'), aPlatform('runc', { unsupportedWorkloads: ['vmm-start'] })]
    const atMost: Matcher = { kind: 'atMost', value: 100 }
    const claims = [aClaim(atMost, { on: { by: 'all' } }), aClaim(atMost)]
    const plan = aPlan({ platforms, benches: [aBench({ workload, claims })] })
    const found = judge(plan, costing('qemu', 1)).claims.map(({ platforms: [name], outcome, reason }) => [
      name,
      outcome,
      reason,
    ])
    expect(found).toEqual([
      ['qemu', 'holds', null],
      ['runc', 'not-evaluated', { code: 'workload-unsupported', platforms: ['runc'] }],
    ])
  })

  it('a platform that can run nothing else is judged by what it ran', () => {
    const workload = { name: 'vmm-start', kind: 'vmm-start', lifecycle: 'sample' } as const
    const platforms = [
      aPlatform('runc', { available: false, reason: 'KVM is unusable here', supportedWorkloads: ['vmm-start'] }),
    ]
    const verdictOf = (bench: Parameters<typeof aBench>[0]) => {
      const claims = [aClaim({ kind: 'atMost', value: 100 })]
      const [only] = judge(aPlan({ platforms, benches: [aBench({ ...bench, claims })] }), costing('runc', 1)).claims
      return [only!.outcome, only!.reason]
    }
    expect(verdictOf({ workload })).toEqual(['holds', null])
    expect(verdictOf({})).toEqual(['not-evaluated', { code: 'platform-unavailable', platforms: ['runc'] }])
  })

  it('rounds that only one of the two was measured in are left out', () => {
    const verdict = one([
      ...native(6),
      ...costing('runc', 1.01, { count: 6 }),
      ...costing('runc', 50, { count: 40, from: 6 }),
    ])
    expect(verdict).toMatchObject({ outcome: 'holds', estimate: { rounds: 6 } })
  })

  it('rounds that never coincide compare nothing', () => {
    const verdict = one([...native(10), ...costing('runc', 1.01, { from: 10 })])
    expect(verdict).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'too-few-rounds' }, estimate: null })
  })

  it('warm-up samples are left out, even of rounds that are measured too', () => {
    const warm = [...native(), ...costing('runc', 90)].map((sample) => ({
      ...sample,
      warmup: true,
      workDigest: 'other',
    }))
    expect(one([...warm, ...native(), ...costing('runc', 1.01)])).toMatchObject({
      outcome: 'holds',
      estimate: { rounds: 10 },
    })
    expect(one(warm).outcome).toBe('not-evaluated')
  })

  it('a round with several samples counts once, by their median', () => {
    const outliers = costing('runc', 500)
    const samples = [...native(), ...costing('runc', 1.01), ...costing('runc', 1.02), ...outliers]
    expect(one(samples)).toMatchObject({ outcome: 'holds', estimate: { rounds: 10 } })
  })

  it('failed samples are left out where others of the cell succeeded', () => {
    const failed = aSample('runc', 99, { ...withError('it broke'), workDigest: 'other' })
    expect(one([...native(), ...costing('runc', 1.01), failed]).outcome).toBe('holds')
  })
})

describe('why something is undecidable', () => {
  it('different-work: samples of different work are not compared', () => {
    expect(one([...native(), ...costing('runc', 1.01, { workDigest: 'other' })]).reason).toMatchObject({
      code: 'different-work',
    })
    const changed = [
      ...costing('runc', 1.01, { count: 5 }),
      ...costing('runc', 1.01, { count: 5, from: 5, workDigest: 'other' }),
    ]
    expect(one([...native(), ...changed])).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'different-work' },
    })
  })

  it('zero-value: 0 has no ratio in the reference, nor if lower values are better', () => {
    const zero = (platform: string) => aSample(platform, 3, withValues({ latency: 0 }))
    const without3 = (samples: Sample[]) => samples.filter(({ round }) => round !== 3)
    expect(one([...native(), ...without3(costing('runc', 1.01)), zero('runc')]).reason).toMatchObject({
      code: 'zero-value',
    })
    expect(one([...without3(native()), zero('native'), ...costing('runc', 1.01)]).reason).toMatchObject({
      code: 'zero-value',
    })
  })

  it('sample-errors: every sample failed, with the platform that they are of', () => {
    const failing = costing('runc', 1, withError('it broke'))
    expect(one([...native(), ...failing])).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'sample-errors', platforms: ['runc'] },
    })
  })

  it('workload-unsupported: the platform cannot do such work, and is no member of a median then', () => {
    const unable = [aSample('runc', -1, { warmup: true, ...withError('it runs one program', { kind: 'unsupported' }) })]
    expect(one([...native(), ...unable])).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'workload-unsupported', platforms: ['runc'] },
    })
  })

  it('no-native: native is not in the config, or does not work', () => {
    const plan = planWith(aClaim(within))
    const others = plan.platforms.filter(({ name }) => name !== 'native')
    for (const platforms of [others, [aPlatform('native', { available: false }), ...others]]) {
      expect(one(costing('runc', 1.01), { ...plan, platforms })).toMatchObject({
        outcome: 'not-evaluated',
        reason: { code: 'no-native' },
      })
    }
  })

  it('platform-unavailable: it does not work here; platform-unknown: the config does not have it', () => {
    const plan = planWith(aClaim(within))
    const platforms = [aPlatform('native'), aPlatform('runc', { available: false })]
    expect(one(native(), { ...plan, platforms }).reason).toEqual({ code: 'platform-unavailable', platforms: ['runc'] })
    const unknown = one(native(), planWith(aClaim(within, { on: { by: 'name', names: ['runq'] } })))
    expect(unknown).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'platform-unknown', platforms: ['runq'] },
      platforms: ['runq'],
    })
    const reference = one(native(), planWith(aClaim({ kind: 'betterThan', platform: 'kata', by: 1 })))
    expect(reference).toMatchObject({ platforms: ['runc'], reason: { code: 'platform-unknown', platforms: ['kata'] } })
  })

  it.each<Selector>([
    { by: 'family', families: ['unikernel'] },
    { by: 'tag', tags: ['ablation'] },
  ])('platform-unknown: nothing is chosen by %o, yet there is a verdict', (on) => {
    const { claims } = judge(planWith(aClaim(within, { on })), native())
    expect(claims).toMatchObject([{ outcome: 'not-evaluated', reason: { code: 'platform-unknown' } }])
  })

  it('platform-excluded: by name or family, but a claim about all platforms has no verdict for it', () => {
    const excludedPlatforms = [{ name: 'rootless', family: 'container' as const, tags: ['rootless'] }]
    const verdictsOf = (on: Selector) =>
      judge({ ...planWith(aClaim(within, { on })), excludedPlatforms }, native()).claims.map(
        ({ platforms, outcome, reason }) => [platforms, outcome, reason?.code],
      )
    expect(verdictsOf({ by: 'name', names: ['rootless'] })).toEqual([
      [['rootless'], 'not-evaluated', 'platform-excluded'],
    ])
    expect(verdictsOf({ by: 'family', families: ['container'] })).toEqual([
      [['runc'], 'not-evaluated', 'too-few-rounds'],
      [['rootless'], 'not-evaluated', 'platform-excluded'],
    ])
    expect(verdictsOf({ by: 'all' }).flatMap(([names]) => names)).toEqual(['runc', 'gvisor'])
  })

  it('platform-excluded: a platform that the run has only for the claims that name it', () => {
    const verdictsOf = (on: Selector) =>
      judge({ ...planWith(aClaim(within, { on })), onlyNamed: ['runc'] }, [
        ...native(),
        ...costing('runc', 1),
      ]).claims.map(({ platforms, reason }) => [platforms[0], reason?.code])
    expect(verdictsOf({ by: 'name', names: ['runc'] })).toEqual([['runc', undefined]])
    expect(verdictsOf({ by: 'family', families: ['container'] })).toEqual([['runc', 'platform-excluded']])
    expect(verdictsOf({ by: 'all' })).toEqual([['gvisor', 'too-few-rounds']])
  })

  it('not-measured: the bench, the metric or the point is not in the run', () => {
    const finding = aFinding([
      aClaim(within, { bench: 'b.bench.ts#gone' }),
      aClaim(within, { metric: 'gone' }),
      aClaim(within, { where: { mode: 'gone' } }),
    ])
    const { claims } = judge(aPlan({ findings: [finding] }), [...native(), ...costing('runc', 1)])
    expect(claims.map(({ reason }) => reason)).toEqual(Array(3).fill({ code: 'not-measured' }))
  })
})

describe('what a claim is about', () => {
  const everything = [...native(), ...costing('runc', 1.01), ...costing('gvisor', 3)]

  it('every platform that is selected, but not the one that it compares with', () => {
    const { claims } = judge(planWith(aClaim(within, { on: { by: 'all' } })), everything)
    expect(claims.map(({ platforms, outcome }) => [...platforms, outcome])).toEqual([
      ['runc', 'holds'],
      ['gvisor', 'contradicted'],
    ])
    const faster = aClaim({ kind: 'betterThan', platform: 'gvisor', by: 1 }, { on: { by: 'all' } })
    expect(judge(planWith(faster), everything).claims.flatMap(({ platforms }) => platforms)).toEqual(['native', 'runc'])
    const limit = aClaim({ kind: 'atMost', value: 1 }, { on: { by: 'all' } })
    expect(judge(planWith(limit), everything).claims).toHaveLength(3)
  })

  it('by family, tag and name', () => {
    const platforms = [aPlatform('native'), aPlatform('runc', { tags: ['x'] }), aPlatform('gvisor', { tags: ['y'] })]
    const about = (on: Selector) =>
      judge({ ...planWith(aClaim(within, { on })), platforms }, everything).claims.flatMap(({ platforms }) => platforms)
    expect(about({ by: 'family', families: ['container', 'secure-container'] })).toEqual(['runc', 'gvisor'])
    expect(about({ by: 'family', families: ['container'] })).toEqual(['runc'])
    expect(about({ by: 'tag', tags: ['y', 'z'] })).toEqual(['gvisor'])
    expect(about({ by: 'name', names: ['gvisor', 'runc'] }).sort()).toEqual(['gvisor', 'runc'])
  })

  it('every point of the bench, or those that `where` names', () => {
    const bench = (where: Record<string, string | number>) =>
      aBench({ params: { mode: ['read', 'write'], depth: [1, 32] }, claims: [aClaim(within, { where })] })
    const params = (where: Record<string, string | number>) =>
      judge(aPlan({ benches: [bench(where)] }), []).claims.map((claim) => claim.params)
    expect(params({})).toHaveLength(4)
    expect(params({ mode: 'read' })).toEqual([
      { mode: 'read', depth: 1 },
      { mode: 'read', depth: 32 },
    ])
    expect(params({ mode: 'read', depth: 32 })).toEqual([{ mode: 'read', depth: 32 }])
  })

  it('each point by its own samples', () => {
    const benches = [aBench({ params: { mode: ['read', 'write'] }, claims: [aClaim(within)] })]
    const at = (mode: string, cost: number) =>
      [...native(), ...costing('runc', cost)].map((sample) => ({ ...sample, case: `${benchId} [mode=${mode}]` }))
    const { claims } = judge(aPlan({ benches }), [...at('read', 1.01), ...at('write', 3)])
    expect(claims.map(({ params, outcome }) => [params.mode, outcome])).toEqual([
      ['read', 'holds'],
      ['write', 'contradicted'],
    ])
  })
})

const names = ['native', 'runc', 'gvisor', 'nobody']
const matcher: fc.Arbitrary<Matcher> = fc.oneof(
  fc.record({ kind: fc.constant('withinNative' as const), percent: fc.integer({ min: 1, max: 99 }) }),
  fc.record({
    kind: fc.constantFrom('equivalentTo' as const, 'notWorseThan' as const),
    platform: fc.constantFrom(...names),
    percent: fc.integer({ min: 1, max: 99 }),
  }),
  fc.record({
    kind: fc.constantFrom('betterThan' as const, 'worseThan' as const),
    platform: fc.constantFrom(...names),
    by: fc.constantFrom(1, 3),
  }),
  fc.record({ kind: fc.constantFrom('atMost' as const, 'atLeast' as const), value: fc.constantFrom(0, 1, 1e9) }),
  fc.record({
    kind: fc.constant('ranked' as const),
    platforms: fc.uniqueArray(fc.constantFrom(...names), { minLength: 2 }),
  }),
)
const selector: fc.Arbitrary<Selector> = fc.oneof(
  fc.constant({ by: 'all' as const }),
  fc.record({ by: fc.constant('name' as const), names: fc.subarray(names, { minLength: 1 }) }),
  fc.record({
    by: fc.constant('family' as const),
    families: fc.subarray(['native', 'container', 'unikernel'] as const, { minLength: 1 }),
  }),
)
const plan: fc.Arbitrary<Plan> = fc
  .record({
    claims: fc.array(
      fc
        .record({ matcher, on: selector, metric: fc.constantFrom('latency', 'rate', 'gone') })
        .map(({ matcher, ...over }) => aClaim(matcher, over)),
      { minLength: 1, maxLength: 4 },
    ),
    working: fc.subarray(['native', 'runc', 'gvisor']),
    configured: fc.subarray(['native', 'runc', 'gvisor']),
  })
  .map(({ claims, working, configured }) =>
    aPlan({
      platforms: configured.map((name) => aPlatform(name, { available: working.includes(name) })),
      benches: [aBench({ claims })],
      findings: [aFinding(claims)],
    }),
  )

describe('judging', () => {
  it('never decides anything without data: no samples, only warm-up, or only errors', () => {
    const nothing = fc.array(
      fc.oneof(
        fc
          .record({ platform: fc.constantFrom(...names), round: fc.nat(9) })
          .map(({ platform, round }) =>
            aSample(platform, round, { warmup: true, ...withValues({ latency: 1, rate: 1 }) }),
          ),
        fc
          .record({ platform: fc.constantFrom(...names), round: fc.nat(9) })
          .map(({ platform, round }) => aSample(platform, round, withError('it broke'))),
      ),
    )
    fc.assert(
      fc.property(plan, nothing, (plan, samples) => {
        const { claims, findings } = judge(plan, samples)
        expect(claims.length).toBeGreaterThanOrEqual(plan.benches[0]!.claims.length)
        for (const { outcome, reason } of claims) {
          expect(outcome).toBe('not-evaluated')
          expect(reason).toBeTruthy()
        }
        expect(findings[0]!.outcome).toBe('not-evaluated')
      }),
      { numRuns: 200 },
    )
  })

  it('is pure: it changes nothing, and the order of the samples does not matter', () => {
    const cost = fc.constantFrom(0.2, 0.95, 1, 1.05, 1.1, 4)
    const measured = fc
      .record({ runc: cost, gvisor: cost, count: fc.integer({ min: 1, max: 8 }) })
      .map(({ runc, gvisor, count }) => [
        ...native(count),
        ...costing('runc', runc, { count }),
        ...costing('gvisor', gvisor, { count }),
        aSample('runc', 3, withError('it broke')),
      ])
    const shuffled = measured.chain((samples) =>
      fc.tuple(fc.constant(samples), fc.shuffledSubarray(samples, { minLength: samples.length })),
    )
    fc.assert(
      fc.property(plan, shuffled, (plan, [samples, other]) => {
        freeze(plan)
        freeze(samples)
        const first = judge(plan, samples)
        expect(judge(plan, other)).toEqual(first)
        expect(JSON.parse(JSON.stringify(first))).toEqual(first)
      }),
      { numRuns: 200 },
    )
  })
})
