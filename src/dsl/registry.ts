/** What a bench file registers while it is imported. */

import type { Claim } from './claim.ts'
import { DefinitionError, type Location } from './errors.ts'
import type { FindingId } from './finding-id.ts'
import type { GroupServer } from './server.ts'
import type { ParamSpace, Workload } from './workload.ts'

/** The benches and findings of one bench file. */
export interface Registry {
  readonly benches: BenchSpec[]
  readonly findings: FindingSpec[]
  /** Every claim that `expect(metric)` made. */
  readonly claims: Claim[]
  /** Every `expect(metric)`, and whether a matcher has made a claim of it. */
  readonly starts: ClaimStart[]
  /** Every expectation, such as `expect.withinNative(5)`, and whether a bench has it. */
  readonly expectations: MadeExpectation[]
  /** Every `part()`. */
  readonly parts: MadePart[]
  /** Errors that affect one bench but not the file. */
  readonly problems: DefinitionError[]
  /** What may be a mistake, and fails nothing. */
  readonly warnings: DefinitionError[]
  /** Calls that register nothing before a second call follows, such as `bench.each([1, 2])`. */
  readonly unfinished: Set<UnfinishedCall>
  /** The group that is being filled. */
  group?: OpenGroup | undefined
  /** The bench file that a registration belongs to, by the callers of the registering function. */
  readonly ownerOf?: OwnerOf
}

/** An `expect(metric)`. */
export interface ClaimStart {
  readonly metric: string
  readonly location?: Location
  isUsed: boolean
}

/** An expectation that an author has made. */
export interface MadeExpectation {
  readonly location?: Location
  isUsed: boolean
}

/** A part that an author has made. */
export interface MadePart extends Pick<Part, 'title' | 'claims'> {
  readonly location?: Location
}

/** A call that returns a function for a second call. */
export interface UnfinishedCall {
  /** Such as `bench.each()`. */
  readonly name: string
  /** Innermost first. */
  readonly callers: readonly Location[]
}

/** What the benches of a group have. */
export interface OpenGroup {
  /** The names of the group and those around it, joined. */
  readonly name: string
  readonly tags: readonly string[]
  /** Seconds. */
  readonly timeout?: number
  readonly server?: GroupServer
}

/** @param callers innermost first; a bench file may register through functions of other modules */
export type OwnerOf = (callers: readonly Location[]) => string | undefined

// One registry per process, shared by all copies of this module. A bench file resolves `isobench` from its own
// directory, which may be another copy than the one that runs.
const key = Symbol.for('isobench.registry.1')
const globals = globalThis as unknown as Record<symbol, { current?: Registry | undefined } | undefined>
// User code may freeze `globalThis`.
globals[key] ??= {}
const holder = globals[key]

const empty = (ownerOf?: OwnerOf): Registry => ({
  benches: [],
  findings: [],
  claims: [],
  starts: [],
  expectations: [],
  parts: [],
  problems: [],
  warnings: [],
  unfinished: new Set(),
  ...(ownerOf && { ownerOf }),
})

/**
 * Returns the registry that is currently being filled. A process or a thread into which isobench imports nothing has
 * one that refuses benches, findings and claims.
 */
export function registry(): Registry {
  holder.current ??= empty(refuseOutside)
  return holder.current
}

function refuseOutside(callers: readonly Location[]): never {
  throw new DefinitionError(
    'isobench does not import this module here, so it would not see the bench, the finding or the claim',
    'run the bench file with: npx isobench run; register nothing in a worker thread or in a process of a bench file',
    callers[0],
  )
}

/**
 * The error of a registration that no import waits for: in a timer, or in a function of a workload.
 * @param callers of `bench`, `finding` or a matcher, innermost first
 */
export function refuseLate(callers: readonly Location[]): never {
  throw new DefinitionError(
    'a bench, a finding or a claim is registered after the file was imported',
    'register it at the top level, or await there what registers it',
    callers[0],
  )
}

function refuseElsewhere(callers: readonly Location[]): never {
  throw new DefinitionError(
    'the config or a reporter registers a bench, a finding or a claim',
    'write it in a bench file, such as benches/name.bench.ts, that neither of them imports',
    callers[0],
  )
}

/** Imports a module that is no bench file. Calls of `bench`, `finding` and matchers throw, also later ones. */
export function loadWithoutRegistrations<T>(load: () => Promise<T>): Promise<T> {
  holder.current = empty(refuseElsewhere)
  return load()
}

