/** Measures and judges as files change. One session of the machine for all of it. */
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { registrationsOf } from '../../dsl/registry.ts'
import type { Workload } from '../../dsl/workload.ts'
import { InterruptedError, messageOf } from '../../errors.ts'
import { ensureImage, type Image } from '../../guest/image/image.ts'
import { type Environment, readEnvironment } from '../environment.ts'
import type { Problem } from '../errors.ts'
import type { Enterable } from '../measure/handle.ts'
import { GuestBundles } from '../measure/in-guest.ts'
import { measure } from '../measure/measure.ts'
import {
  narrow,
  orderOf,
  type Plan,
  type PlannedPlatform,
  pointsOf,
  selectBenches,
  selectPlatforms,
} from '../plan/plan.ts'
import { probePlatforms, type ResolvedPlatform } from '../probe.ts'
import { filterFiles, type Project, type ResolvedProfile } from '../project.ts'
import type { RunRecord } from '../record/reader.ts'
import { RecordWriter } from '../record/writer.ts'
import { buildReport } from '../report/build.ts'
import type { Report } from '../report/schema.ts'
import { needsOf } from '../schedule/needs.ts'
import { Session } from '../session.ts'
import { type Decision, decide, type Snapshot } from './decide.ts'
import { type Burst, Files, stateOf } from './files.ts'
import { type Cells, Kept } from './kept.ts'
import { firstState, nextState, type Sources, type State, watchedBy } from './state.ts'
import { Warm } from './warm.ts'

export interface WatchOptions extends Sources {
  readonly filters: readonly string[]
  readonly platform: readonly string[] | undefined
  readonly name: readonly string[]
  readonly tag: readonly string[]
  readonly wait: boolean
  readonly profileName: string
  profileOf(project: Project): ResolvedProfile
  /** Sees to what isobench needs of the machine. */
  equip(state: State, signal: AbortSignal): Promise<void>
  /** Called whenever there is something else to show. */
  readonly shown: () => void
}

/** What watch mode does now. */
export type Doing =
  | { readonly kind: 'watching' }
  | { readonly kind: 'preparing'; readonly what: string }
  | {
      readonly kind: 'measuring'
      readonly round: number
      readonly rounds: number
      readonly done: number
      readonly steps: number
      readonly platform: string
      readonly bench: string
      /** Rounds that go on by themselves because something is undecided. */
      readonly background: boolean
    }

interface Job {
  readonly cells: Map<string, Set<string>>
  readonly rounds: number
  readonly warmup: number
  /** Former samples of the cells are forgotten. */
  readonly anew: boolean
}

/** Rounds go on in the background up to so many times the profile's. */
const mostTimes = 4

export class Watch {
  doing: Doing = { kind: 'preparing', what: 'reading the bench files' }
  report: Report | undefined
  /** As it was before the latest change. */
  before: Report | undefined
  /** What changed last, and what came of it. */
  note = ''
  problems: readonly Problem[] = []
  background = true
  only: { platform: string; bench: string } = { platform: '', bench: '' }
  latest: Decision = { what: 'all' }

  #state!: State
  #snapshot: Snapshot | undefined
  #session: Session | undefined
  #machine: { image: Image; client: Enterable; environment: Environment; key: string } | undefined
  #warm: Warm | undefined
  readonly #planned = new Map<string, { state: string; platform: PlannedPlatform }>()
  readonly #kept = new Kept()
  /** The digest that a bench's samples carry: claims may change without it. */
  readonly #digests = new Map<string, string>()
  readonly #workloads = new Map<string, Workload>()
  #bundles: GuestBundles | undefined
  #job: Job | undefined
  #running: AbortController | undefined
  #wake: () => void = () => {}
  #round = 0
  #reading: Promise<void> = Promise.resolve()
  readonly #quit = new AbortController()
  readonly #files: Files

