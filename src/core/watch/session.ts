import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadRegistrations } from '../../dsl/registry.ts'
import type { Workload } from '../../dsl/workload.ts'
import type { Image } from '../../host/image.ts'
import { runTimed } from '../../host/timed-process.ts'
import { markStrayErrors, type StrayError } from '../../util/stray-errors.ts'
import { CleanupProblems } from '../measure/cleanup-problems.ts'
import { GuestBundles } from '../measure/guest-api.ts'
import { GuestPool } from '../measure/guest-pool.ts'
import { LateErrors } from '../measure/late-errors.ts'
import { RemeasureBudget } from '../measure/remeasure.ts'
import { casesWorthMeasuring, jobSchedule, type MeasureJob, runLoop } from '../measure/run-loop.ts'
import { type CasesToMeasure, casesOf, type Plan, type PlannedPlatform, type ScheduledPlan } from '../model/plan.ts'
import type { Environment, RunRecord } from '../model/record.ts'
import type { BenchData, Problem } from '../model/suite.ts'
import type { Project } from '../project/config.ts'
import { describeExcluded, splitPlatforms } from '../project/plan.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { Exec, LoadClientHost } from '../session/exec-target.ts'
import { HostSession } from '../session/host-session.ts'
import { probePlatforms } from '../session/probe.ts'
import type { OpenSession, Session } from '../session/session.ts'
import { backgroundJob, caseIds, jobForDue, type Snapshot, unionOf } from './changes.ts'
import { type ProjectState, type SelectionOptions, selectedBenches, selectedPlatforms } from './project-state.ts'
import { SampleStore } from './sample-store.ts'

/** Imports the functions of the benches again when their files change. */
export class WorkloadLoader {
  readonly #workloads = new Map<string, Workload>()
  /** The digests of the loaded benches. A changed claim changes the digest of the file, but loads nothing. */
  readonly #digests = new Map<string, string>()
  /** The workloads of each content of a bench file so far. Node evaluates a module once, also if it comes back. */
  readonly #evaluated = new Map<string, readonly (readonly [string, Workload])[]>()
  #bundles: GuestBundles | undefined

  /** A copy of the workloads of every loaded bench, by the bench's id. */
  get workloads(): Map<string, Workload> {
    return new Map(this.#workloads)
  }

  /** Undefined until something is loaded. */
  get bundles(): GuestBundles | undefined {
    return this.#bundles
  }

  /**
   * Loads the functions of changed benches. This is safe, because collecting has imported the same files.
   * @param late receives errors that the code of a file leaves behind, and returns whether it handles them
   */
  async load(
    benches: readonly BenchData[],
    { compiled, project }: ProjectState,
    late: (file: string, error: StrayError) => boolean,
  ): Promise<void> {
    if (benches.length === 0) return
    this.#bundles = new GuestBundles(project.root)
    for (const file of new Set(benches.map((bench) => bench.file))) {
      const { output, digest } = compiled.get(file)!
      // The digest makes a changed file a new module.
      const url = `${pathToFileURL(output).href}?${digest}`
      const workloads =
        this.#evaluated.get(url) ??
        (await markStrayErrors(
          (error) => late(file, error),
          () => this.#evaluate(url, file),
        ))
      for (const [id, workload] of workloads) this.#workloads.set(id, workload)
    }
    for (const { id, digest } of benches) this.#digests.set(id, digest)
  }

  async #evaluate(url: string, file: string): Promise<readonly (readonly [string, Workload])[]> {
    // Node never frees source maps, and collecting has the locations.
    process.setSourceMapsEnabled(false)
    const { benches } = await loadRegistrations(() => import(url))
    const workloads = benches.flatMap(({ name, workload }) =>
      workload ? [[`${file}#${name}`, workload] as const] : [],
    )
    this.#evaluated.set(url, workloads)
    return workloads
  }

