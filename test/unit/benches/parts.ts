/** The parts of the paper's findings, and which of them a change of the data may contradict together. */

import type { BenchData, FindingData, Suite } from '../../../src/core/model/suite.ts'
import type { Verdicts } from '../../../src/core/model/verdict.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import type { FindingId } from '../../../src/dsl/finding-id.ts'
import type { Part } from '../../../src/dsl/registry.ts'
import { groupBy } from '../../../src/util/group-by.ts'

export const nameOf = (id: FindingId, { title }: Pick<Part, 'title'>): string => `${id}: ${title}`

/** The findings, with only the claims about one bench. A part of which none is left is left out. */
export const findingsOn = (suite: Suite, bench: BenchData): FindingData[] =>
  suite.findings.flatMap(({ misprint: _, ...finding }) => {
    const parts = finding.parts
      .map((part) => ({ ...part, claims: part.claims.filter((claim) => claim.bench === bench.id) }))
      .filter(({ claims }) => claims.length > 0)
    return parts.length > 0 ? [{ ...finding, parts }] : []
  })

export const contradictedParts = ({ findings }: Pick<Verdicts, 'findings'>): string[] =>
  findings.flatMap(({ id, parts }) =>
    parts.filter(({ outcome }) => outcome === 'contradicted').map((part) => nameOf(id, part)),
  )

const hypervisorPenalty = '106: QEMU and Firecracker have a penalty of about 25 %'
const kataLikeQemu = '106: Kata is equal to QEMU'

/** What the paper says of the profile of a secure container. */
function profileParts(name: string): [string, string[]][] {
  const parts = [
    `26: ${name} has a high number`,
    `26: ${name} has a higher number than the regular containers`,
    `28: ${name}, with one layer more than Docker, has a wider profile`,
  ]
  return parts.map((part) => [part, parts])
}

/** Parts that no change contradicts alone, because others follow from the same fact, and those others. */
const shared: Record<string, string[]> = {
  // Severe slowness on OSv is a difference.
  '1: encoding video shows differences': ['1: OSv is severely slow at it'],
  // Finding 4 names the two that are slower in latency, and the two in throughput.
  '3: most hypervisors have some slowdown': [
    '4: Firecracker is substantially worse than all others',
    '4: Cloud Hypervisor is slower in latency, but less than Firecracker',
    '4: QEMU is slower in throughput, but not in latency',
  ],
  // What is close to native has no slowdown.
  '3: OSv on QEMU has no slowdown': ['5: OSv on QEMU is close to native'],
  // At most half of the median is far below Docker, which is one of its members.
  '8: gVisor is severely hampered': ['6: gVisor and Kata reach at most half'],
  // QEMU is one of the most systems.
  '9: QEMU is close to native': ['6: most systems are close to native'],
  // Equal to QEMU in bandwidth, and close to native in memory, is not worse than QEMU.
  '18: its network and memory are not worse than those of QEMU': [
    kataLikeQemu,
    '3: Kata is not significantly impaired',
  ],
  // Half of the other two hypervisors is less than the median of all others.
  // Firecracker is one of the others.
  '25: Cloud Hypervisor makes very few calls': [
    '25: far fewer than the other two hypervisors',
    '24: Firecracker makes the most calls',
  ],
  // Half of the platforms are above the containers, so that these are next to the median, and Docker is one of them.
  ...Object.fromEntries(['gVisor', 'Kata'].flatMap(profileParts)),
  // The numbers of A1 to A6 fix each platform.
  '101: every platform is slower than native': [
    '102: OSv is below native by about 2.5 %',
    '104: OSv is faster than Linux on Firecracker, but not significantly',
  ],
  '102: OSv is faster than every other platform': ['105: Docker and LXC have a penalty of about 9 %'],
  '103: OSv is faster than Linux on QEMU by about 25.7 %': [
    hypervisorPenalty,
    kataLikeQemu,
    '106: Cloud Hypervisor is severely worse than QEMU',
    '18: its network and memory are not worse than those of QEMU',
  ],
  // The paper says it of every platform, and the specification of Firecracker.
  '2026-2: more than 95 % of native': ['1: verifying primes has no overhead on any platform'],
  // Kata starts slowly, and so does the slowest machine of all.
  '2026-7: Firecracker is faster than Kata': [
    '13: Kata and LXC are the exceptions',
    '14: QEMU microvm is the slowest machine of all',
  ],
  [hypervisorPenalty]: ['104: OSv is faster than Linux on Firecracker, but not significantly'],
}

/** How many changes of the data must contradict a part. */
const needed = 2

/**
 * Claims that state the same under each reading of a part's words. A part is contradicted only under all readings, so
 * a change must contradict all of them.
 */
export function acrossReadings(claims: readonly Claim[]): Claim[][] {
  const groups = groupBy(claims, ({ metric, reading, location: _, ...statement }) =>
    JSON.stringify(reading === undefined ? { metric, ...statement } : statement),
  )
  return [...groups.values()]
}

/**
 * The measurable parts that fewer changes contradict than needed, with what those contradict.
 * @param changes the parts that each change contradicts which should contradict the claims under each reading
 */
export function partsWithTooFew(
  suite: Suite,
  changes: (claims: readonly Claim[], bench: BenchData) => Iterable<string[]>,
  isMeasurable: (claim: Claim) => boolean = () => true,
): string[] {
  return suite.findings.flatMap(({ id, parts }) =>
    parts.flatMap((part) => {
      const name = nameOf(id, part)
      const allowed = [name, ...(shared[name] ?? [])]
      const claims = part.claims.filter((claim) => claim.severity === 'fail' && isMeasurable(claim))
      const others = new Set<string>()
      let found = 0
      for (const same of acrossReadings(claims)) {
        const bench = suite.benches.find((one) => one.id === same[0]!.bench)!
        for (const contradicted of changes(same, bench)) {
          if (contradicted.includes(name)) others.add(contradicted.join(' + '))
          if (contradicted.includes(name) && contradicted.every((one) => allowed.includes(one))) found++
          if (found >= needed) return []
        }
      }
      return claims.length > 0 ? [`${name}: only ${found}: ${[...others].join(' | ')}`] : []
    }),
  )
}
