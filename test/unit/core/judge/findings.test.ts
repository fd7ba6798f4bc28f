import { describe, expect, it } from 'vitest'
import { decideExit, type ExitOptions, failures } from '../../../../src/core/judge/exit-code.ts'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { FindingData } from '../../../../src/core/model/suite.ts'
import type { Verdicts } from '../../../../src/core/model/verdict.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import { formatFinding, formatFindingTitle } from '../../../../src/reporters/format.ts'
import { aBench, aClaim, aFinding, aPlan, aPlatform, costing, erratic, native, withValues } from './builders.ts'

type Verdict = Verdicts['claims'][number]

const within: Matcher = { kind: 'withinNative', percent: 10 }
const slower: Matcher = { kind: 'worseThan', platform: 'native', by: 2 }
const both = { on: { by: 'name', names: ['runc', 'gvisor'] } } as const

const judged = (finding: FindingData, samples: readonly Sample[]): Verdicts =>
  judge(aPlan({ findings: [finding] }), samples)
const ended = (judgement: Verdicts, ending: Partial<ExitOptions> = {}) =>
  decideExit(judgement, { strict: false, interrupted: false, problems: 0, ...ending }).exit.code

describe('a finding', () => {
  it('holds when every claim does', () => {
    const judgement = judged(aFinding([aClaim(within, both)]), [
      ...native(),
      ...costing('runc', 1.01),
      ...costing('gvisor', 1.02),
    ])
    expect(judgement.findings).toMatchObject([{ outcome: 'holds', direction: null, reasons: [], claims: [0, 1] }])
    expect(judgement.findings[0]!.agreeing).toEqual({ holds: 2, of: 2 })
    expect(ended(judgement)).toBe(0)
  })

  it('holds where it was measured if a platform is missing, and says on how many', () => {
    const judgement = judged(aFinding([aClaim(within, both)]), [...native(), ...costing('runc', 1.01)])
    expect(judgement.findings[0]).toMatchObject({ outcome: 'holds-in-part', agreeing: { holds: 1, of: 2 } })
  })

  it('holds where it was measured if one of its claims is decided nowhere', () => {
    const finding = aFinding([aClaim(within), aClaim(slower, { on: { by: 'name', names: ['kata'] } })])
    const judgement = judged(finding, [...native(), ...costing('runc', 1.01)])
    expect(judgement.findings[0]).toMatchObject({
      outcome: 'holds-in-part',
      agreeing: { holds: 1, of: 2 },
      reasons: [{ code: 'platform-unknown', platforms: ['kata'] }],
      missingPlatforms: ['kata'],
    })
    expect(ended(judgement)).toBe(0)
    expect(ended(judgement, { requireComplete: true })).toBe(3)
  })

  it('is not evaluated if not one comparison was made', () => {
    const judgement = judged(aFinding([aClaim(slower, { on: { by: 'name', names: ['kata'] } })]), native())
    expect(judgement.findings[0]).toMatchObject({ outcome: 'not-evaluated', agreeing: { holds: 0, of: 1 } })
  })

  it('is decided by the claims that stand in where its own trace source is absent, and is marked', () => {
    const own = aClaim(within, { bench: 'traced.bench.ts#functions' })
    const standIn = aClaim(within, { fallbackLabel: 'by syscalls' })
    const finding = aFinding([own, standIn])
    const reason = 'the kernel refuses to trace functions'
    const left = [{ bench: own.bench, reason: 'tracer-unavailable' as const, detail: reason }]
    const samples = [...native(), ...costing('runc', 1.01)]
    const marked = judge(aPlan({ findings: [finding], excluded: left }), samples)
    expect(marked.claims[0]).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'tracer-unavailable', message: reason },
    })
    expect(marked.findings[0]).toMatchObject({
      outcome: 'holds',
      fallbackLabel: 'by syscalls',
      title: 'a finding',
      claims: [1],
    })
    const against = judge(aPlan({ findings: [finding], excluded: left }), [...native(), ...costing('runc', 3)])
    expect(against.findings[0]).toMatchObject({ outcome: 'contradicted', fallbackLabel: 'by syscalls' })
    expect(formatFindingTitle(marked.findings[0]!)).toBe('a finding (by syscalls)')
    expect(formatFinding(against.findings[0]!, { ...against, platforms: [] })).toMatch(/^by syscalls: /)
  })

  it('is decided by its own claims where they are measured, and those that stand in have no say', () => {
    const finding = aFinding([aClaim(within), aClaim(slower, { fallbackLabel: 'by syscalls' })])
    const [verdict] = judged(finding, [...native(), ...costing('runc', 1.01)]).findings
    expect(verdict).toMatchObject({ outcome: 'holds', title: 'a finding', claims: [0] })
    expect(verdict).not.toHaveProperty('fallbackLabel')
  })

  it('is undecidable, without a mark, when neither trace source is there', () => {
    const [own, other] = ['a.bench.ts#functions', 'a.bench.ts#syscalls']
    const finding = aFinding([
      aClaim(within, { bench: own! }),
      aClaim(within, { bench: other!, fallbackLabel: 'by syscalls' }),
    ])
    const left = [own, other].map((bench) => ({
      bench: bench!,
      reason: 'tracer-unavailable' as const,
      detail: 'EPERM',
    }))
    const [verdict] = judge(aPlan({ findings: [finding], excluded: left }), native()).findings
    expect(verdict).toMatchObject({
      outcome: 'not-evaluated',
      reasons: [{ code: 'tracer-unavailable', message: 'EPERM' }],
    })
  })

  it('does not hold as a whole with a part that no bench decides', () => {
    const open = { title: 'surface', claims: [], unmeasurable: 'the size of the attack surface' }
    const parts = [{ title: 'speed', claims: [aClaim(within)] }, open]
    const samples = [...native(), ...costing('runc', 1.01)]
    expect(judged(aFinding([], { parts }), samples).findings[0]).toMatchObject({
      outcome: 'holds-in-part',
      reasons: [{ code: 'part-not-measurable', parts: ['the size of the attack surface'] }],
    })
    expect(judged(aFinding([], { parts: [open] }), samples).findings[0]!.outcome).toBe('not-evaluated')
    const against = judged(aFinding([], { parts }), [...native(), ...costing('runc', 3)])
    expect(against.findings[0]!.outcome).toBe('contradicted')
  })

  it('is inconclusive when a claim is, and contradicted when another is', () => {
    const finding = aFinding([aClaim(within, both)])
    const doubtful = [...native(), ...costing('runc', erratic)]
    expect(judged(finding, [...doubtful, ...costing('gvisor', 1.01)]).findings[0]!.outcome).toBe('inconclusive')
    expect(judged(finding, [...doubtful, ...costing('gvisor', 3)]).findings[0]).toMatchObject({
      outcome: 'contradicted',
      direction: 'worse',
    })
  })

  it('is worse when some claims are better and some worse than it says', () => {
    const finding = aFinding([aClaim(slower), aClaim(within)])
    const judgement = judged(finding, [...native(), ...costing('runc', 1.5)])
    expect(judgement.claims.map(({ direction }) => direction)).toEqual(['better', 'worse'])
    expect(judgement.findings[0]).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
  })

  it('points at its own claims, after those of the benches', () => {
    const plan = aPlan({
      benches: [aBench({ claims: [aClaim(within)] })],
      findings: [aFinding([aClaim(slower)]), aFinding([aClaim(within, both)], { id: 7 })],
    })
    const { claims, findings } = judge(plan, [])
    expect(findings.map((finding) => finding.claims)).toEqual([[1], [2, 3]])
    expect(claims.map(({ finding }) => finding)).toEqual([null, 1, 7, 7])
  })
})

