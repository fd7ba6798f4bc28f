import type { Claim } from './claim.ts'
import type { DefinitionError, Location } from './errors.ts'
import type { ParamSpace, Workload } from './workload.ts'

/** What one bench file has registered while it was imported. */
export interface Registry {
  readonly benches: BenchSpec[]
  readonly findings: FindingSpec[]
  /** Mistakes that spoil one bench but not the file. */
  readonly problems: DefinitionError[]
}

// One registry a process, shared by every copy of this module: a bench file resolves `isobench` from its own folder,
// which need not be the copy that runs.
const key = Symbol.for('isobench.registry.1')
const holder = globalThis as unknown as Record<symbol, Registry | undefined>

const empty = (): Registry => ({ benches: [], findings: [], problems: [] })

/** The registry that is being filled now. */
export function registry(): Registry {
  holder[key] ??= empty()
  return holder[key]
}

/** Imports a bench file through `load` and returns what it registered. Not for two files at once. */
export async function collectRegistrations(load: () => Promise<unknown>): Promise<Registry> {
  const mine = empty()
  holder[key] = mine
  try {
    await load()
    return mine
  } finally {
    holder[key] = undefined
  }
}

/** A bench as it was registered: its data, and the workload's functions. */
export interface BenchSpec {
  readonly name: string
  readonly mode: 'run' | 'only' | 'skip' | 'todo'
  readonly workload?: Workload
  readonly params: ParamSpace
  /** By profile, where it has values of its own. */
  readonly profiles: Readonly<Record<string, ParamSpace>>
  readonly tags: readonly string[]
  readonly timeout?: number
  readonly claims: readonly Claim[]
  readonly location?: Location
}

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
