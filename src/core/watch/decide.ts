/** What changed decides what runs. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { BenchData, FindingData } from '../collect/types.ts'
import type { Project, ResolvedProfile } from '../project.ts'

/** All that a measurement or a verdict depends on, at one moment. */
export interface Snapshot {
  readonly guest: Project['guest']
  readonly image: Project['image']
  readonly profile: ResolvedProfile
  /** Of the selected benches. */
  readonly benches: readonly BenchData[]
  readonly findings: readonly FindingData[]
  /** By bench file; see `identityOf`. */
  readonly work: ReadonlyMap<string, string>
  /** By name: the options, and the binaries as they are on disk. */
  readonly platforms: ReadonlyMap<string, string>
  /** By name: what selects them. */
  readonly tags: ReadonlyMap<string, readonly string[]>
}

export type Decision =
  | { readonly what: 'nothing' | 'judge' | 'all' }
  /** These benches on every platform, and these platforms, with native in the same rounds, for every bench. */
  | { readonly what: 'measure'; readonly benches: readonly string[]; readonly platforms: readonly string[] }

/** What a bench measures, whatever is claimed of it and wherever it stands. */
function workOf({ id, file, params, metrics, workload, timeout }: BenchData, { work }: Snapshot): unknown {
  return { id, params, metrics, workload, timeout, work: work.get(file) }
}

const judgedBy = ({ benches, findings, tags, profile }: Snapshot): unknown => ({
  benches: benches.map(({ id, claims, tags: mine }) => ({ id, claims, tags: mine })),
  findings,
  tags: [...tags],
  rounds: profile.rounds,
})

const settings = ({ guest, image, profile: { seconds, timeout, warmup } }: Snapshot): unknown => ({
  guest,
  image,
  seconds,
  timeout,
  warmup,
})

export function planChange(before: Snapshot | undefined, after: Snapshot): Decision {
  if (!before || !isDeepStrictEqual(settings(before), settings(after))) return { what: 'all' }
  const platforms = [...after.platforms].flatMap(([name, state]) =>
    before.platforms.get(name) === state ? [] : [name],
  )
  // Every ratio has native in it.
  if (platforms.includes('native')) return { what: 'all' }
  const former = new Map(before.benches.map((bench) => [bench.id, bench]))
  const benches = after.benches.flatMap((bench) => {
    const old = former.get(bench.id)
    return old && isDeepStrictEqual(workOf(old, before), workOf(bench, after)) ? [] : [bench.id]
  })
  if (benches.length > 0 || platforms.length > 0) return { what: 'measure', benches, platforms }
  const gone = before.platforms.size !== after.platforms.size
  return { what: gone || !isDeepStrictEqual(judgedBy(before), judgedBy(after)) ? 'judge' : 'nothing' }
}