  constructor(private readonly options: WatchOptions) {
    setMaxListeners(0, this.#quit.signal)
    this.#files = new Files((burst) => this.#read(burst))
  }

  get root(): string {
    return this.#state.project.root
  }

  /** Runs until `quit`. @throws what makes even the first run impossible. */
  async run(): Promise<void> {
    try {
      this.#state = await firstState(this.options)
      this.problems = this.#state.problems
      await this.#apply()
      this.#files.set(watchedBy(this.#state))
      while (!this.#quit.signal.aborted) await this.#next()
    } finally {
      this.doing = { kind: 'preparing', what: 'cleaning up' }
      this.options.shown()
      await this.#files.close()
      await this.#reading
      await this.#close()
    }
  }

  /** Ends what runs; `run` then returns when everything is cleaned up. */
  quit(): void {
    const why = new InterruptedError('quit')
    this.#quit.abort(why)
    this.#running?.abort(why)
    this.#wake()
  }

  /** Measures these anew: everything, what failed or is undecided, or what the latest change was about. */
  again(what: 'all' | 'failed' | 'latest'): void {
    if (!this.#snapshot) return
    if (what === 'failed') {
      const cells = this.#failed()
      this.note = cells.size > 0 ? 'what failed or is undecided, again' : 'nothing failed, and nothing is undecided'
      if (cells.size > 0) this.#measure(cells)
    } else {
      this.note = what === 'all' ? 'everything, again' : 'the latest, again'
      this.#measure(this.#cellsOf(what === 'all' ? { what: 'all' } : this.latest))
    }
    this.options.shown()
  }

  /** Leaves only platforms and benches whose names have these texts. */
  async filter(only: Partial<Watch['only']>): Promise<void> {
    this.only = { ...this.only, ...only }
    this.note = ''
    await this.#apply()
  }

  toggleBackground(): void {
    this.background = !this.background
    if (!this.background && this.doing.kind === 'measuring' && this.doing.background) this.#running?.abort()
    this.#wake()
    this.options.shown()
  }

  /** Writes what there is as a run record. */
  writeRecord(): string {
    const { plan, environment } = this.#record()
    const writer = RecordWriter.start(this.root, plan.seed.slice(0, 12), environment, plan, this.problems)
    for (const sample of this.#kept.samples) writer.sample(sample)
    writer.end('finished')
    return writer.file
  }

  /** Reads what changed; one burst after the other. */
  #read(burst: Burst): void {
    this.#reading = this.#reading.then(async () => {
      if (this.#quit.signal.aborted) return
      try {
        this.#state = await nextState(this.options, this.#state, burst)
        this.problems = this.#state.problems
        const decision = await this.#apply()
        const names = [...burst.paths].map((path) => path.replace(`${this.root}/`, ''))
        this.note = `${names.join(', ')} → ${this.#outcome(decision)}`
      } catch (error) {
        this.problems = [{ file: 'isobench.config', message: messageOf(error) }]
      }
      this.options.shown()
      this.#files.set(watchedBy(this.#state))
    })
  }

  #outcome(decision: Decision): string {
    if (this.problems.length > 0) return 'cannot be used; the last results stay'
    if (decision.what === 'nothing') return 'nothing to do'
    if (decision.what === 'judge') return 'judged again'
    if (decision.what !== 'measure') return 'everything is measured again'
    const names = decision.benches.map((id) => id.slice(id.indexOf('#') + 1))
    return `measured again: ${[...names, ...decision.platforms].join(', ')}`
  }

  #selectedPlatforms(): ResolvedPlatform[] {
    const { platforms } = this.#state
    const names = selectPlatforms(
      platforms.map(({ spec }) => spec),
      this.options.platform,
    ).map(({ name }) => name)
    const wanted = ({ spec: { name } }: ResolvedPlatform) =>
      names.includes(name) && (name === 'native' || name.includes(this.only.platform))
    return platforms.filter(wanted)
  }

