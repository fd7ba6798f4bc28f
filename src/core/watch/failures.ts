import { join } from 'node:path'
import type { Location } from '../../dsl/errors.ts'
import { type Excerpt, excerptAt } from '../../util/files.ts'
import type { BenchInfo } from '../model/claim.ts'
import { isUnsupported, type RunRecord, type Sample } from '../model/record.ts'
import { benchInfo } from '../model/suite.ts'

/** Samples of one bench that failed alike, on one or several platforms. */
export interface Failure {
  readonly bench: BenchInfo
  /** The id of the case of the first sample. */
  readonly case: string
  /** The error of the first sample. */
  readonly message: string
  readonly location: Location | undefined
  readonly benchLocation: Location | undefined
  /** The lines around the location, as they were when the samples were judged first. */
  readonly excerpt: Excerpt | undefined
  readonly platforms: readonly { readonly name: string; readonly samples: number }[]
}

/** Groups the failed samples of a record. It reads the source of a failure once, before an author edits it. */
export class FailureReader {
  #known = new Map<Sample, Excerpt | undefined>()

  read({ plan, samples }: Pick<RunRecord, 'plan' | 'samples'>, root: string): Failure[] {
    const groups = new Map<string, Sample[]>()
    const benches = new Map(plan.cases.map(({ id, bench }) => [id, bench]))
    for (const sample of samples) {
      const bench = benches.get(sample.case)
      const { outcome, platform } = sample
      if (outcome.ok || isUnsupported(sample) || bench === undefined) continue
      // Many messages contain the name of the platform.
      const key = JSON.stringify([bench, outcome.error.replaceAll(platform, '*'), outcome.location])
      groups.set(key, [...(groups.get(key) ?? []), sample])
    }
    const inProject = (location: Location | undefined) =>
      location && { ...location, file: location.file.replace(join(root, '/'), '') }
    const known = new Map<Sample, Excerpt | undefined>()
    const failures = [...groups.values()].map((alike): Failure => {
      const [first] = alike as [Sample, ...Sample[]]
      const outcome = first.outcome as Extract<Sample['outcome'], { ok: false }>
      const { error, location } = outcome
      const excerpt = this.#known.has(first) ? this.#known.get(first) : location && excerptAt(location)
      known.set(first, excerpt)
      const counts = new Map<string, number>()
      for (const { platform } of alike) counts.set(platform, (counts.get(platform) ?? 0) + 1)
      return {
        bench: benchInfo(benches.get(first.case)!, plan.benches),
        case: first.case,
        message: error,
        location: inProject(location),
        benchLocation: inProject(plan.benches.find(({ id }) => id === benches.get(first.case))?.location),
        excerpt,
        platforms: [...counts].map(([name, samples]) => ({ name, samples })),
      }
    })
    this.#known = known
    return failures
  }
}