  /** The benches with the digests of their loaded functions. */
  withLoadedDigests(benches: readonly BenchData[]): BenchData[] {
    return benches.map((bench) => ({ ...bench, digest: this.#digests.get(bench.id) ?? bench.digest }))
  }
}

/** How watch mode uses the host. */
export interface WatchSessionOptions extends SelectionOptions {
  /** Waits if another isobench process has the host. */
  readonly waitForLock: boolean
  /** Whether disturbed samples may be taken once more. */
  readonly remeasure: boolean
  /** Installs what isobench needs on this host. */
  ensureDependencies(state: ProjectState, signal: AbortSignal): Promise<void>
  /** Called when the code of a bench has left an error behind: `lateProblems` has one more. */
  readonly onLateError?: () => void
  readonly openSession?: OpenSession
  readonly exec?: Exec
  /** Milliseconds since the epoch; `Date.now` if absent. */
  readonly now?: () => number
}

/** What there is to measure and to judge. */
export interface WatchInput {
  readonly state: ProjectState
  readonly snapshot: Snapshot
  readonly problems: readonly Problem[]
}

/** The progress of a job. */
export interface Measuring {
  readonly kind: 'measuring'
  /** Negative for warm-up. */
  readonly round: number
  readonly rounds: number
  readonly done: number
  readonly steps: number
  readonly platform: string
  /** The id of the case. */
  readonly bench: string
  /** Whether isobench started the job itself, to decide claims that are undecided. */
  readonly background: boolean
  /** When the job and the step began, in milliseconds since the epoch. */
  readonly startedAt: number
  readonly stepAt: number
}

/** What a job reports while it runs. */
export interface JobListener {
  /** A step begins. */
  measuring(progress: Measuring): void
  roundEnded(): void
}

/** The host, ready to measure. */
interface ReadyHost {
  readonly image: Image
  readonly client: LoadClientHost
  readonly environment: Environment
  readonly pool: GuestPool
  /** The parts of the config that it depends on. */
  readonly key: string
}

const hostKey = ({ guest, image }: Project): string => JSON.stringify([guest, image])

/**
 * Measures the jobs of watch mode and judges the samples that it keeps. It has the host from the first job to `close`.
 * It boots guests of the next round ahead, for the first command after a change. Guests that live for the run stay
 * until their platform changes.
 */
export class WatchSession {
  readonly #store = new SampleStore()
  readonly #platforms = new Map<string, { readonly state: string; readonly platform: PlannedPlatform }>()
  #session: Session | undefined
  #host: ReadyHost | undefined
  /** Platforms with guests that must not be used again. They are removed before the next job. */
  readonly #stalePlatforms = new Set<string>()
  #runGuestsAreStale = false
  #lateErrors: LateErrors | undefined
  /** Platforms for which a guest is booted ahead. */
  #bootAhead: ReadonlySet<string> = new Set()
  readonly #failedBoots = new Set<string>()
  #isAwaited = false
  #cleanup: CleanupProblems | undefined

  /** @param current what there is to measure, which changes while this measures */
  constructor(
    private readonly options: WatchSessionOptions,
    private readonly current: () => WatchInput,
    private readonly loader = new WorkloadLoader(),
  ) {}

  /** Whether another process uses the host, and this one waits for it. */
  get isAwaited(): boolean {
    return this.#isAwaited
  }

  /** Whether this process has locked the host. */
  get hasHost(): boolean {
    return this.#session !== undefined
  }

  /** What benches left behind, until they change or are measured from the start; and what drivers did not remove. */
  get lateProblems(): readonly Problem[] {
    return [...(this.#lateErrors?.problems ?? []), ...(this.#cleanup?.problems ?? [])]
  }

  get #late(): LateErrors {
    this.#lateErrors ??= new LateErrors(
      this.current().state.project.root,
      () => this.options.onLateError?.(),
      () => this.current().state.problems,
    )
    return this.#lateErrors
  }

  /** Loads the changed benches and drops samples and guests that are useless in `after`. */
  async follow(changed: readonly BenchData[], before: Snapshot | undefined, after: Snapshot): Promise<void> {
    this.#late.forget(changed.flatMap(({ id, file }) => [id, file]))
    await this.loader.load(changed, this.current().state, (file, error) => this.#late.ofFile(file, error))
    this.#store.keepOnly(caseIds(after.benches), new Set(after.platforms.keys()))
    if (changed.some(({ workload }) => workload.lifecycle === 'run')) this.#runGuestsAreStale = true
    for (const [name, state] of after.platforms)
      if (before?.platforms.get(name) !== state) this.#stalePlatforms.add(name)
  }

  /** Those of some platforms that cannot run on this host, as their latest probe has shown. */
  unavailable(names: readonly string[]): string[] {
    const { platforms } = this.current().snapshot
    return names.filter((name) => {
      const known = this.#platforms.get(name)
      return known?.state === platforms.get(name) && known?.platform.available === false
    })
  }

  /** Probes some platforms again before the next job, although they did not change. */
  probeAgain(names: readonly string[]): void {
    for (const name of names) this.#platforms.delete(name)
  }

  /** Removes the samples of results that will be measured again. */
  forget(cases: CasesToMeasure): void {
    this.#store.forget(cases)
    const { benches } = this.current().snapshot
    this.#late.forget(benches.flatMap(casesOf).flatMap(({ id, bench }) => (cases.has(id) ? [bench] : [])))
  }

  /** The job that measures the rounds that these results lack. Undefined if they have all rounds. */
  jobFor(due: CasesToMeasure): MeasureJob | undefined {
    return jobForDue(due, this.#store, this.current().snapshot)
  }

  /** Takes the host if the config needs another one, probes the platforms that changed, and removes stale guests. */
  async prepare(signal: AbortSignal, onProgress: (text: string) => void): Promise<void> {
    const { project } = this.current().state
    if (this.#host?.key !== hostKey(project)) {
      await this.close()
      await this.options.ensureDependencies(this.current().state, signal)
      this.#host = await this.#takeHost(project, signal, onProgress)
    }
    await this.#probe(this.#host!, signal, onProgress)
    await this.#removeGuests(this.#host!.pool)
  }

  async #takeHost(project: Project, signal: AbortSignal, onProgress: (text: string) => void): Promise<ReadyHost> {
    const { openSession = HostSession.open, waitForLock } = this.options
    onProgress('taking the host')
    this.#cleanup = new CleanupProblems(project, () => this.options.onLateError?.())
    const session = await openSession(project.guest, {
      purpose: `watching ${project.root}`,
      wait: waitForLock,
      onWait: ({ pid, purpose, since }) => {
        this.#isAwaited = true
        onProgress(`waiting for process ${pid}, ${purpose}, since ${since}`)
      },
      signal,
      onLeft: this.#cleanup.add,
    }).finally(() => {
      this.#isAwaited = false
    })
    // Set at once, so that `close` releases the host if the rest fails.
    this.#session = session
    const image = await session.ensureImage(project.image, (line) => onProgress(`building the image  ${line}`))
    const environment = await session.readEnvironment(project, image)
    const client = await session.loadClient(image.rootfs)
    const pool = new GuestPool(session, image.rootfs, this.current().snapshot.profile.timeout)
    return { image, client, environment, pool, key: hostKey(project) }
  }

  async #probe({ image }: ReadyHost, signal: AbortSignal, onProgress: (text: string) => void): Promise<void> {
    const { snapshot, state } = this.current()
    const { skipEmulated } = snapshot.profile
    const options = { skipEmulated, exec: this.options.exec ?? runTimed, digests: state.project.releaseDigests }
    const unknown = this.#selectedPlatforms().filter(
      ({ spec: { name } }) => this.#platforms.get(name)?.state !== snapshot.platforms.get(name),
    )
    if (unknown.length === 0) return
    const session = this.#session!.withSignal(signal)
    await session.ensureArtifacts(unknown, image.rootfs, { onLine: onProgress, skipEmulated })
    onProgress(`probing ${unknown.map(({ spec }) => spec.name).join(', ')}`)
    for (const platform of await probePlatforms(unknown, session, image, options))
      this.#platforms.set(platform.name, { state: snapshot.platforms.get(platform.name)!, platform })
  }

  /** Removes stale guests, and those that an aborted round has left. */
  async #removeGuests(pool: GuestPool): Promise<void> {
    await pool.endRound()
    const stale = [...this.#stalePlatforms]
    this.#stalePlatforms.clear()
    this.#failedBoots.clear()
    for (const name of stale) await pool.drop(name)
    if (this.#runGuestsAreStale) await pool.dropRunGuests()
    this.#runGuestsAreStale = false
  }

  /**
   * Takes the samples of a job. Call `prepare` first.
   * @throws the signal's reason if it is aborted
   */
  async take(job: MeasureJob, signal: AbortSignal, listener: JobListener): Promise<void> {
    const { image, client, pool } = this.#host!
    const { exec = runTimed, remeasure, now = Date.now } = this.options
    const plan = this.#plan()
    const { root } = this.current().state.project
    this.#bootAhead = platformsToBootAhead(plan, job.cases)
    const results = [...job.cases.values()].reduce((sum, platforms) => sum + platforms.size, 0)
    const startedAt = now()
    let done = 0
    const stop = await runLoop({
      schedule: jobSchedule(job, plan, this.#store),
      context: {
        session: this.#session!.withSignal(signal),
        plan,
        image,
        client,
        exec,
        platforms: new Map(this.#selectedPlatforms().map((platform) => [platform.spec.name, platform])),
        workloads: this.loader.workloads,
        bundles: this.loader.bundles ?? new GuestBundles(root),
        lateErrors: this.#late,
      },
      pool,
      remeasure: new RemeasureBudget(results * job.rounds, remeasure),
      on: {
        step: ({ case: benchCase, platform, round, left }) => {
          const { rounds, background } = job
          const progress = { round, rounds, done, steps: done + left, platform, bench: benchCase.id }
          listener.measuring({ kind: 'measuring', ...progress, background, startedAt, stepAt: now() })
          done++
        },
        sample: (sample) => this.#store.add(sample),
        roundEnd: () => listener.roundEnded(),
      },
    })
    if (stop === 'interrupted') signal.throwIfAborted()
  }

  /**
   * Boots one guest that the next round needs.
   * @returns whether it tried to boot one
   */
  async bootAhead(isBusy: () => boolean): Promise<boolean> {
    const pool = this.#host?.pool
    if (!pool || isBusy() || this.#stalePlatforms.size > 0 || this.#runGuestsAreStale) return false
    const next = this.#selectedPlatforms().find(
      ({ spec: { name } }) => this.#bootAhead.has(name) && !pool.isBootedAhead(name) && !this.#failedBoots.has(name),
    )
    if (!next) return false
    try {
      await pool.bootAhead(next)
    } catch {
      // The sample that needs the guest reports what is wrong.
      this.#failedBoots.add(next.spec.name)
    }
    return true
  }

  /**
   * One more round of what is undecided. Undefined if nothing is, or if the host is not taken.
   * @param more what is undecided beside the claims
   * @param select the cases in view
   */
  background(more: CasesToMeasure, select: (cases: CasesToMeasure) => CasesToMeasure): MeasureJob | undefined {
    const record = this.record()
    if (!record) return undefined
    const undecided = unionOf(casesWorthMeasuring(record.plan, record.samples), more)
    return backgroundJob(this.current().snapshot, select(undecided), this.#store)
  }

  /** Removes all guests and releases the host. A later `prepare` takes it again. */
  async close(): Promise<void> {
    const [pool, session] = [this.#host?.pool, this.#session]
    this.#host = undefined
    this.#session = undefined
    this.#platforms.clear()
    try {
      await pool?.[Symbol.asyncDispose]()
    } finally {
      await session?.[Symbol.asyncDispose]()
    }
  }

  #selectedPlatforms(): ResolvedPlatform[] {
    return selectedPlatforms(this.current().state, this.options)
  }

  #plan(): ScheduledPlan {
    const { state, snapshot } = this.current()
    const { excluded, findings } = selectedBenches(state, this.options)
    const benches = this.loader.withLoadedDigests(snapshot.benches)
    return {
      seed: 'watch',
      profileName: this.options.profileName,
      profile: snapshot.profile,
      platforms: [...snapshot.platforms.keys()].flatMap((name) => {
        const known = this.#platforms.get(name)?.platform
        const tags = snapshot.tags.get(name) ?? []
        return known ? [{ ...known, tags }] : []
      }),
      benches,
      cases: benches.flatMap(casesOf),
      findings,
      excluded,
      excludedPlatforms: describeExcluded(
        splitPlatforms(state.platforms, this.options, state.project.skipPlatformTags).excluded,
      ),
    }
  }

  /** All samples of what exists. Undefined while the host is not taken. */
  record(): RunRecord | undefined {
    if (!this.#host) return undefined
    const { state, problems } = this.current()
    const plan = this.#plan()
    return {
      file: join(state.project.root, 'watch'),
      environment: this.#host.environment,
      plan,
      problems,
      samples: this.#store.of(plan),
      status: 'finished',
    }
  }
}

/** The platforms of benches with guests that live for a round. Only such a guest is worth booting ahead. */
function platformsToBootAhead({ benches, cases, platforms }: Plan, wanted: CasesToMeasure): Set<string> {
  const withRoundGuests = new Set(
    benches.filter(({ workload }) => workload.lifecycle === 'round' && workload.kind !== 'boot').map(({ id }) => id),
  )
  const used = cases
    .filter(({ id, bench }) => withRoundGuests.has(bench) && wanted.has(id))
    .flatMap(({ id }) => [...wanted.get(id)!])
  return new Set(platforms.filter(({ name, available }) => available && used.includes(name)).map(({ name }) => name))
}