const unusedStart = ({ metric, location }: ClaimStart): DefinitionError =>
  new DefinitionError(
    `expect() of the metric "${metric}" has no matcher, so it claims nothing.`,
    'end it with a matcher: expect(it.metric).withinNative(5)',
    location,
  )

/**
 * Imports a bench file with `load` and returns what it registered. Not reentrant. After the import, `bench`,
 * `finding` and matchers throw.
 */
export async function collectRegistrations(load: () => Promise<unknown>, ownerOf?: OwnerOf): Promise<Registry> {
  const collected = empty(ownerOf)
  holder.current = collected
  try {
    await load()
    // The problem of a finding may be such a start.
    const unused = collected.problems.length > 0 ? [] : collected.starts.filter(({ isUsed }) => !isUsed)
    collected.warnings.push(...unused.map(unusedStart))
    return collected
  } finally {
    holder.current = empty(refuseLate)
  }
}

/**
 * Imports a bench file with `load`, for the functions of its workloads. Returns every bench, also those that have the
 * name of another bench: JavaScript evaluates imports first, so the last bench of a name is the file's own.
 */
export function loadRegistrations(load: () => Promise<unknown>): Promise<Registry> {
  let count = 0
  // No source maps are needed for an owner per registration, and the bundle for a guest has none.
  return collectRegistrations(load, () => String(count++))
}

/**
 * Runs `register`. Adds the `DefinitionError` that it throws to the problems of the bench file, so that its other
 * benches still run.
 * @param location of an error that has none
 * @returns undefined if there was an error
 */
export function withProblems<T>(location: Location | undefined, register: () => T): T | undefined {
  try {
    return register()
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error
    registry().problems.push(error.location ? error : new DefinitionError(error.message, error.fix, location))
    return undefined
  }
}

/** A registered bench: its data and the functions of the workload. */
export interface BenchSpec {
  readonly name: string
  /** What its claims call it: the name, or a longer text if a bench of another file has the same name. */
  readonly key: string
  /** The bench file that registers it, if that is known. */
  readonly owner?: string
  readonly mode: 'run' | 'only' | 'skip' | 'todo'
  readonly workload?: Workload
  readonly params: ParamSpace
  /** Parameter values by profile, for profiles that change them. */
  readonly profiles: Readonly<Record<string, ParamSpace>>
  readonly tags: readonly string[]
  readonly timeout?: number
  /** Metrics that reports also show in a column of the benches with a tag. */
  readonly beside?: { readonly tag: string; readonly metrics: readonly string[] }
  readonly claims: readonly Claim[]
  readonly location?: Location
}

/** Which change of a finding fails the run. */
export type FailOn =
  /** Default. A change for the worse. A change for the better is reported as an improvement. */
  | 'worse'
  /** Any change. */
  | 'any'
  /** No change, for rankings and trade-offs. */
  | 'never'

/** One clause of a finding's statement, with the claims that test it. Plain data. See `part`. */
export interface Part {
  readonly title: string
  readonly claims: readonly Claim[]
  /** The words of the source that it tests. */
  readonly quote?: string
  /** Which margins were chosen for these words, and why. */
  readonly margins?: string
  /** Why no bench measures it. */
  readonly unmeasurable?: string
}

/** A numbered statement of a paper, expressed by claims. */
export interface FindingSpec {
  readonly id: FindingId
  readonly title: string
  readonly failOn: FailOn
  readonly parts: readonly Part[]
  readonly source?: FindingSource
  readonly outdatedPremise?: string
  readonly qualitative?: string
  readonly misprint?: Misprint
  /** The bench file that registers it, if that is known. */
  readonly owner?: string
  readonly location?: Location
}

/** The publication that states a finding, and where. */
export interface FindingSource {
  /** Short reference of the publication, such as `van Rijn and Rellermeyer, Middleware 2021`. */
  readonly title: string
  readonly doi?: string
  /** Address, if it has no DOI. */
  readonly url?: string
  /** Number of the section, such as `3.4`. */
  readonly section?: string
  /** Numbers of the figures that show it. */
  readonly figures?: readonly number[]
}

/** The printed wording of a statement that contains a misprint. It is judged and shown, but does not count. */
export interface Misprint {
  readonly claims: readonly Claim[]
  /** Why it cannot be what the authors meant, for example because it contradicts another statement. */
  readonly why: string
}
