/** `finding`: registers a numbered statement of a paper, with claims that test it. */

import type { Claim } from './claim.ts'
import { callerLocation, DefinitionError } from './errors.ts'
import { type FailOn, type Misprint, registry } from './registry.ts'

export interface FindingOptions {
  /** Which change of the finding fails the run. Default: `worse`. */
  readonly failOn?: FailOn
  /** Parts of the statement that no bench measures, and why. They keep the finding from holding. */
  readonly unmeasurableParts?: readonly string[]
  /** An assumption of the statement that is no longer true, and what the claims test instead. */
  readonly outdatedPremise?: string
  /** Why the statement is an argument that no measurement decides. Its claims only illustrate it. */
  readonly qualitative?: string
  /** The printed wording, if it contains a misprint. It is judged too, but does not count. */
  readonly misprint?: Misprint
}

const asWarning = (claim: Claim): Claim => ({ ...claim, severity: 'warn' })

/**
 * Registers a finding. It holds if all of its claims hold.
 * @param id the paper's number, 1 to 28, or your own number from 100 on
 * @throws {DefinitionError} if the number is invalid or there are no claims
 */
export function finding(id: number, title: string, claims: readonly Claim[], options: FindingOptions = {}): void {
  const location = callerLocation(finding)
  if (!Number.isInteger(id) || id < 1) {
    throw new DefinitionError(
      `finding: ${id} is no valid number.`,
      "use 1 to 28 for the paper's findings, 100 and above for your own",
      location,
    )
  }
  if (claims.length === 0 && !options.unmeasurableParts?.length) {
    throw new DefinitionError(
      `finding ${id} has no claims.`,
      'add claims: expect(metric).on(...).withinNative(5)',
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
    ...(options.misprint && { misprint: { ...options.misprint, claims: options.misprint.claims.map(asWarning) } }),
    ...(location && { location }),
  })
}
