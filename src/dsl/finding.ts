import { DefinitionError } from './author-error.ts'
import type { Claim } from './claim.ts'
import { callerLocation, type Location } from './location.ts'
import { registry } from './registry.ts'

/** What it means when a finding no longer holds. */
export type FailOn =
  /** The default: it gates where the flip hurts; a flip for the better is reported as improved past the paper. */
  | 'worse'
  /** Any flip gates. */
  | 'any'
  /** Informational: a ranking or a trade-off. */
  | 'never'

/** A numbered statement of the paper, made of claims. */
export interface FindingSpec {
  readonly id: number
  readonly title: string
  readonly failOn: FailOn
  readonly claims: readonly Claim[]
  /** Parts of the statement that no bench of this suite can decide, and why: they keep it from ever just holding. */
  readonly unmeasurableParts: readonly string[]
  readonly outdatedPremise?: string
  readonly qualitative?: string
  readonly misprint?: Misprint
  readonly location?: Location
}

/** A statement as its source prints it, where that is a slip: judged and shown beside, never decisive and never gating. */
export interface Misprint {
  readonly claims: readonly Claim[]
  /** Why it cannot be what was meant, such as another statement that it contradicts. */
  readonly why: string
}

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
