import type { TraceSource } from '../../dsl/traced.ts'
import { jaccard } from '../../guest/trace/profile.ts'
import { groupFunctions } from './groups.ts'
import type { AttackProfileSummary } from './profiles.ts'

/** Names that one side reaches and the other does not, with how often. */
export interface Group {
  readonly group: string
  readonly names: readonly { readonly name: string; readonly calls: number }[]
}

/** One bench's profiles on two platforms, compared; of the work, and of setting up. */
export interface ProfileDiff {
  readonly case: string
  readonly source: TraceSource
  readonly a: string
  readonly b: string
  readonly parts: readonly {
    readonly part: 'work' | 'setup'
    readonly onlyA: readonly Group[]
    readonly onlyB: readonly Group[]
    /** How many names both reach. */
    readonly both: number
    /** Names that one of the two reaches in some of its rounds only: neither on one side nor in both. */
    readonly someRounds: readonly string[]
    /** Of the other names, those of both over those of either. */
    readonly jaccard: number
  }[]
}

/** What each of two cells of the same bench and instrument reaches in every round, and the other in none. */
export function diffOf(a: AttackProfileSummary, b: AttackProfileSummary): ProfileDiff {
  const part = (which: 'work' | 'setup') => {
    const someRounds = [...new Set([a, b].flatMap((cell) => cell.someRounds[which]))].sort()
    const decided = (cell: AttackProfileSummary) =>
      Object.keys(cell[which]).filter((name) => !someRounds.includes(name))
    const [one, other] = [decided(a), decided(b)]
    const missing = (names: readonly string[], from: AttackProfileSummary, than: AttackProfileSummary): Group[] =>
      groupFunctions(
        names.filter((name) => !Object.hasOwn(than[which], name)),
        a.source,
      ).map(([group, of]) => ({ group, names: of.map((name) => ({ name, calls: from[which][name]! })) }))
    return {
      part: which,
      onlyA: missing(one, a, b),
      onlyB: missing(other, b, a),
      both: one.filter((name) => Object.hasOwn(b[which], name)).length,
      someRounds,
      jaccard: jaccard(one, other),
    }
  }
  return { case: a.case, source: a.source, a: a.platform, b: b.platform, parts: [part('work'), part('setup')] }
}
