import type { Claim } from './claim.ts'
import { callerLocation, DefinitionError } from './errors.ts'
import { type FailOn, type Misprint, registry } from './registry.ts'

export interface FindingOptions {
  readonly failOn?: FailOn
  readonly unmeasurableParts?: readonly string[]
  /** What the statement took for granted and is so no longer, and what its claims ask in its place. */
  readonly outdatedPremise?: string
  /** The statement is an argument: why no measurement decides it. Its claims illustrate it; it never just holds. */
  readonly qualitative?: string
  readonly misprint?: Misprint
}

const shown = (claim: Claim): Claim => ({ ...claim, severity: 'warn' })

/**
 * States a finding: it holds when all its claims hold, and never by having no data.
 * @param id the paper's number, 1 to 28, or a number of the author's own from 100 on.
 * @throws AuthorError when the number or the claims cannot be used.
 */
export function finding(id: number, title: string, claims: readonly Claim[], options: FindingOptions = {}): void {
  const location = callerLocation(finding)
  if (!Number.isInteger(id) || id < 1) {
    throw new DefinitionError(
      `a finding has the number ${id}`,
      "use 1 to 28 for the paper's, 100 and up for your own",
      location,
    )
  }
  if (claims.length === 0 && !options.unmeasurableParts?.length) {
    throw new DefinitionError(
      `finding ${id} makes no claim`,
      'give it claims: expect(metric).on(…).withinNative(5)',
      location,
    )
  }
  registry().findings.push({
    id,
    title,
    failOn: options.failOn ?? 'worse',
    claims,
    unmeasurableParts: options.unmeasurableParts ?? [],
    ...(options.outdatedPremise !== undefined && { outdatedPremise: options.outdatedPremise }),
    ...(options.qualitative !== undefined && { qualitative: options.qualitative }),
    ...(options.misprint && { misprint: { ...options.misprint, claims: options.misprint.claims.map(shown) } }),
    ...(location && { location }),
  })
}