describe('what fails a run', () => {
  const better = [...native(), ...costing('runc', 1.2)]
  const worse = [...native(), ...costing('runc', 1.5)]
  const gated = (claim: Claim, gate: FindingData['failOn'], samples: readonly Sample[]) => {
    const judgement = judged(aFinding([claim], { failOn: gate }), samples)
    expect(judgement.findings[0]!.outcome).toBe('contradicted')
    return { code: ended(judgement), findings: failures(judgement).findings }
  }

  it.each([
    ['worse', 'worse', 1],
    ['worse', 'any', 1],
    ['worse', 'never', 0],
    ['better', 'worse', 0],
    ['better', 'any', 1],
    ['better', 'never', 0],
  ] as const)('a finding contradicted for the %s, with the gate %s: exit code %d', (direction, gate, code) => {
    const claim = aClaim(direction === 'worse' ? within : slower)
    expect(gated(claim, gate, direction === 'worse' ? worse : better)).toEqual({ code, findings: code ? [1] : [] })
  })

  it('never a claim that only warns', () => {
    expect(gated(aClaim(within, { severity: 'warn' }), 'any', worse).code).toBe(0)
    const plan = aPlan({ benches: [aBench({ claims: [aClaim(within, { severity: 'warn' })] })] })
    const judgement = judge(plan, worse)
    expect(judgement.claims[0]!.outcome).toBe('contradicted')
    expect(failures(judgement)).toEqual({ claims: [], findings: [] })
    expect(ended(judgement)).toBe(0)
  })

  it("a bench's own expectation, whichever way it is contradicted", () => {
    for (const [matcher, samples] of [
      [within, worse],
      [slower, better],
    ] as const) {
      const judgement = judge(aPlan({ benches: [aBench({ claims: [aClaim(matcher)] })] }), samples)
      expect(failures(judgement).claims).toEqual([0])
      expect(ended(judgement)).toBe(1)
    }
  })
})

