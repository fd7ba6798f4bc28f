/** The functions of the benches, as the files have them now. */
import { collectRegistrations } from '../../dsl/registry.ts'
import type { Workload } from '../../dsl/workload.ts'
import type { BenchData } from '../collect/types.ts'
import { GuestBundles } from '../measure/in-guest.ts'
import type { ProjectState } from './state.ts'

export class WorkloadLoader {
  readonly #workloads = new Map<string, Workload>()
  /** The digest that a bench's samples carry: claims may change without it. */
  readonly #digests = new Map<string, string>()
  #bundles: GuestBundles | undefined

  /** Those of every bench that was ever loaded, by the bench's id; a copy. */
  get workloads(): Map<string, Workload> {
    return new Map(this.#workloads)
  }

  /** There once something was loaded. */
  get bundles(): GuestBundles | undefined {
    return this.#bundles
  }

  /** Loads the functions of changed benches. Collecting has imported the same files, so this is safe. */
  async load(benches: readonly BenchData[], { compiled, project }: ProjectState): Promise<void> {
    if (benches.length === 0) return
    this.#bundles = new GuestBundles(project.root)
    for (const file of new Set(benches.map((bench) => bench.file))) {
      const { output, digest } = compiled.get(file)!
      // The digest makes a changed file a new module. Node keeps source maps for good, and collecting has told all places.
      process.setSourceMapsEnabled(false)
      const loaded = await collectRegistrations(() => import(`${output}?${digest}`))
      for (const { name, workload } of loaded.benches) if (workload) this.#workloads.set(`${file}#${name}`, workload)
    }
    for (const { id, digest } of benches) this.#digests.set(id, digest)
  }

  /** These benches with the digests of what is loaded. */
  withLoadedDigests(benches: readonly BenchData[]): BenchData[] {
    return benches.map((bench) => ({ ...bench, digest: this.#digests.get(bench.id) ?? bench.digest }))
  }
}
