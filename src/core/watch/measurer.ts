/** Measures jobs, and has what was measured: on a machine that it takes when the first job comes. */
import { join } from 'node:path'
import type { BenchData } from '../collect/types.ts'
import type { Problem } from '../errors.ts'
import { casesOf, type Plan } from '../plan/plan.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { RunRecord } from '../record/reader.ts'
import { RecordWriter } from '../record/writer.ts'
import { buildReport } from '../report/build.ts'
import type { Report } from '../report/schema.ts'
import type { Snapshot } from './decide.ts'
import { WorkloadLoader } from './functions.ts'
import { backgroundJob, caseIds, type Job } from './jobs.ts'
import { SampleStore } from './kept.ts'
import { WatchHost } from './machine.ts'
import { Rounds, type Told } from './rounds.ts'
import { type NameFilter, type SelectionOptions, selectedBenches, selectedPlatforms } from './selection.ts'
import type { ProjectState } from './state.ts'

export interface MeasurerOptions extends SelectionOptions {
  readonly wait: boolean
  /** Sees to what isobench needs of the machine. */
  equip(state: ProjectState, signal: AbortSignal): Promise<void>
}

/** What there is to measure and to judge. */
export interface WatchInput {
  readonly state: ProjectState
  readonly snapshot: Snapshot
  readonly only: NameFilter
  readonly problems: readonly Problem[]
}

export class WatchSession {
  readonly #machine = new WatchHost()
  readonly #functions = new WorkloadLoader()
  readonly #kept = new SampleStore()
  readonly #rounds = new Rounds(this.#kept)

  /** `now` is asked each time, as it changes while this measures. */
  constructor(
    private readonly options: MeasurerOptions,
    private readonly current: () => WatchInput,
  ) {}

  /** Whether it has the machine. */
  get hasHost(): boolean {
    return this.#machine.session !== undefined
  }

  /** Loads the benches that changed, and forgets samples and guests that are of no more use in `after`. */
  async follow(changed: readonly BenchData[], before: Snapshot | undefined, after: Snapshot): Promise<void> {
    await this.#functions.load(changed, this.current().state)
    this.#kept.keepOnly(caseIds(after.benches), new Set(after.platforms.keys()))
    const { warm } = this.#machine
    if (changed.some(({ workload }) => workload.lifecycle === 'run')) warm?.stale('run')
    for (const [name, state] of after.platforms) if (before?.platforms.get(name) !== state) warm?.stale(name)
  }

  /** Takes the machine, or what the config changed of it, and probes the platforms that changed. */
  async prepare(signal: AbortSignal, tell: (what: string) => void): Promise<void> {
    const { project } = this.current().state
    if (!this.#machine.suits(project)) {
      await this.#machine.close()
      await this.options.equip(this.current().state, signal)
      const timeout = () => this.current().snapshot.profile.timeout
      await this.#machine.take(project, { wait: this.options.wait, signal, timeout, tell })
    }
    const { snapshot } = this.current()
    const skip = snapshot.profile.skip ?? []
    await this.#machine.probe(this.#platforms(), snapshot.platforms, { signal, tell, skip })
    await this.#machine.warm!.dropStale()
  }

  /** Takes the samples of a job; after `prepare`. @throws the signal's reason when it is aborted. */
  async take(job: Job, signal: AbortSignal, told: Told): Promise<void> {
    const { taken, session, warm } = this.#machine
    const { image, client } = taken!
    const means = {
      session: session!.withSignal(signal),
      plan: this.#plan(),
      image,
      platforms: new Map(this.#platforms().map((one) => [one.spec.name, one])),
      workloads: this.#functions.workloads,
      bundles: this.#functions.bundles!,
      client,
    }
    await this.#rounds.take(job, means, warm!, told)
  }

  /** Boots one guest that will be wanted. Returns whether it did; undefined while there is no machine to do it on. */
  bootAhead(isBusy: () => boolean): Promise<boolean> | undefined {
    return this.#machine.warm?.bootAhead(this.#platforms(), isBusy)
  }

  /** A round more of what is undecided; see `jobInBackground`. */
  background(): Job | undefined {
    // None while there is no machine, which the next change or `r` takes.
    return this.#machine.taken && backgroundJob(this.#record(), this.#kept)
  }

  /** Undefined while there is no machine whose samples could be judged. */
  report(): Report | undefined {
    return this.#machine.taken && buildReport(this.#record(), { strict: false })
  }

  /** Writes what there is as a run record. Returns the file. */
  writeRecord(): string {
    const { plan, environment, problems, samples } = this.#record()
    const writer = RecordWriter.start(
      this.current().state.project.root,
      plan.seed.slice(0, 12),
      environment,
      plan,
      problems,
    )
    for (const sample of samples) writer.sample(sample)
    writer.end('finished')
    return writer.file
  }

  close(): Promise<void> {
    return this.#machine.close()
  }

  #platforms(): ResolvedPlatform[] {
    const { state, only } = this.current()
    return selectedPlatforms(state, this.options, only)
  }

  #plan(): Plan {
    const { state, snapshot, only } = this.current()
    const { excluded: left, findings } = selectedBenches(state, this.options, only)
    const benches = this.#functions.withLoadedDigests(snapshot.benches)
    return {
      seed: 'watch',
      profileName: this.options.profileName,
      profile: snapshot.profile,
      platforms: [...snapshot.platforms.keys()].flatMap((name) => {
        const known = this.#machine.platform(name)
        const tags = snapshot.tags.get(name) ?? []
        return known ? [{ ...known, tags }] : []
      }),
      benches,
      cases: benches.flatMap(casesOf),
      findings,
      excluded: left,
    }
  }

  #record(): RunRecord {
    const { state, problems } = this.current()
    return {
      file: join(state.project.root, 'watch'),
      environment: this.#machine.taken!.environment,
      plan: this.#plan(),
      problems,
      samples: this.#kept.samples,
      status: 'finished',
    }
  }
}