  #selected(): Pick<Plan, 'benches' | 'left' | 'findings'> {
    const { project, files, suite } = this.#state
    const mine = narrow(suite, filterFiles(project, files, this.options.filters))
    const { name, tag: tags } = this.options
    const names = this.only.bench ? [this.only.bench] : name
    const asked = this.options.filters.length > 0 || names.length > 0 || tags.length > 0
    const without = asked ? [] : (this.options.profileOf(project).skip ?? [])
    return { ...selectBenches(mine, { names, tags, without }), findings: mine.findings }
  }

  #snapshotNow(): Snapshot {
    const { project, work } = this.#state
    const { benches, findings } = this.#selected()
    const platforms = this.#selectedPlatforms()
    return {
      guest: project.guest,
      image: project.image,
      profile: this.options.profileOf(project),
      benches,
      findings,
      work,
      platforms: new Map(platforms.map((one) => [one.spec.name, stateOf(one, project.configDigest)])),
      tags: new Map(platforms.map(({ spec }) => [spec.name, spec.tags])),
    }
  }

  /** Brings what is measured and judged in line with the state. */
  async #apply(): Promise<Decision> {
    const next = this.#snapshotNow()
    const decision = decide(this.#snapshot, next)
    const former = this.#snapshot
    this.#snapshot = next
    if (decision.what === 'nothing') return decision
    if (decision.what === 'all' || decision.what === 'measure') {
      const changed = decision.what === 'measure' ? decision.benches : next.benches.map(({ id }) => id)
      await this.#load(changed)
      const points = new Set(next.benches.flatMap(pointsOf).map(({ id }) => id))
      this.#kept.keepOnly(points, new Set(next.platforms.keys()))
      const runs = next.benches.filter(({ id, workload }) => changed.includes(id) && workload.lifecycle === 'run')
      if (runs.length > 0) this.#warm?.stale('run')
      for (const [name, state] of next.platforms) if (former?.platforms.get(name) !== state) this.#warm?.stale(name)
      this.latest = decision
      this.#measure(this.#cellsOf(decision))
    } else {
      if (!this.#job?.anew) this.before = this.report
      this.#judge()
      this.#wake()
    }
    return decision
  }

  /** Loads the functions of changed benches. Collecting has imported the same files, so this is safe. */
  async #load(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const { compiled, project } = this.#state
    this.#bundles = new GuestBundles(project.root)
    const benches = this.#snapshot!.benches.filter(({ id }) => ids.includes(id))
    for (const file of new Set(benches.map((bench) => bench.file))) {
      const { output, digest } = compiled.get(file)!
      // The digest makes a changed file a new module. Node keeps source maps for good, and collecting has told all places.
      process.setSourceMapsEnabled(false)
      const loaded = await registrationsOf(() => import(`${output}?${digest}`))
      for (const { name, workload } of loaded.benches) if (workload) this.#workloads.set(`${file}#${name}`, workload)
    }
    for (const { id, digest } of benches) this.#digests.set(id, digest)
  }

  #cellsOf(decision: Decision): Map<string, Set<string>> {
    const { benches, platforms } = this.#snapshot!
    const all = [...platforms.keys()]
    const some = decision.what === 'measure' ? decision : undefined
    const cells = new Map<string, Set<string>>()
    for (const bench of benches) {
      const whole = !some || some.benches.includes(bench.id)
      const wanted = whole ? all : some.platforms.length > 0 ? ['native', ...some.platforms] : []
      const here = new Set(wanted.filter((name) => platforms.has(name)))
      if (here.size > 0) for (const { id } of pointsOf(bench)) cells.set(id, here)
    }
    return cells
  }

  #failed(): Map<string, Set<string>> {
    const claims = this.report?.claims ?? []
    const wanted = new Set(
      claims
        .filter(
          ({ verdict, reason }) =>
            verdict === 'contradicted' || verdict === 'inconclusive' || reason?.startsWith('sample-errors'),
        )
        .map(({ bench }) => bench),
    )
    const benches = this.#snapshot!.benches.filter(({ id }) => wanted.has(id)).map(({ id }) => id)
    return this.#cellsOf({ what: 'measure', benches, platforms: [] })
  }

  /** Starts over with these cells, and with those of the job in hand. */
  #measure(cells: Map<string, Set<string>>): void {
    const { rounds, warmup } = this.#snapshot!.profile
    const pending = this.#job?.anew ? this.#job.cells : new Map<string, Set<string>>()
    const points = new Set(this.#snapshot!.benches.flatMap(pointsOf).map(({ id }) => id))
    for (const [point, platforms] of pending)
      if (points.has(point)) cells.set(point, new Set([...platforms, ...(cells.get(point) ?? [])]))
    if (pending.size === 0) this.before = this.report
    this.#job = { cells, rounds, warmup, anew: true }
    this.#running?.abort(new InterruptedError('something changed'))
    this.#wake()
  }

  /** One thing to do: a job, a guest to boot ahead, a round in the background, or waiting. */
  async #next(): Promise<void> {
    const job = this.#job ?? this.#backgroundJob()
    try {
      if (job) return await this.#work(job)
      if (
        await this.#warm?.bootAhead(
          this.#selectedPlatforms(),
          () => this.#job !== undefined || this.#quit.signal.aborted,
        )
      )
        return
    } catch (error) {
      if (!this.#session) throw error
      // Left as it is: the next change, or `r`, tries again.
      if (this.#job === job) this.#job = undefined
      this.background = false
      this.note = messageOf(error)
    }
    if (this.#job || this.#quit.signal.aborted) return
    this.doing = { kind: 'watching' }
    this.options.shown()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = () => {}
  }

  #backgroundJob(): Job | undefined {
    if (!this.background || !this.report) return undefined
    const { plan, samples } = this.#record()
    const most = mostTimes * plan.profile.rounds
    const cells = new Map<string, Set<string>>()
    for (const [point, platforms] of needsOf(plan, samples)) {
      const open = [...platforms].filter((name) => name !== 'native' && this.#kept.rounds(point, name) < most)
      if (open.length > 0) cells.set(point, new Set(['native', ...open]))
    }
    return cells.size > 0 ? { cells, rounds: 1, warmup: 0, anew: false } : undefined
  }

  /** Takes the machine, or what the config changed of it. */
  async #prepare(): Promise<void> {
    const { project } = this.#state
    const key = JSON.stringify([project.guest, project.image])
    const tell = (what: string) => {
      this.doing = { kind: 'preparing', what }
      this.options.shown()
    }
    if (this.#machine?.key !== key) {
      await this.#close()
      const { signal } = this.#quit
      await this.options.equip(this.#state, signal)
      tell('taking the machine')
      this.#session = await Session.open(project.guest, {
        purpose: `watching ${project.root}`,
        wait: this.options.wait,
        onWait: ({ pid, purpose, since }) => tell(`waiting for process ${pid}, ${purpose}, since ${since}`),
        signal,
      })
      const session = this.#session
      const image = await ensureImage(project.image, {
        ledger: session.ledger,
        signal,
        onLine: (line) => tell(`building the image: ${line}`),
      })
      const guest = { cpus: [...session.limits.cpus], memoryBytes: session.limits.memoryBytes }
      const environment = await readEnvironment(project, guest, image.digest)
      this.#machine = { image, client: await session.client(image.rootfs), environment, key }
      this.#warm = new Warm(session, image.rootfs, this.#snapshot!.profile.timeout)
    }
    const unknown = this.#selectedPlatforms().filter(
      ({ spec: { name } }) => this.#planned.get(name)?.state !== this.#snapshot!.platforms.get(name),
    )
    if (unknown.length === 0) return
    tell(`probing ${unknown.map(({ spec }) => spec.name).join(', ')}`)
    const states = this.#snapshot!.platforms
    for (const platform of await probePlatforms(unknown, this.#session!.under(this.#quit.signal)))
      this.#planned.set(platform.name, { state: states.get(platform.name)!, platform })
  }

  async #work(job: Job): Promise<void> {
    const running = new AbortController()
    setMaxListeners(0, running.signal)
    this.#running = running
    try {
      await this.#prepare()
      await this.#warm!.dropStale()
      if (running.signal.aborted) return
      await this.#rounds(job, running.signal)
      if (this.#job === job) this.#job = undefined
    } catch (error) {
      if (!running.signal.aborted) throw error
    } finally {
      this.#running = undefined
    }
    this.#judge()
    this.options.shown()
  }

  async #rounds({ cells, rounds, warmup, anew }: Job, signal: AbortSignal): Promise<void> {
    const { image, client } = this.#machine!
    const warm = this.#warm!
    if (anew) this.#kept.forget(cells)
    const { plan } = this.#record()
    const first = new Map([...cells.keys()].map((point) => [point, this.#kept.next(point)]))
    const platforms = new Map(this.#selectedPlatforms().map((one) => [one.spec.name, one]))
    const means = {
      session: this.#session!.under(signal),
      plan,
      image,
      platforms,
      workloads: new Map(this.#workloads),
      bundles: this.#bundles!,
      client,
    }
    const due = (round: number) =>
      orderOf(plan, round).filter(({ point, platform }) => cells.get(point.id)?.has(platform))
    const steps = due(0).length * (rounds + warmup)
    warm.wanted = wantedAhead(plan, cells)
    let done = 0
    for (let round = -warmup; round < rounds; round++) {
      for (const step of due(this.#round++)) {
        signal.throwIfAborted()
        const { platform, point } = step
        this.doing = {
          kind: 'measuring',
          round,
          rounds,
          done: done++,
          steps,
          platform,
          bench: point.id,
          background: !anew,
        }
        this.options.shown()
        const number = round < 0 ? round : first.get(point.id)! + round
        this.#kept.add(await measure(step, number, { ...means, slots: warm.slots(platform) }))
      }
      this.#judge()
      await warm.endRound()
    }
  }

  #record(): RunRecord {
    const { profile, benches, platforms } = this.#snapshot!
    const { left, findings } = this.#selected()
    const pinned = benches.map((bench) => ({ ...bench, digest: this.#digests.get(bench.id) ?? bench.digest }))
    const plan: Plan = {
      seed: 'watch',
      profileName: this.options.profileName,
      profile,
      platforms: [...platforms.keys()].flatMap((name) => {
        const known = this.#planned.get(name)?.platform
        const tags = this.#snapshot!.tags.get(name) ?? []
        return known ? [{ ...known, tags }] : []
      }),
      benches: pinned,
      points: pinned.flatMap(pointsOf),
      findings,
      left,
    }
    return {
      file: join(this.root, 'watch'),
      environment: this.#machine!.environment,
      plan,
      problems: this.problems,
      samples: this.#kept.samples,
      how: 'finished',
    }
  }

  #judge(): void {
    if (this.#machine) this.report = buildReport(this.#record(), { strict: false })
  }

  async #close(): Promise<void> {
    this.#machine = undefined
    this.#planned.clear()
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

/** The platforms that a guest is worth booting ahead for: those whose benches use one of the round. */
function wantedAhead({ benches, points, platforms }: Plan, cells: Cells): Set<string> {
  const rounds = new Set(
    benches.filter(({ workload }) => workload.lifecycle === 'round' && workload.kind !== 'boot').map(({ id }) => id),
  )
  const used = points
    .filter(({ id, bench }) => rounds.has(bench) && cells.has(id))
    .flatMap(({ id }) => [...cells.get(id)!])
  return new Set(platforms.filter(({ name, available }) => available && used.includes(name)).map(({ name }) => name))
}
