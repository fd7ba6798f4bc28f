import { describe, expect, it } from 'vitest'
import { decideExit, failures } from '../../../../src/core/judge/exit-code.ts'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { PlannedPlatform } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { FindingData } from '../../../../src/core/model/suite.ts'
import type { Verdicts } from '../../../../src/core/model/verdict.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { formatFinding } from '../../../../src/reporters/format.ts'
import { aBench, aClaim, aFinding, aPlan, aPlatform, costing, native } from './builders.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }
const slower: Matcher = { kind: 'worseThan', platform: 'native', by: 2 }
const onKata = { on: { by: 'name', names: ['kata'] } } as const
const onGvisor = { on: { by: 'name', names: ['gvisor'] } } as const

const judged = (finding: FindingData, samples: readonly Sample[], platforms?: PlannedPlatform[]): Verdicts =>
  judge(aPlan({ findings: [finding], ...(platforms && { platforms }) }), samples)
const ended = (judgement: Verdicts, over: { strict?: boolean; strictFindings?: boolean } = {}) =>
  decideExit(judgement, { strict: false, interrupted: false, problems: 0, ...over }).exit.code

describe('from the parts of a finding to its verdict', () => {
  it('names every platform that it lacks, with the reason that the machine gave', () => {
    const absent = ['osv', 'osv-firecracker'].map((name) =>
      aPlatform(name, { family: 'unikernel', available: false, reason: 'no OSv image' }),
    )
    const claims = [aClaim(slower, { on: { by: 'name', names: ['osv', 'osv-firecracker'] } }), aClaim(slower, onKata)]
    const platforms = [aPlatform('native'), ...absent]
    const { claims: verdicts, findings } = judged(aFinding(claims), native(), platforms)
    expect(findings[0]).toMatchObject({
      outcome: 'not-evaluated',
      missingPlatforms: ['osv', 'osv-firecracker', 'kata'],
      reasons: [
        { code: 'platform-unavailable', platforms: ['osv', 'osv-firecracker'] },
        { code: 'platform-unknown', platforms: ['kata'] },
      ],
      decisiveClaim: null,
    })
    expect(formatFinding(findings[0]!, { claims: verdicts, platforms })).toBe(
      'needs osv, osv-firecracker: no OSv image; kata: not in this run',
    )
  })

  it('leaves context aside: what only warns neither makes a finding nor breaks it', () => {
    const context = aClaim(within, { severity: 'warn', ...onGvisor })
    const samples = [...native(), ...costing('runc', 1.01), ...costing('gvisor', 3)]
    expect(judged(aFinding([aClaim(within), context]), samples).findings[0]).toMatchObject({
      outcome: 'holds',
      claims: [0, 1],
      decisiveClaim: 0,
    })
    expect(judged(aFinding([aClaim(within, onKata), context]), samples).findings[0]!.outcome).toBe('not-evaluated')
  })

  it('never lets an argument hold, and gives the verdict of its example', () => {
    const argument = { qualitative: 'it says what a metric cannot show', failOn: 'never' } as const
    const verdicts = (cost: number) =>
      judged(aFinding([aClaim(slower)], argument), [...native(), ...costing('runc', cost)])
    const text = (cost: number) => {
      const { claims, findings } = verdicts(cost)
      return formatFinding(findings[0]!, { claims, platforms: [] })
    }
    expect(verdicts(3).findings[0]).toMatchObject({
      outcome: 'not-evaluated',
      qualitative: { why: 'it says what a metric cannot show', example: 'holds' },
    })
    expect(verdicts(1).findings[0]!.qualitative!.example).toBe('contradicted')
    expect(text(3)).toBe('qualitative, it says what a metric cannot show; its example holds')
    expect(text(1)).toContain('its example does not hold')
  })

  it('judges the wording of a misprint separately, and does not count it', () => {
    const misprint = { claims: [aClaim(slower, { severity: 'warn', ...onGvisor })], why: 'contradicts finding 2' }
    const samples = [...native(), ...costing('runc', 1.01), ...costing('gvisor', 1.02)]
    const judgement = judged(aFinding([aClaim(within)], { misprint, failOn: 'any' }), samples)
    expect(judgement.findings[0]).toMatchObject({
      outcome: 'holds',
      claims: [0],
      misprint: { outcome: 'contradicted', why: 'contradicts finding 2', claims: [1] },
    })
    expect(ended(judgement)).toBe(0)
    expect(judgement.claims).toHaveLength(2)
  })
})

