/** The paper's claims on samples that are made up to make them true, and then false. */

import { beforeAll, describe, expect } from 'vitest'
import { claimedPlatforms, comparedPlatforms } from '../../../src/core/judge/claim.ts'
import { judge } from '../../../src/core/judge/judge.ts'
import { type BenchData, claimsOfFinding, type FindingData, type Suite } from '../../../src/core/model/suite.ts'
import type { Verdicts } from '../../../src/core/model/verdict.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import { formatClaim, formatMatcher } from '../../../src/reporters/format.ts'
import { allPlatforms, built, collectBenches, itWithBuild } from './suite.ts'
import {
  boundsOf,
  type Costs,
  costsWithin,
  isShape,
  noteAbsolute,
  planFor,
  pointsFor,
  type Shift,
  samplesOf,
  tilt,
  withoutSuspicion,
} from './synthetic.ts'

let suite: Suite
const benches = () => new Map(suite.benches.map((bench) => [bench.id, bench]))
const every = (): { finding: FindingData; claim: Claim }[] =>
  suite.findings.flatMap((finding) => claimsOfFinding(finding).map((claim) => ({ finding, claim })))

beforeAll(async () => {
  if (built) suite = await collectBenches()
}, 60_000)

/** One claim alone, in a separate data set. */
function alone({ finding, claim }: { finding: FindingData; claim: Claim }) {
  const bench = benches().get(claim.bench)!
  const metric = bench.metrics[claim.metric]!
  const subjects = claimedPlatforms(claim, allPlatforms).flat()
  const stated = [{ ...finding, parts: [{ title: '', claims: [{ ...claim, severity: 'fail' as const }] }] }].map(
    ({ misprint: _, qualitative: __, ...rest }): FindingData => rest,
  )
  noteAbsolute([claim])
  const judged = (
    change: Partial<{
      costs: Costs
      shift: Shift
      tilted: (at: number, round: number) => number
      without: readonly string[]
    }> = {},
  ): Verdicts['claims'] => {
    const { costs = costsOf(), shift = () => 0, tilted, without = [] } = change
    const platforms = allPlatforms.map((one) => (without.includes(one.name) ? { ...one, available: false } : one))
    const samples = pointsFor(claim, bench)
      .flatMap((point, at) =>
        samplesOf(
          point,
          bench,
          new Map([[claim.metric, costs]]),
          (name, round) => shift(name, round) + (tilted ? tilted(at, round) : tilt(claim, point)),
        ),
      )
      .filter(({ platform }) => !without.includes(platform))
    const { claims } = judge(planFor([withoutSuspicion(bench)], stated, platforms), samples)
    // The matchers of several platforms give one verdict for all.
    return claims
  }
  // Where the claim asks for some platforms only, the others are on its other side.
  const costsOf = (): Costs => {
    const costs = costsWithin(boundsOf(claim, metric, allPlatforms), allPlatforms)
    for (const other of claim.onAtLeast === undefined || isShape(claim) ? [] : subjects.slice(claim.onAtLeast)) {
      costs.set(other, mirrored(bench, claim, costs, other))
    }
    return costs
  }
  return { bench, subjects, costsOf, judged }
}

/** The cost on the other side of what the claim compares with, or beyond a margin that has two sides. */
function mirrored(bench: BenchData, claim: Claim, costs: Costs, platform: string): number {
  const [bound] = boundsOf(
    { ...claim, on: { by: 'name', names: [platform] } },
    bench.metrics[claim.metric]!,
    allPlatforms,
  )
  const { low, high, to } = bound!
  const reference = to.length > 0 ? costs.get(to[0]!)! : 0
  if (Number.isFinite(low) && Number.isFinite(high)) return reference + 2 * (high - low)
  return reference + (Number.isFinite(high) ? high + 0.4 : low - 0.4)
}

const verdictsOf = (claims: Verdicts['claims']) => [...new Set(claims.map(({ outcome }) => outcome))]
const label = ({ finding, claim }: { finding: FindingData; claim: Claim }) =>
  [
    `${finding.id}: ${claim.metric} of ${JSON.stringify(claim.on)}`,
    formatMatcher(claim.matcher, ''),
    JSON.stringify(claim.where),
  ].join(' ')

