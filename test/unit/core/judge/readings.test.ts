import { describe, expect, it, test } from 'vitest'
import { decideExit } from '../../../../src/core/judge/exit-code.ts'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { Verdicts } from '../../../../src/core/model/verdict.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import { comparative, formatFinding } from '../../../../src/reporters/format.ts'
import { aClaim, aFinding, aPlan, costing, erratic, native } from './builders.ts'

const slower: Matcher = { kind: 'worseThan', platform: 'native', by: 1.5 }

/** A claim that gvisor or runc is slower than native, under a reading. */
const reading = (name: string, platform: 'runc' | 'gvisor' | 'crun'): Claim =>
  aClaim(slower, { on: { by: 'name', names: [platform] }, reading: name })

const judged = (claims: readonly Claim[], samples: readonly Sample[]): Verdicts =>
  judge(aPlan({ findings: [aFinding(claims)] }), samples)

const exit = (verdicts: Verdicts) => decideExit(verdicts, { strict: false, interrupted: false, problems: 0 }).exit.code

const two = [reading('names', 'runc'), reading('calls', 'gvisor')]

describe('a part with two readings of its words', () => {
  it('holds if both hold', () => {
    const { findings } = judged(two, [...native(), ...costing('runc', 3), ...costing('gvisor', 3)])
    expect(findings[0]).toMatchObject({ outcome: 'holds', reasons: [] })
    expect(findings[0]!.parts[0]!.readings).toMatchObject([
      { reading: 'names', outcome: 'holds', agreeing: { holds: 1, of: 1 }, claims: [0] },
      { reading: 'calls', outcome: 'holds', agreeing: { holds: 1, of: 1 }, claims: [1] },
    ])
  })

  it('is contradicted if both are', () => {
    const verdicts = judged(two, [...native(), ...costing('runc', 1), ...costing('gvisor', 1)])
    expect(verdicts.findings[0]).toMatchObject({ outcome: 'contradicted', direction: 'better' })
  })

  it('is inconclusive if one holds and the other is contradicted, and fails no run', () => {
    const faster: Matcher = { kind: 'betterThan', platform: 'native', by: 1.5 }
    const claims = [
      aClaim(faster, { on: { by: 'name', names: ['runc'] }, reading: 'names' }),
      aClaim(faster, { on: { by: 'name', names: ['gvisor'] }, reading: 'calls' }),
    ]
    const verdicts = judged(claims, [...native(), ...costing('runc', 0.3), ...costing('gvisor', 3)])
    const [finding] = verdicts.findings
    expect(finding).toMatchObject({
      outcome: 'inconclusive',
      direction: null,
      reasons: [{ code: 'readings-differ', holds: ['names'], contradicted: ['calls'] }],
      parts: [{ readings: [{ outcome: 'holds' }, { outcome: 'contradicted', direction: 'worse' }] }],
    })
    expect(verdicts.claims[1]).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
    expect(exit(verdicts)).toBe(0)
    expect(formatFinding(finding!, { ...verdicts, platforms: [] })).toBe(
      'the readings differ: holds for names; contradicted for calls',
    )
    // The same claims without readings fail it.
    const plain = claims.map(({ reading: _, ...claim }) => claim)
    const failing = judged(plain, [...native(), ...costing('runc', 0.3), ...costing('gvisor', 3)])
    expect(failing.findings[0]).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
    expect(exit(failing)).toBe(1)
  })

  it('is inconclusive with the reason of the reading in doubt if the other is contradicted', () => {
    const { findings } = judged(two, [...native(), ...costing('runc', 1), ...costing('gvisor', erratic)])
    expect(findings[0]!.parts[0]!.readings!.map(({ outcome }) => outcome)).toEqual(['contradicted', 'inconclusive'])
    expect(findings[0]).toMatchObject({ outcome: 'inconclusive', direction: null })
    expect(findings[0]!.reasons[0]!.code).not.toBe('readings-differ')
  })

  it('is inconclusive if one is contradicted and the other was not measured', () => {
    const { findings } = judged([two[0]!, reading('calls', 'crun')], [...native(), ...costing('runc', 1)])
    expect(findings[0]).toMatchObject({
      outcome: 'inconclusive',
      reasons: [{ code: 'platform-unknown', platforms: ['crun'] }],
      parts: [{ missingPlatforms: ['crun'] }],
    })
  })

  it('holds where it was measured if one was not', () => {
    const { findings } = judged([two[0]!, reading('calls', 'crun')], [...native(), ...costing('runc', 3)])
    expect(findings[0]).toMatchObject({ outcome: 'holds-in-part', missingPlatforms: ['crun'] })
  })

  it('differs also where one of them holds only in part', () => {
    const claims = [...two, reading('calls', 'crun')]
    const { findings } = judged(claims, [...native(), ...costing('runc', 1), ...costing('gvisor', 3)])
    expect(findings[0]).toMatchObject({
      outcome: 'inconclusive',
      reasons: [{ code: 'readings-differ', holds: ['calls'], contradicted: ['names'] }],
    })
  })
})

it('has no readings if all claims test the same one', () => {
  const claims = [reading('names', 'runc'), reading('names', 'gvisor')]
  const { findings } = judged(claims, [...native(), ...costing('runc', 3), ...costing('gvisor', 1)])
  expect(findings[0]).toMatchObject({ outcome: 'contradicted' })
  expect(findings[0]!.parts[0]!.readings).toBeUndefined()
})

test.each([
  ['count', 'lower', 'better', 'fewer'],
  ['count', 'lower', 'worse', 'more'],
  ['count', 'higher', 'better', 'more'],
  ['count', 'higher', 'worse', 'fewer'],
  ['ms', 'lower', 'better', 'better'],
  ['ops/s', 'higher', 'worse', 'worse'],
] as const)('a %s of which %s is better differs as %s: %s', (unit, better, direction, word) => {
  expect(comparative({ unit, better, direction })).toBe(word)
})
