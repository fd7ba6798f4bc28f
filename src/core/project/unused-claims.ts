import type { Claim } from '../../dsl/claim.ts'
import type { Location } from '../../dsl/errors.ts'
import type { MadeExpectation, MadePart } from '../../dsl/registry.ts'
import { claimsOfFinding, type FindingData, type Problem } from '../model/suite.ts'

/** Warnings of what authors make for benches and findings, and that none of them has. Pure. */

/** What bench files make. A file that several bench files import makes it for each of them. */
export interface Made {
  readonly claims: readonly InFile<Claim>[]
  readonly expectations: readonly InFile<MadeExpectation>[]
  readonly parts: readonly InFile<MadePart>[]
}

/** A value with the bench file that was imported. */
export type InFile<T> = T & { readonly file: string }

const keyOf = ({ bench, metric, matcher, location }: Claim) => JSON.stringify([bench, metric, matcher, location])

/**
 * A warning for each claim and each part that no finding has, and for each expectation that no bench has: nothing
 * judges them. Files with problems have none, because the bench or the finding may be one of the problems.
 */
export function unusedClaims(made: Made, findings: readonly FindingData[], problems: readonly Problem[]): Problem[] {
  const used = new Set(findings.flatMap(claimsOfFinding).map(keyOf))
  const titles = new Set(findings.flatMap(({ parts }) => parts.map(({ title }) => title)))
  const usedExpectations = new Set(
    made.expectations.filter(({ isUsed }) => isUsed).map(({ location }) => JSON.stringify(location)),
  )
  const claims = made.claims
    .filter((claim) => !used.has(keyOf(claim)))
    .map(({ metric, ...place }) =>
      warning(
        place,
        `no finding has this claim about "${metric}", so nothing judges it.`,
        'put it into finding(100, title, [claim]), or write it as expect: { ... } of its bench',
      ),
    )
  const parts = made.parts
    // Each claim that no finding has is a warning already.
    .filter(({ title, claims }) => !titles.has(title) && claims.every((claim) => used.has(keyOf(claim))))
    .map(({ title, ...place }) =>
      warning(
        place,
        `no finding has the part "${title}", so no report shows it.`,
        'put it into finding(100, title, [part(...)])',
      ),
    )
  const expectations = made.expectations
    .filter(({ location }) => location && !usedExpectations.has(JSON.stringify(location)))
    .map((place) =>
      warning(
        place,
        'no bench has this expectation, so nothing judges it.',
        "write it as expect: { metric: expect.withinNative(5) } of bench('name', workload, { expect: ... })",
      ),
    )
  const spoilt = new Set(problems.map(({ file }) => file))
  return [...claims, ...parts, ...expectations].filter(({ file }) => !spoilt.has(file))
}

const warning = (
  { file, location }: InFile<{ readonly location?: Location }>,
  message: string,
  fix: string,
): Problem => ({
  file,
  message,
  fix,
  ...(location && { location }),
})
