import { beforeAll, describe, expect } from 'vitest'
import { buildReport, withFindings } from '../../../src/core/judge/report.ts'
import type { Report } from '../../../src/core/model/report.ts'
import type { Suite } from '../../../src/core/model/suite.ts'
import { importRecord } from '../../../src/core/records/import.ts'
import { formatClaim, formatFinding } from '../../../src/reporters/format.ts'
import { factsAsImport } from './replay.ts'
import { allPlatforms, built, collectBenches, itWithBuild } from './suite.ts'

let suite: Suite
let report: Report

const replay = (printed: boolean): Report =>
  buildReport(withFindings(importRecord('facts.json', factsAsImport(suite, { printed }), suite, allPlatforms), suite), {
    strict: false,
  })

beforeAll(async () => {
  if (!built) return
  suite = await collectBenches()
  report = replay(false)
}, 60_000)

const verdictsIn = (from: Report) => Object.fromEntries(from.findings.map(({ id, outcome }) => [id, outcome]))
const claimsOf = (id: number) => report.findings.find((one) => one.id === id)!.claims.map((at) => report.claims[at]!)

describe("the paper's stated facts, replayed", () => {
  itWithBuild('contradict no finding', () => {
    const against = report.findings.filter(({ outcome }) => outcome === 'contradicted')
    expect(against.map((finding) => `${finding.id}: ${formatFinding(finding, report)}`)).toEqual([])
    expect(report.findings.filter(({ outcome }) => outcome === 'inconclusive')).toEqual([])
  })

  itWithBuild('decide 12, 13, 20, 22 and A2 to A6 by the numbers that the text gives', () => {
    const verdicts = verdictsIn(report)
    for (const id of [12, 13, 20, 22, 102, 103, 104, 105, 106]) expect(verdicts[id], `finding ${id}`).toBe('holds')
    expect(claimsOf(12)[0]!.estimate!.low).toBeCloseTo(3)
    expect(claimsOf(12)[0]!.estimate!.high).toBeCloseTo(4)
    expect(formatClaim(claimsOf(12)[0]!)).toContain('×median, as stated')
    const peaks = claimsOf(20).filter(({ claim: { matcher } }) => 'over' in matcher && matcher.over === 'threadsPerCpu')
    expect(peaks.map(({ platforms, estimate }) => [...platforms, estimate!.value])).toEqual([
      ['docker', 50 / 16],
      ['lxc', 50 / 16],
      ['native', 110 / 16],
    ])
    const kata = claimsOf(13).find(
      ({ platforms, claim: { matcher } }) =>
        platforms[0] === 'kata' && matcher.kind === 'worseThan' && matcher.platform === 'runc',
    )!
    expect(kata.estimate!.value).toBeCloseTo(6)
    expect(claimsOf(105).map(({ estimate }) => estimate!.value.toFixed(4))).toEqual([
      '0.9016',
      '0.9081',
      '0.9016',
      '0.9081',
    ])
  })

  itWithBuild('decide what is only an order by the order', () => {
    const verdicts = verdictsIn(report)
    for (const id of [10, 14]) expect(verdicts[id], `finding ${id}`).toBe('holds')
    expect(verdicts[101], 'finding 101').toBe('holds-in-part')
    for (const verdict of claimsOf(14)) {
      expect(verdict).toMatchObject({ estimate: null, published: true })
      expect(formatClaim(verdict)).toContain('by the order that is stated')
    }
  })

  itWithBuild('decide 16, 24, 26 and 27 where their benches are', () => {
    const verdicts = verdictsIn(report)
    for (const id of [16, 24, 26, 27]) expect(['holds', 'holds-in-part'], `finding ${id}`).toContain(verdicts[id])
  })

  itWithBuild('leave a magnitude that only a figure has undecidable, and say so', () => {
    for (const id of [1, 3, 4, 5, 6, 7, 9, 11, 15, 17, 18, 19, 23]) {
      const finding = report.findings.find((one) => one.id === id)!
      expect(['holds-in-part', 'not-evaluated'], `finding ${id}`).toContain(finding.outcome)
      expect(
        finding.reasons.map(({ code }) => code),
        `finding ${id}`,
      ).toContain('no-published-number')
    }
    const undecided = report.claims.filter(({ outcome }) => outcome === 'not-evaluated')
    expect(undecided.length).toBeGreaterThan(30)
    for (const { estimate } of undecided) expect(estimate).toBeNull()
  })

  itWithBuild(
    'contradict finding 21 alone when 22 is taken as it is printed: there the paper contradicts itself',
    () => {
      const printed = replay(true)
      const against = printed.findings.filter(({ outcome }) => outcome === 'contradicted')
      expect(against.map(({ id }) => id)).toEqual([21])
      expect(formatFinding(against[0]!, printed)).toContain('gvisor')
      expect(printed.findings.find(({ id }) => id === 22)!.misprint!.outcome).toBe('holds')
    },
  )
})
