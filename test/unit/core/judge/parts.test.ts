import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import type { Part } from '../../../../src/dsl/registry.ts'
import { formatFinding } from '../../../../src/reporters/format.ts'
import { aClaim, aFinding, aPlan, aPlatform, aSample, costing, erratic, native, rounds, withError } from './builders.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }
const slower: Matcher = { kind: 'worseThan', platform: 'native', by: 2 }
const on = (name: string) => ({ on: { by: 'name', names: [name] } }) as const
const part = (title: string, ...claims: Claim[]): Part => ({ title, claims })
const runc = part('runc is on par', aClaim(within, on('runc')))
const gvisor = part('gVisor is slow', aClaim(slower, on('gvisor')))
const kata = part('Kata is slow', aClaim(slower, on('kata')))

const judged = (parts: readonly Part[], samples: readonly Sample[], over: Parameters<typeof aPlan>[0] = {}) => {
  const verdicts = judge(aPlan({ findings: [aFinding([], { parts })], ...over }), samples)
  const finding = verdicts.findings[0]!
  return { finding, text: formatFinding(finding, { ...verdicts, platforms: [] }), claims: verdicts.claims }
}
const measured = (costs: Record<string, number | ((round: number) => number)>) => [
  ...native(),
  ...Object.entries(costs).flatMap(([name, cost]) => costing(name, cost)),
]

describe('a finding of several parts', () => {
  it('holds if all parts hold', () => {
    const { finding, text } = judged([runc, gvisor], measured({ runc: 1, gvisor: 4 }))
    expect(finding).toMatchObject({ outcome: 'holds', agreeing: { holds: 2, of: 2 } })
    expect(finding.parts.map(({ outcome, claims }) => [outcome, claims])).toEqual([
      ['holds', [0]],
      ['holds', [1]],
    ])
    expect(text).toBe('2 comparisons, without exception')
  })

  it('is contradicted by one part, names it, and says what the others say', () => {
    const { finding, text } = judged([runc, gvisor, kata], measured({ runc: 1, gvisor: 1.2 }))
    expect(finding).toMatchObject({ outcome: 'contradicted', direction: 'better' })
    expect(finding.parts.map(({ outcome }) => outcome)).toEqual(['holds', 'contradicted', 'not-evaluated'])
    expect(text).toMatch(/^gVisor is slow: latency of gvisor is better than claimed/)
    expect(text).toMatch(/; other parts: 1 held, 1 not evaluated$/)
  })

  it('is in doubt before it holds where measured', () => {
    const { finding } = judged([runc, gvisor, kata], measured({ runc: 1, gvisor: erratic }))
    expect(finding).toMatchObject({ outcome: 'inconclusive' })
  })

  it('holds where it was measured if a part is open, and says what is missing', () => {
    const { finding, text } = judged([runc, kata], measured({ runc: 1 }))
    expect(finding).toMatchObject({
      outcome: 'holds-in-part',
      agreeing: { holds: 1, of: 2 },
      missingPlatforms: ['kata'],
    })
    expect(text).toBe('1 of 2 comparisons; needs kata: not in this run')
  })

  it('is not evaluated if no comparison was made', () => {
    expect(judged([kata], native()).finding).toMatchObject({ outcome: 'not-evaluated', agreeing: { holds: 0, of: 1 } })
  })
})

describe('the comparisons of a part', () => {
  it('do not count what a platform cannot run by its nature', () => {
    const both = part('both', aClaim(within, { on: { by: 'name', names: ['runc', 'gvisor'] } }))
    const platforms = [
      aPlatform('native'),
      aPlatform('runc'),
      aPlatform('gvisor', { unsupportedWorkloads: ['commands'] }),
    ]
    expect(judged([both], measured({ runc: 1 }), { platforms }).finding).toMatchObject({
      outcome: 'holds',
      agreeing: { holds: 1, of: 1 },
    })
  })

  it('are complete only with all members of a median', () => {
    const medianOf = ['native', 'gvisor', 'kata']
    const median = part('all', aClaim({ kind: 'worseThan', platform: 'the median', medianOf, by: 2 }, on('runc')))
    const samples = measured({ runc: 4, gvisor: 1 })
    expect(judged([median], samples).claims[0]).toMatchObject({ outcome: 'holds', missingMembers: ['kata'] })
    expect(judged([median], samples).finding).toMatchObject({
      outcome: 'holds-in-part',
      agreeing: { holds: 1, of: 1 },
      missingPlatforms: ['kata'],
    })
    const platforms = ['native', 'runc', 'gvisor', 'kata'].map((name) => aPlatform(name))
    const complete = judged([median], measured({ runc: 4, gvisor: 1, kata: 1 }), { platforms })
    expect(complete.finding.outcome).toBe('holds')
  })

  it('name the members of a median that failed', () => {
    const medianOf = ['native', 'gvisor', 'kata']
    const median = part('all', aClaim({ kind: 'worseThan', platform: 'the median', medianOf, by: 2 }, on('runc')))
    const platforms = ['native', 'runc', 'gvisor', 'kata'].map((name) => aPlatform(name))
    const failed = (name: string) => rounds(5).map((round) => aSample(name, round, withError('it failed')))
    const reasonWith = (names: readonly string[]) => {
      const worked = Object.fromEntries(
        ['runc', ...medianOf].filter((one) => !names.includes(one)).map((one) => [one, 1]),
      )
      const samples = [...measured(worked), ...names.flatMap(failed)]
      return judged([median], samples, { platforms }).claims[0]!.reason
    }
    expect(reasonWith(['gvisor', 'kata'])).toEqual({ code: 'sample-errors', platforms: ['gvisor', 'kata'] })
    expect(reasonWith(['kata'])).toEqual({ code: 'sample-errors', platforms: ['kata'] })
  })
})

describe('a contradiction', () => {
  /** Differs from native by the margin and a little more, which five rounds just show. */
  const slightly = (round: number) => 1.11 + ((round * 5) % 7) * 0.004
  const names = Array.from({ length: 30 }, (_, at) => `p${at}`)
  const platforms = ['native', ...names].map((name) => aPlatform(name))
  const samples = (rounds: number) => [
    ...native(rounds),
    ...costing('p0', slightly, { count: rounds }),
    ...names.slice(1).flatMap((name) => costing(name, 1.01, { count: rounds })),
  ]
  const claimsOn = (some: readonly string[]) => [part('all', aClaim(within, { on: { by: 'name', names: [...some] } }))]

  it('must be significant among all comparisons of the finding, although it never fails the run', () => {
    const verdict = (some: readonly string[]) =>
      judge(aPlan({ platforms, findings: [aFinding([], { parts: claimsOn(some), failOn: 'never' })] }), samples(5))
        .claims[0]!
    expect(verdict(['p0']).outcome).toBe('contradicted')
    expect(verdict(names)).toMatchObject({
      outcome: 'inconclusive',
      reason: { code: 'multiplicity', tests: 30, among: 'finding' },
    })
  })
})
