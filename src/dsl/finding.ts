/** `finding` and `part`: register a numbered statement of a paper, with claims that test its clauses. */

import { checkFields, checkText, describeValue, isObject, withErrorLocation } from './checked.ts'
import type { Claim } from './claim.ts'
import { callerFrames, callerLocation, DefinitionError, withLocation } from './errors.ts'
import { type FindingId, isFindingId } from './finding-id.ts'
import { type FailOn, type FindingSource, type Misprint, type Part, registry, withProblems } from './registry.ts'

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
 * @throws {DefinitionError} if it has neither claims nor `unmeasurable`, or both, or if one of the claims is none
 */
export function part(title: string, claims: readonly Claim[], options: PartOptions = {}): Part {
  const location = callerLocation(part)
  withErrorLocation(
    () => location,
    () => checkPart(title, claims, options),
  )
  registry().parts.push({ title, claims, ...withLocation(location) })
  const { quote, margins, unmeasurable } = options
  return {
    title,
    claims,
    ...(quote !== undefined && { quote }),
    ...(margins !== undefined && { margins }),
    ...(unmeasurable !== undefined && { unmeasurable }),
  }
}

/** Whether a value is a finished claim. What `expect(metric)` returns is none: it lacks a matcher. */
const isClaim = (value: unknown): value is Claim =>
  isObject(value) && Object.hasOwn(value, 'matcher') && Object.hasOwn(value, 'metric')

/**
 * @param what for messages, such as `finding 3`
 * @throws {DefinitionError} without a location, if one of the values is no claim
 */
function checkClaims(what: string, values: readonly unknown[]): void {
  // Not with `find`, which returns `undefined` also for a value that is `undefined`.
  const at = values.findIndex((value) => !isClaim(value))
  if (at >= 0)
    throw new DefinitionError(
      `${what}: one of its claims is ${describeValue(values[at])}.`,
      'end each claim with a matcher: expect(it.metric).on(...).withinNative(5)',
    )
}

/** @throws {DefinitionError} without a location */
function checkPart(title: unknown, claims: unknown, options: unknown): void {
  if (typeof title !== 'string' || !Array.isArray(claims))
    throw new DefinitionError(
      `part() takes a title and a list of claims, and this is ${describeValue(title)} and ${describeValue(claims)}.`,
      "write part('what it says', [expect(it.metric).withinNative(5)])",
    )
  if (title.trim() === '') throw new DefinitionError('a part has no text.', 'write the clause that its claims test')
  checkText('the title of a part', title)
  checkFields(`part "${title}"`, options, ['quote', 'margins', 'unmeasurable'])
  checkClaims(`part "${title}"`, claims)
  const { unmeasurable } = options as PartOptions
  if ((claims.length === 0) === (unmeasurable === undefined)) {
    throw new DefinitionError(
      claims.length === 0 ? `part "${title}" has no claims.` : `part "${title}" is unmeasurable, but has claims.`,
      claims.length === 0
        ? 'add claims, or say with { unmeasurable: why } why no bench measures it'
        : 'remove the claims, or remove `unmeasurable`',
    )
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

const isPart = (one: unknown): one is Part => isObject(one) && Object.hasOwn(one, 'claims')

const findingOptionNames = ['failOn', 'source', 'outdatedPremise', 'qualitative', 'misprint']
const failOnValues: readonly unknown[] = ['worse', 'any', 'never'] satisfies FailOn[]

/** The number of findings in the paper. */
const paperFindings = 28
const ownFindingsFrom = 100

/** @throws {DefinitionError} without a location, if the arguments are not those of a finding */
function checkFinding(id: unknown, title: unknown, parts: unknown, options: unknown): void {
  if (!isFindingId(id) || (Number(id) > paperFindings && Number(id) < ownFindingsFrom))
    throw new DefinitionError(
      `finding: ${describeValue(id)} is no valid number.`,
      `use 1 to ${paperFindings} for the paper's findings, ${ownFindingsFrom} to 2^53 - 1 for your own, ` +
        "or a series such as '2026-1'",
    )
  const what = `finding ${id}`
  if (typeof title !== 'string')
    throw new DefinitionError(
      `${what}: the title is ${describeValue(title)}.`,
      `write finding(${id}, 'what it says', [claims])`,
    )
  if (title.trim() === '') throw new DefinitionError(`${what} has no text.`, 'write the statement that its claims test')
  checkText(`the title of ${what}`, title)
  if (!Array.isArray(parts))
    throw new DefinitionError(
      `${what} takes a list of claims, and this is ${describeValue(parts)}.`,
      `write finding(${id}, title, [expect(it.metric).withinNative(5)])`,
    )
  if (parts.length === 0)
    throw new DefinitionError(`${what} has no claims.`, 'add claims: expect(metric).on(...).withinNative(5)')
  if (parts.every(isPart)) for (const { title: clause, claims, ...more } of parts) checkPart(clause, claims, more)
  else if (parts.some(isPart))
    throw new DefinitionError(
      `${what} mixes parts and other values.`,
      "put its claims into parts: part('what it says', [claims])",
    )
  else checkClaims(what, parts)
  checkFields(what, options, findingOptionNames)
  const { failOn = 'worse', misprint, source } = options as FindingOptions
  if (source !== undefined) checkFields(`the source of ${what}`, source, ['title', 'doi', 'url', 'section', 'figures'])
  if (!failOnValues.includes(failOn))
    throw new DefinitionError(`${what}: failOn is ${describeValue(failOn)}.`, `use one of: ${failOnValues.join(', ')}`)
  if (misprint === undefined) return
  if (!isObject(misprint) || !Array.isArray(misprint.claims))
    throw new DefinitionError(
      `${what}: the misprint is ${describeValue(misprint)}.`,
      'write misprint: { claims: [...], why: ... }',
    )
  checkFields(`the misprint of ${what}`, misprint, ['claims', 'why'])
  checkClaims(`the misprint of ${what}`, misprint.claims)
}

/**
 * Registers a finding. It holds if all of its parts hold. A wrong finding is reported with its location, and the other
 * benches of the file still run.
 * @param id the paper's number, 1 to 28, your own number from 100 on, or a number of a series such as `2026-1`
 * @param parts the clauses of the statement; a list of claims is one part with the finding's title
 */
export function finding(
  id: FindingId,
  title: string,
  parts: readonly Part[] | readonly Claim[],
  options: FindingOptions = {},
): void {
  const callers = callerFrames(finding)
  const [location] = callers
  const owner = registry().ownerOf?.(callers)
  withProblems(location, () => {
    checkFinding(id, title, parts, options)
    registry().findings.push({
      id,
      title,
      failOn: options.failOn ?? 'worse',
      parts: parts.every(isPart) ? parts : [{ title, claims: parts as readonly Claim[] }],
      ...(options.source && { source: options.source }),
      ...(options.outdatedPremise !== undefined && { outdatedPremise: options.outdatedPremise }),
      ...(options.qualitative !== undefined && { qualitative: options.qualitative }),
      ...(options.misprint && { misprint: { ...options.misprint, claims: options.misprint.claims.map(asWarning) } }),
      ...(owner !== undefined && { owner }),
      ...(location && { location }),
    })
  })
}