/** Every claim of the suite with an unexpected verdict. */
function deviations(
  wanted: string,
  act: (one: { finding: FindingData; claim: Claim }) => Verdicts['claims'],
): string[] {
  return every().flatMap((one) => {
    const claims = act(one)
    const got = verdictsOf(claims)
    return got.length === 1 && got[0] === wanted
      ? []
      : [`${label(one)} is ${got.join(' and ')}: ${claims[0] && formatClaim(claims[0])}`]
  })
}

describe('every claim alone', () => {
  itWithBuild('holds in a world made for it', () => {
    expect(every().length).toBeGreaterThan(80)
    expect(deviations('holds', (one) => alone(one).judged())).toEqual([])
  })

  itWithBuild('is contradicted when its sides are swapped, or a margin with two sides is left', () => {
    const swapped = (one: { finding: FindingData; claim: Claim }) => {
      const { bench, subjects, costsOf, judged } = alone(one)
      const costs = costsOf()
      const { matcher } = one.claim
      // A peak at the first point, where no finding has one, is a slope too.
      if (isShape(one.claim)) return judged({ tilted: (at) => at })
      if (matcher.kind === 'ranked') {
        const ranks = matcher.platforms.map((name) => costs.get(name)!)
        for (const [at, name] of matcher.platforms.entries()) costs.set(name, ranks.at(-1 - at)!)
      } else if (matcher.kind === 'noStableOrder') {
        for (const [at, name] of matcher.platforms.entries()) costs.set(name, at)
      } else {
        const others = new Map(subjects.map((name) => [name, mirrored(bench, one.claim, costs, name)]))
        for (const [name, cost] of others) costs.set(name, cost)
      }
      return judged({ costs })
    }
    expect(deviations('contradicted', swapped)).toEqual([])
  })

  itWithBuild('is undecidable without the platforms that it is about, and names them', () => {
    const without = (one: { finding: FindingData; claim: Claim }) => {
      const { subjects, judged } = alone(one)
      const names =
        'platforms' in one.claim.matcher
          ? one.claim.matcher.platforms.slice(0, 1)
          : subjects.slice(0, one.claim.onAtLeast)
      const claims = judged({ without: names })
      const missing = new Set(claims.flatMap(({ missingPlatforms: needs }) => needs))
      for (const name of names) expect([...missing], label(one)).toContain(name)
      return claims
    }
    expect(deviations('not-evaluated', without)).toEqual([])
  })

  itWithBuild('is undecidable without what it is compared with', () => {
    const comparing = every().filter(
      ({ claim: { matcher } }) => matcher.kind === 'withinNative' || 'platform' in matcher,
    )
    for (const one of comparing) {
      const { subjects, judged } = alone(one)
      const names = comparedPlatforms(one.claim, subjects)
      expect(verdictsOf(judged({ without: names })), label(one)).toEqual(['not-evaluated'])
    }
  })

  itWithBuild('is inconclusive when the noise is widened', () => {
    const noisy = (one: { finding: FindingData; claim: Claim }) => {
      const { bench, subjects, costsOf, judged } = alone(one)
      const { matcher } = one.claim
      if (isShape(one.claim)) return judged({ tilted: (at, round) => ((at + round) % 2 === 0 ? 1 : -1) })
      const costs = costsOf()
      if (matcher.kind === 'noStableOrder') {
        for (const [at, name] of matcher.platforms.entries()) costs.set(name, at)
        const turned: Shift = (name, round) => (round < 3 ? -2 * (costs.get(name) ?? 0) : 0)
        return judged({ costs, shift: turned })
      }
      const moved = 'platforms' in matcher ? matcher.platforms.filter((_, at) => at % 2 === 0) : subjects
      // From deep inside to as deep outside, and back, from round to round.
      const wide: Shift = (name, round) => {
        if (!moved.includes(name)) return 0
        const span =
          'platforms' in matcher ? 2 : Math.abs(mirrored(bench, one.claim, costs, name) - costs.get(name)!) + 2
        return round % 2 === 0 ? span : -span
      }
      return judged({ costs, shift: wide })
    }
    expect(deviations('inconclusive', noisy)).toEqual([])
  })
})
