import type { DefinitionError } from './author-error.ts'
import type { BenchSpec } from './bench.ts'
import type { FindingSpec } from './finding.ts'

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
