import type { Instrument } from '../../dsl/traced.ts'
import { jaccard } from '../../guest/trace/profile.ts'
import { grouped } from './groups.ts'
import type { CellProfile } from './profiles.ts'

/** Names that one side reaches and the other does not, with how often. */
export interface Group {
  readonly group: string
  readonly names: readonly { readonly name: string; readonly calls: number }[]
}

/** One bench's profiles on two platforms, compared; of the work, and of setting up. */
export interface ProfileDiff {
  readonly point: string
  readonly by: Instrument
  readonly a: string
  readonly b: string
  readonly parts: readonly {
    readonly part: 'work' | 'setup'
    readonly onlyA: readonly Group[]
    readonly onlyB: readonly Group[]
    readonly both: number
    readonly jaccard: number
  }[]
}

/** What each of two cells of the same bench and instrument reaches and the other does not. */
export function diffOf(a: CellProfile, b: CellProfile): ProfileDiff {
  const part = (which: 'work' | 'setup') => {
    const [one, other] = [a[which], b[which]]
    const missing = (from: CellProfile, than: CellProfile): Group[] => {
      const names = Object.keys(from[which]).filter((name) => !Object.hasOwn(than[which], name))
      return grouped(names, a.by).map(([group, of]) => ({
        group,
        names: of.map((name) => ({ name, calls: from[which][name]! })),
      }))
    }
    return {
      part: which,
      onlyA: missing(a, b),
      onlyB: missing(b, a),
      both: Object.keys(one).filter((name) => Object.hasOwn(other, name)).length,
      jaccard: jaccard(Object.keys(one), Object.keys(other)),
    }
  }
  return { point: a.point, by: a.by, a: a.platform, b: b.platform, parts: [part('work'), part('setup')] }
}
