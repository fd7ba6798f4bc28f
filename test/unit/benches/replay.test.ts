/** The paper's own facts, judged by the encoding of its findings, and those facts with a change. */

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Report } from '../../../src/core/model/report.ts'
import type { BenchData, Suite } from '../../../src/core/model/suite.ts'
import type { ImportedStatement } from '../../../src/core/records/import.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import { seriesOf } from '../../../src/dsl/finding-id.ts'
import { formatClaim, formatFinding } from '../../../src/reporters/format.ts'
import { factMutations } from './mutations.ts'
import { contradictedParts, nameOf, partsWithTooFew } from './parts.ts'
import { judgeFacts, judgeFactsOn, paperFacts, printedStatements, statedFacts } from './replay.ts'
import { allPlatforms, built, collectBenches, itWithBuild } from './suite.ts'

let suite: Suite
let report: Report

beforeAll(async () => {
  if (!built) return
  suite = await collectBenches()
  report = judgeFacts(suite)
}, 60_000)

const allParts = (from: Report) =>
  from.findings
    .filter(({ id }) => seriesOf(id) === undefined)
    .flatMap(({ id, parts }) => parts.map((part) => ({ ...part, name: nameOf(id, part) })))
const claimsOf = (id: number) => report.findings.find((one) => one.id === id)!.claims.map((at) => report.claims[at]!)

describe('benches/paper-facts.json', () => {
  const number = (id: string) => statedFacts.get(id) as number
  /** How the numbers of a statement come out of the paper's: everything else is as the paper prints it. */
  const derived: Record<string, number[]> = {
    'fio.secure': [0, number('fio.secure')],
    // Of the throughput of OSv or of QEMU: the text fits both readings.
    'iperf.osv_qemu': [1 + number('iperf.osv_qemu') / 100, 1 / (1 - number('iperf.osv_qemu') / 100)],
    'iperf.osvfc_fc': [1 + number('iperf.osvfc_fc') / 100],
    ...Object.fromEntries(['iperf.docker', 'iperf.lxc', 'iperf.hv'].map((id) => [id, [1 - number(id) / 100]])),
    'boot.daemon': [number('boot.docker') + number('boot.daemon')],
    // The guests of the paper have 16 CPUs.
    'mysql.peak': [number('mysql.peak') / 16],
    'mysql.peak.native': [number('mysql.peak.native') / 16],
  }
  const numbersIn = (one: ImportedStatement) =>
    'value' in one ? one.value : 'ratio' in one ? one.ratio : 'peak' in one ? one.peak : []

  it.each([...new Set(paperFacts.published.map(({ note }) => note!))])(
    'has no number that is not in the paper: %s',
    (id) => {
      expect([...statedFacts.keys()]).toContain(id)
      const stated = (derived[id] ?? [statedFacts.get(id)].flat()) as number[]
      for (const one of paperFacts.published.filter(({ note }) => note === id)) {
        const numbers = [numbersIn(one)].flat()
        expect(numbers.length === 0 || numbers.length === stated.length, id).toBe(true)
        for (const [at, value] of numbers.entries()) expect(value, id).toBeCloseTo(stated[at]!, 3)
      }
    },
  )

  it('is small enough to be read', () => {
    expect(readFileSync(new URL('../../../benches/paper-facts.json', import.meta.url)).length).toBeLessThan(60_000)
  })
})

