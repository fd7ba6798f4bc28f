/** `finding` and `part`: register a numbered statement of a paper, with claims that test its clauses. */

import { describeValue } from './checked.ts'
import type { Claim } from './claim.ts'
import { callerFrames, callerLocation, DefinitionError } from './errors.ts'
import { type FailOn, type FindingSource, type Misprint, type Part, registry } from './registry.ts'

/** What a part says about its words. */
export interface PartOptions {
  /** The words of the source that the part tests. */
  readonly quote?: string
  /** Which margins were chosen for these words, and why. Shown beside the verdict. */
  readonly margins?: string
  /** Why no bench measures the part. It then has no claims and keeps the finding from holding as a whole. */
  readonly unmeasurable?: string
}

/**
 * One clause of a finding's statement, with the claims that test it.
 *
 * A part holds if every comparison of its claims holds. Claims that only warn are context, unless there are no others.
 * @param title the clause in a few words, for example `secure containers reach at most half`
 * @throws {DefinitionError} if it has neither claims nor `unmeasurable`, or both
 */
export function part(title: string, claims: readonly Claim[], options: PartOptions = {}): Part {
  const { quote, margins, unmeasurable } = options
  if ((claims.length === 0) === (unmeasurable === undefined)) {
    throw new DefinitionError(
      claims.length === 0 ? `part "${title}" has no claims.` : `part "${title}" is unmeasurable, but has claims.`,
      claims.length === 0
        ? 'add claims, or say with { unmeasurable: why } why no bench measures it'
        : 'remove the claims, or remove `unmeasurable`',
      callerLocation(part),
    )
  }
  return {
    title,
    claims,
    ...(quote !== undefined && { quote }),
    ...(margins !== undefined && { margins }),
    ...(unmeasurable !== undefined && { unmeasurable }),
  }
}

/** How a finding is judged. */
export interface FindingOptions {
  /** Which change of the finding fails the run. Default: `worse`. */
  readonly failOn?: FailOn
  /** The publication that states it, and where. Absent: the statement is the project's. */
  readonly source?: FindingSource
  /** An assumption of the statement that is no longer true, and what the claims test instead. */
  readonly outdatedPremise?: string
  /** Why the statement is an argument that no measurement decides. Its claims only illustrate it. */
  readonly qualitative?: string
  /** The printed wording, if it contains a misprint. It is judged too, but does not count. */
  readonly misprint?: Misprint
}

const asWarning = (claim: Claim): Claim => ({ ...claim, severity: 'warn' })

const isParts = (parts: readonly Part[] | readonly Claim[]): parts is readonly Part[] =>
  parts.every((one) => 'claims' in one)

/** What is wrong with the arguments of a finding, and how to fix it. */
function findingProblem(
  id: unknown,
  title: unknown,
  parts: unknown,
): readonly [message: string, fix: string] | undefined {
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 1)
    return [
      `finding: ${describeValue(id)} is no valid number.`,
      "use 1 to 28 for the paper's findings, 100 and above for your own",
    ]
  if (typeof title !== 'string')
    return [`finding ${id}: the title is ${describeValue(title)}.`, `write finding(${id}, 'what it says', [claims])`]
  if (!Array.isArray(parts))
    return [
      `finding ${id} takes a list of claims, and this is ${describeValue(parts)}.`,
      `write finding(${id}, title, [expect(it.metric).withinNative(5)])`,
    ]
  if (parts.length === 0) return [`finding ${id} has no claims.`, 'add claims: expect(metric).on(...).withinNative(5)']
  const odd: unknown = parts.find((one) => typeof one !== 'object' || !('claims' in one || 'matcher' in one))
  if (odd !== undefined || parts.includes(undefined))
    return [
      `finding ${id}: one of its claims is ${describeValue(odd)}.`,
      'end each claim with a matcher: expect(it.metric).on(...).withinNative(5)',
    ]
  return undefined
}

/**
 * Registers a finding. It holds if all of its parts hold. A wrong finding is reported with its location, and the other
 * benches of the file still run.
 * @param id the paper's number, 1 to 28, or your own number from 100 on
 * @param parts the clauses of the statement; a list of claims is one part with the finding's title
 */
export function finding(
  id: number,
  title: string,
  parts: readonly Part[] | readonly Claim[],
  options: FindingOptions = {},
): void {
  const callers = callerFrames(finding)
  const [location] = callers
  const owner = registry().ownerOf?.(callers)
  const problem = findingProblem(id, title, parts)
  if (problem) {
    registry().problems.push(new DefinitionError(...problem, location))
    return
  }
  registry().findings.push({
    id,
    title,
    failOn: options.failOn ?? 'worse',
    parts: isParts(parts) ? parts : [{ title, claims: parts }],
    ...(options.source && { source: options.source }),
    ...(options.outdatedPremise !== undefined && { outdatedPremise: options.outdatedPremise }),
    ...(options.qualitative !== undefined && { qualitative: options.qualitative }),
    ...(options.misprint && { misprint: { ...options.misprint, claims: options.misprint.claims.map(asWarning) } }),
    ...(owner !== undefined && { owner }),
    ...(location && { location }),
  })
}
