import { join } from 'node:path'
import { collectRegistrations } from '../../dsl/registry.ts'
import type { Workload } from '../../dsl/workload.ts'
import { ensureImage, type Image } from '../../host/image.ts'
import { buildReport } from '../judge/report.ts'
import { GuestBundles } from '../measure/guest-api.ts'
import { Warm } from '../measure/guest-pool.ts'
import { Rounds, type Told } from '../measure/run-loop.ts'
import { casesOf, type Plan, type PlannedPlatform } from '../model/plan.ts'
import type { Environment, RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { BenchData, Problem } from '../model/suite.ts'
import type { Project } from '../project/config.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { RecordWriter } from '../records/record-file.ts'
import { ensureArtifacts } from '../session/artifacts.ts'
import { readEnvironment } from '../session/environment.ts'
import type { LoadClientHost } from '../session/exec-target.ts'
import { probePlatforms } from '../session/probe.ts'
import { Session } from '../session/session.ts'
import { backgroundJob, caseIds, type Job, type Snapshot } from './changes.ts'
import {
  type NameFilter,
  type ProjectState,
  type SelectionOptions,
  selectedBenches,
  selectedPlatforms,
} from './project-state.ts'
import { SampleStore } from './sample-store.ts'

/** The functions of the benches, as the files have them now. */

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

/** What a watch holds of the machine, from the first change to the last, and what it knows of the platforms there. */

export interface OpenSessionOptions {
  /** Waits while another process has the machine. */
  readonly wait: boolean
  readonly signal: AbortSignal
  /** Seconds that booting a guest may take; asked once the machine is taken. */
  timeout(): number
  /** Told what is being done. */
  tell(what: string): void
}

/** The image, and the client that runs on it. */
interface Taken {
  readonly image: Image
  readonly client: LoadClientHost
  readonly environment: Environment
  /** What of the config it was taken for. */
  readonly key: string
}

const keyOf = ({ guest, image }: Project): string => JSON.stringify([guest, image])

export class WatchHost {
  #session: Session | undefined
  #taken: Taken | undefined
  #warm: Warm | undefined
  readonly #platforms = new Map<string, { state: string; platform: PlannedPlatform }>()

  /** There once the machine is this process's, which is before all of it is taken. */
  get session(): Session | undefined {
    return this.#session
  }

  get taken(): Taken | undefined {
    return this.#taken
  }

  get warm(): Warm | undefined {
    return this.#warm
  }

  /** Whether it was taken for a project like this. */
  suits(project: Project): boolean {
    return this.#taken?.key === keyOf(project)
  }

  /** Takes the machine, which must be closed. What fails leaves it to be closed. */
  async take(project: Project, { wait, signal, timeout, tell }: OpenSessionOptions): Promise<void> {
    tell('taking the machine')
    this.#session = await Session.open(project.guest, {
      purpose: `watching ${project.root}`,
      wait,
      onWait: ({ pid, purpose, since }) => tell(`waiting for process ${pid}, ${purpose}, since ${since}`),
      signal,
    })
    const session = this.#session
    const image = await ensureImage(project.image, {
      journal: session.journal,
      signal,
      onLine: (line) => tell(`building the image: ${line}`),
    })
    const guest = { cpus: [...session.limits.cpus], memoryBytes: session.limits.memoryBytes }
    const environment = await readEnvironment(project, guest, image.digest)
    this.#taken = { image, client: await session.client(image.rootfs), environment, key: keyOf(project) }
    this.#warm = new Warm(session, image.rootfs, timeout())
  }

  /** Probes the platforms that are not known as they are now. `states` are by name; see `stateOf`. */
  async probe(
    platforms: readonly ResolvedPlatform[],
    states: ReadonlyMap<string, string>,
    { signal, tell, skipEmulated }: Pick<OpenSessionOptions, 'signal' | 'tell'> & { readonly skipEmulated: boolean },
  ): Promise<void> {
    const unknown = platforms.filter(({ spec: { name } }) => this.#platforms.get(name)?.state !== states.get(name))
    if (unknown.length === 0) return
    const { image } = this.#taken!
    const { journal } = this.#session!
    await ensureArtifacts(unknown, image.rootfs, { journal, signal, onLine: tell }, skipEmulated)
    tell(`probing ${unknown.map(({ spec }) => spec.name).join(', ')}`)
    for (const platform of await probePlatforms(unknown, this.#session!.withSignal(signal), image, skipEmulated))
      this.#platforms.set(platform.name, { state: states.get(platform.name)!, platform })
  }

  /** A platform as it was last probed. */
  platform(name: string): PlannedPlatform | undefined {
    return this.#platforms.get(name)?.platform
  }

  /** Gives back what is held; it can then be taken again. */
  async close(): Promise<void> {
    this.#taken = undefined
    this.#platforms.clear()
    const [warm, session] = [this.#warm, this.#session]
    this.#warm = undefined
    this.#session = undefined
    try {
      await warm?.[Symbol.asyncDispose]()
    } finally {
      await session?.[Symbol.asyncDispose]()
    }
  }
}

/** Measures jobs, and has what was measured: on a machine that it takes when the first job comes. */

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
    const skipEmulated = snapshot.profile.skipEmulated ?? false
    await this.#machine.probe(this.#platforms(), snapshot.platforms, { signal, tell, skipEmulated })
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