describe('the exit code', () => {
  const verdict = (over: Partial<Verdict>): Verdict => {
    const plan = aPlan({ benches: [aBench({ claims: [aClaim(within)] })] })
    return { ...judge(plan, [...native(), ...costing('runc', 1.01)]).claims[0]!, ...over }
  }
  const of = (...claims: Partial<Verdict>[]): Verdicts => ({ claims: claims.map(verdict), findings: [] })
  const holds = { outcome: 'holds' } as const
  const contradicted = { outcome: 'contradicted', direction: 'worse' } as const
  const inconclusive = { outcome: 'inconclusive' } as const
  const absent = { outcome: 'not-evaluated', reason: { code: 'platform-unavailable', platforms: ['kata'] } } as const
  const failed = { outcome: 'not-evaluated', reason: { code: 'sample-errors', platforms: ['runc'] } } as const
  const strict = { strict: true }

  it.each<[string, number, Verdicts, Partial<ExitOptions>]>([
    ['all is well', 0, of(holds, absent), {}],
    ['something is in doubt', 0, of(holds, inconclusive), {}],
    ['all samples of a claim failed', 4, of(holds, inconclusive, failed), {}],
    ['nothing was claimed', 4, of(), {}],
    ['nothing was decided', 4, of(absent, failed), {}],
    ['nothing was decided, strictly', 4, of(absent, failed), strict],
    ['something is in doubt, strictly', 3, of(holds, inconclusive), strict],
    ['all samples of a claim failed, strictly', 4, of(holds, inconclusive, failed), strict],
    ['all samples of a claim failed, and lines are missing, strictly', 4, of(failed), { ...strict, lacksLines: true }],
    ['lines are missing, strictly', 3, of(holds), { ...strict, lacksLines: true }],
    ['a platform is absent, strictly', 0, of(holds, absent), strict],
    [
      'only a warning is in doubt, strictly',
      0,
      of(holds, { ...inconclusive, claim: aClaim(within, { severity: 'warn' }) }),
      strict,
    ],
    ['a bench file is broken', 5, of(holds), { problems: 1 }],
    ['a bench file is broken and nothing was decided', 5, of(), { problems: 1 }],
    ['a bench file is broken and something is in doubt, strictly', 5, of(inconclusive), { problems: 1, strict: true }],
    ['something regressed', 1, of(holds, contradicted), {}],
    [
      'something regressed, and all else is wrong too',
      1,
      of(contradicted, inconclusive),
      { problems: 1, strict: true },
    ],
    ['interrupted', 130, of(holds), { interrupted: true }],
    ['interrupted after a regression', 130, of(contradicted), { interrupted: true, problems: 1, strict: true }],
  ])('%s: %d', (_, code, judgement, ending) => {
    expect(ended(judgement, ending)).toBe(code)
  })
})

// Each of these states what the design says; take `.fails` away when src does it.
describe('known to be wrong', () => {
  it('a ranking with one contradicted pair is contradicted, though another pair has no samples', () => {
    const finding = aFinding([aClaim({ kind: 'ranked', platforms: ['runc', 'native', 'gvisor'] })])
    const judgement = judged(finding, [...native(), ...costing('runc', 2)])
    expect(judgement.claims[0]!.outcome).toBe('contradicted')
  })

  it('a claim that only warns does not fail a finding if its other claim got better', () => {
    const finding = aFinding([aClaim(within, { severity: 'warn' }), aClaim(slower)])
    const judgement = judged(finding, [...native(), ...costing('runc', 1.5)])
    expect(ended(judgement)).toBe(0)
  })

  it('a value of 0 is at most a limit', () => {
    const plan = aPlan({
      platforms: [aPlatform('runc')],
      findings: [aFinding([aClaim({ kind: 'atMost', value: 20 })])],
    })
    const zeros = costing('runc', 1, withValues({ latency: 0 }))
    expect(judge(plan, zeros).claims[0]!.outcome).toBe('holds')
  })
})