describe('what was not on hardware', () => {
  const platforms = (apart: 'emulated' | 'nested') => [
    aPlatform('native'),
    aPlatform('runc'),
    aPlatform('gvisor', { cpuMode: apart }),
  ]
  const slowGuest = [...native(), ...costing('runc', 1.01), ...costing('gvisor', 9)]

  it.each(['emulated', 'nested'] as const)('is judged apart where it was %s, and says so', (how) => {
    const judgement = judged(aFinding([aClaim(within), aClaim(within, onGvisor)]), slowGuest, platforms(how))
    expect(judgement.claims.map(({ outcome, cpuMode: apart }) => [outcome, apart])).toEqual([
      ['holds', null],
      ['contradicted', how],
    ])
    expect(judgement.findings[0]).toMatchObject({
      outcome: 'holds-in-part',
      reasons: [{ code: 'not-on-hardware', cpuMode: how }],
      offHardware: { cpuModes: [how], outcome: 'contradicted', direction: 'worse' },
    })
    expect(ended(judgement)).toBe(0)
  })

  it('is absent if such a platform does not work: nothing was judged of it', () => {
    const absent = { cpuMode: 'emulated', available: false, reason: 'left out' } as const
    const others = [aPlatform('native'), aPlatform('runc'), aPlatform('gvisor', absent)]
    const judgement = judged(
      aFinding([aClaim(within), aClaim(within, onGvisor)]),
      [...native(), ...costing('runc', 1.01)],
      others,
    )
    expect(judgement.findings[0]).toMatchObject({
      outcome: 'holds-in-part',
      missingPlatforms: ['gvisor'],
      offHardware: null,
    })
  })

  it('leaves the verdict to what was on hardware', () => {
    const both = aClaim(within, { on: { by: 'name', names: ['runc', 'gvisor'] } })
    const judgement = judged(aFinding([both]), slowGuest, platforms('emulated'))
    expect(judgement.findings[0]).toMatchObject({ outcome: 'holds-in-part', agreeing: { holds: 1, of: 2 } })
  })

  it('fails no bench that compares it with hardware, but one that it is alone in', () => {
    const bench = (matcher: Matcher) => aBench({ claims: [aClaim(matcher, onGvisor)] })
    const of = (matcher: Matcher) =>
      judge(aPlan({ benches: [bench(matcher)], platforms: platforms('emulated') }), slowGuest)
    expect(ended(of(within))).toBe(0)
    expect(of(within).claims[0]).toMatchObject({ outcome: 'contradicted', cpuMode: 'emulated' })
    expect(of({ kind: 'atMost', value: 1 }).claims[0]).toMatchObject({ outcome: 'contradicted', cpuMode: null })
    expect(ended(of({ kind: 'atMost', value: 1 }))).toBe(1)
  })

  it('is not in doubt with --strict', () => {
    const bench = aBench({ claims: [aClaim(within, { on: { by: 'name', names: ['runc', 'gvisor'] } })] })
    const plan = aPlan({ benches: [bench], platforms: platforms('emulated') })
    const few = (platform: string) => costing(platform, 1.01, { count: 3 })
    const verdicts = judge(plan, [...native(), ...costing('runc', 1.01), ...few('gvisor')])
    expect(verdicts.claims.map(({ outcome, cpuMode }) => [outcome, cpuMode])).toEqual([
      ['holds', null],
      ['inconclusive', 'emulated'],
    ])
    const { exit, claims } = decideExit(verdicts, { strict: true, interrupted: false, problems: 0 })
    expect([exit.code, claims.map(({ failsRun }) => failsRun)]).toEqual([0, [false, false]])
    const onHardware = judge(plan, [...native(), ...few('runc'), ...few('gvisor')])
    expect(decideExit(onHardware, { strict: true, interrupted: false, problems: 0 }).exit).toMatchObject({
      code: 3,
      claims: [0],
    })
  })
})

describe('--strict-findings', () => {
  it.each(['worse', 'any', 'never'] as const)('fails on a departure for the better, with the gate %s', (gate) => {
    const judgement = judged(aFinding([aClaim(slower)], { failOn: gate }), [...native(), ...costing('runc', 1.2)])
    expect(judgement.findings[0]).toMatchObject({ outcome: 'contradicted', direction: 'better' })
    expect(failures(judgement, true).findings).toEqual([1])
    expect(ended(judgement, { strictFindings: true })).toBe(1)
    expect(ended(judgement)).toBe(gate === 'any' ? 1 : 0)
  })

  it('leaves a finding alone that holds or is in doubt', () => {
    const judgement = judged(aFinding([aClaim(within)]), [...native(), ...costing('runc', 1.01)])
    expect(ended(judgement, { strictFindings: true })).toBe(0)
  })
})