describe("the paper's stated facts", () => {
  itWithBuild('contradict no part, and leave none in doubt', () => {
    const against = allParts(report).filter(({ outcome }) => outcome === 'contradicted' || outcome === 'inconclusive')
    expect(against.map(({ name }) => name)).toEqual([])
  })

  itWithBuild('decide 12, 20, 22 and A2 to A5 by the numbers that the text gives', () => {
    for (const id of [12, 20, 22, 102, 103, 104, 105]) {
      const finding = report.findings.find((one) => one.id === id)!
      expect(finding.outcome, `finding ${id}: ${formatFinding(finding, report)}`).toBe('holds')
    }
    expect(claimsOf(12)[0]!.estimate!.low).toBeCloseTo(3)
    expect(claimsOf(12)[0]!.estimate!.high).toBeCloseTo(4)
    expect(formatClaim(claimsOf(12)[0]!)).toContain('×median, as stated')
    const peaks = claimsOf(20).filter(({ claim: { matcher } }) => matcher.kind === 'peaksAt')
    expect(peaks.map(({ platforms, estimate }) => [platforms.length, estimate!.value])).toEqual([
      [6, 50 / 16],
      [1, 110 / 16],
    ])
    const kata = claimsOf(13).find(
      ({ platforms, claim: { matcher, severity } }) =>
        platforms[0] === 'kata' && severity === 'fail' && matcher.kind === 'worseThan' && matcher.platform === 'runc',
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
    for (const id of [10, 14, 27])
      expect(report.findings.find((one) => one.id === id)!.outcome, `finding ${id}`).toBe('holds')
    for (const verdict of claimsOf(14)) {
      expect(verdict).toMatchObject({ estimate: null, published: true })
      expect(formatClaim(verdict)).toContain('by the order that is stated')
    }
  })

  itWithBuild('leave a magnitude that only a figure has open, and say so', () => {
    const open = allParts(report).filter(({ outcome }) => outcome !== 'holds')
    expect(open.map(({ name, outcome }) => `${name}: ${outcome}`)).toMatchInlineSnapshot(`
      [
        "1: encoding video shows differences: not-evaluated",
        "1: OSv is severely slow at it: not-evaluated",
        "2: the regular containers: holds-in-part",
        "2: the secure containers: holds-in-part",
        "3: most hypervisors have some slowdown: not-evaluated",
        "3: OSv on QEMU has no slowdown: holds-in-part",
        "4: Firecracker is substantially worse than all others: holds-in-part",
        "4: Cloud Hypervisor is slower in latency, but less than Firecracker: holds-in-part",
        "4: Cloud Hypervisor is not slower in throughput: not-evaluated",
        "4: QEMU is slower in throughput, but not in latency: not-evaluated",
        "5: OSv on Firecracker is worse than OSv on QEMU: not-evaluated",
        "5: OSv on QEMU is close to native: holds-in-part",
        "6: Cloud Hypervisor is significantly worse: not-evaluated",
        "7: virtio-fs is significantly faster than 9P: not-evaluated",
        "8: by the 9P protocol: not-evaluated",
        "8: by the separate gofer: not-evaluated",
        "9: Cloud Hypervisor is the outlier: not-evaluated",
        "11: OSv is not the fastest of all: not-evaluated",
        "11: OSv is slightly faster than each hypervisor: holds-in-part",
        "15: OSv boots faster than Linux: not-evaluated",
        "15: OSv boots about as fast as containers: not-evaluated",
        "15: the hypervisor has a significant effect: not-evaluated",
        "17: the regular containers are better than the median of the others: not-evaluated",
        "17: LXC is the better of the two: not-evaluated",
        "18: Kata is significantly worse than most: not-evaluated",
        "18: its network and memory are not worse than those of QEMU: holds-in-part",
        "19: gVisor is poor at memcached: not-evaluated",
        "19: its network is the cause: holds-in-part",
        "21: the three severely underperform: not-evaluated",
        "21: the number of threads has no effect: not-evaluated",
        "21: gVisor's network makes it worse: not-evaluated",
        "23: they have no stable ranking: not-evaluated",
        "24: its interface is much wider than that of QEMU: not-evaluated",
        "25: Cloud Hypervisor makes very few calls: not-evaluated",
        "25: far fewer than the other two hypervisors: not-evaluated",
        "26: gVisor has a high number: not-evaluated",
        "26: Kata has a high number: not-evaluated",
        "106: Cloud Hypervisor is severely worse than QEMU: not-evaluated",
        "107: gVisor is far below all others: holds-in-part",
      ]
    `)
    for (const { name, reasons, missingPlatforms } of open)
      expect(reasons.length + missingPlatforms.length, name).toBeGreaterThan(0)
  })

  itWithBuild(
    'contradict finding 21 alone when 22 is taken as it is printed: there the paper contradicts itself',
    () => {
      const printed = judgeFacts(suite, printedStatements)
      expect(contradictedParts(printed)).toEqual(['21: the three severely underperform'])
      const against = printed.findings.find(({ id }) => id === 21)!
      expect(formatFinding(against, printed)).toContain('gvisor')
      expect(printed.findings.find(({ id }) => id === 22)!.misprint!.outcome).toBe('holds')
    },
  )
})

/** No statement of an import is about the shape of a series without a peak, or about a ranking that changes. */
const withoutStatement = ['constant', 'noStableOrder']

describe("a change of the paper's facts", () => {
  itWithBuild('contradicts each part, two at least exactly that part or those that rest on the same fact', () => {
    const changes = function* (claims: readonly Claim[], bench: BenchData) {
      for (const statements of factMutations(claims, bench, allPlatforms))
        yield contradictedParts(judgeFactsOn(bench, suite, statements))
    }
    expect(partsWithTooFew(suite, changes, ({ matcher }) => !withoutStatement.includes(matcher.kind))).toEqual([])
  })
})
