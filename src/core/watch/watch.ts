import { setMaxListeners } from 'node:events'
import { InterruptedError, messageOf } from '../../util/errors.ts'
import type { MeasureJob } from '../measure/run-loop.ts'
import type { CasesToMeasure } from '../model/plan.ts'
import type { Report } from '../model/report.ts'
import type { Problem } from '../model/suite.ts'
import { casesFor, type Decision, failedCases, jobForChange, planChange, type Snapshot } from './changes.ts'
import { type FileChanges, FileWatcher } from './file-watcher.ts'
import {
  loadProjectState,
  type NameFilter,
  type ProjectState,
  type Sources,
  snapshotOf,
  updateProjectState,
  watchedFiles,
} from './project-state.ts'
import { type Measuring, WatchSession, type WatchSessionOptions } from './session.ts'

/** What to watch, and how to measure it. */
export interface WatchOptions extends Sources, WatchSessionOptions {
  /** Called when the screen is out of date. */
  readonly onChange: () => void
}

/** The current activity of watch mode. */
export type WatchStatus =
  | { readonly kind: 'watching' }
  | { readonly kind: 'preparing'; readonly what: string }
  | Measuring

/** Measures and judges when files change. It keeps one session of the host until it ends. */
export class Watch {
  doing: WatchStatus = { kind: 'preparing', what: 'reading the bench files' }
  report: Report | undefined
  /** The report before the latest change. */
  before: Report | undefined
  /** What changed last, and its effect. */
  note = ''
  problems: readonly Problem[] = []
  background = true
  only: NameFilter = { platform: '', bench: '' }
  latest: Decision = { what: 'all' }

  #state!: ProjectState
  #snapshot: Snapshot | undefined
  #job: MeasureJob | undefined
  #running: AbortController | undefined
  #wake: () => void = () => {}
  #reading: Promise<void> = Promise.resolve()
  readonly #quit = new AbortController()
  readonly #files: FileWatcher
  readonly #session: WatchSession

  constructor(private readonly options: WatchOptions) {
    setMaxListeners(0, this.#quit.signal)
    this.#files = new FileWatcher((changes) => this.#read(changes))
    this.#session = new WatchSession(options, () => ({
      state: this.#state,
      snapshot: this.#snapshot!,
      only: this.only,
      problems: this.problems,
    }))
  }

  get root(): string {
    return this.#state.project.root
  }

  /**
   * Runs until `quit`.
   * @throws what makes the first run impossible
   */
  async run(): Promise<void> {
    try {
      this.#state = await loadProjectState(this.options)
      this.problems = this.#state.problems
      await this.#apply()
      this.#files.set(watchedFiles(this.#state))
      while (!this.#quit.signal.aborted) await this.#next()
    } finally {
      this.#show({ kind: 'preparing', what: 'cleaning up' })
      await this.#files.close()
      await this.#reading
      await this.#session.close()
    }
  }

  /** Ends everything that runs. `run` returns after the cleanup. */
  quit(): void {
    const reason = new InterruptedError('quit')
    this.#quit.abort(reason)
    this.#running?.abort(reason)
    this.#wake()
  }

  /** Measures again: everything, what failed or is undecided, or what the latest change affected. */
  again(what: 'all' | 'failed' | 'latest'): void {
    if (!this.#snapshot) return
    if (what === 'failed') {
      const cases = failedCases(this.report, this.#snapshot)
      this.note = cases.size > 0 ? 'what failed or is undecided, again' : 'nothing failed, and nothing is undecided'
      if (cases.size > 0) this.#measure(cases)
    } else {
      this.note = what === 'all' ? 'everything, again' : 'the latest, again'
      this.#measure(casesFor(what === 'all' ? { what: 'all' } : this.latest, this.#snapshot))
    }
    this.options.onChange()
  }

  /** Selects the platforms and benches with some text in their names. */
  async filter(only: Partial<NameFilter>): Promise<void> {
    this.only = { ...this.only, ...only }
    this.note = ''
    await this.#apply()
  }

  toggleBackground(): void {
    this.background = !this.background
    if (!this.background && this.doing.kind === 'measuring' && this.doing.background) this.#running?.abort()
    this.#wake()
    this.options.onChange()
  }

  /** Writes the samples as a separate run record, and returns the file. */
  writeRecord(): string {
    return this.#session.writeRecord()
  }

  /** Reads the changed files, one set of changes after the other. */
  #read(changes: FileChanges): void {
    this.#reading = this.#reading.then(async () => {
      if (this.#quit.signal.aborted) return
      try {
        this.#state = await updateProjectState(this.options, this.#state, changes)
        this.problems = this.#state.problems
        const decision = await this.#apply()
        const names = [...changes.paths].map((path) => path.replace(`${this.root}/`, ''))
        this.note = `${names.join(', ')} → ${this.#outcome(decision)}`
        this.#files.set(watchedFiles(this.#state))
      } catch (error) {
        this.problems = [{ file: 'isobench.config', message: messageOf(error) }]
      }
      this.options.onChange()
    })
  }

  #outcome(decision: Decision): string {
    if (this.problems.length > 0) return 'cannot be used; the last results stay'
    if (decision.what === 'nothing') return 'nothing to do'
    if (decision.what === 'judge') return 'judged again'
    if (decision.what !== 'measure') return 'everything is measured again'
    const names = this.#snapshot!.benches.flatMap(({ id, name }) => (decision.benches.includes(id) ? name : []))
    return `measured again: ${[...names, ...decision.platforms].join(', ')}`
  }

  /** Measures or judges what has changed since the last snapshot. */
  async #apply(): Promise<Decision> {
    const next = snapshotOf(this.#state, this.options, this.only)
    const decision = planChange(this.#snapshot, next)
    const former = this.#snapshot
    this.#snapshot = next
    if (decision.what === 'nothing') return decision
    if (decision.what === 'all' || decision.what === 'measure') {
      const changed =
        decision.what === 'measure' ? next.benches.filter(({ id }) => decision.benches.includes(id)) : next.benches
      await this.#session.follow(changed, former, next)
      this.latest = decision
      this.#measure(casesFor(decision, this.#snapshot))
    } else {
      if (!this.#job?.fresh) this.before = this.report
      this.#judge()
      this.#wake()
    }
    return decision
  }

  /** Starts a job with some cases and with those of the unfinished job. */
  #measure(cases: CasesToMeasure): void {
    const pending: CasesToMeasure = this.#job?.fresh ? this.#job.cases : new Map()
    if (pending.size === 0) this.before = this.report
    this.#job = jobForChange(cases, pending, this.#snapshot!)
    this.#running?.abort(new InterruptedError('something changed'))
    this.#wake()
  }

  /** Does one thing: a job, a background round, booting one guest ahead, or waiting. */
  async #next(): Promise<void> {
    const job = this.#job ?? (this.background && this.report ? this.#session.background() : undefined)
    try {
      if (job) return await this.#work(job)
      if (await this.#session.bootAhead(() => this.#job !== undefined || this.#quit.signal.aborted)) return
    } catch (error) {
      // Without any result there is nothing to show, so watch ends. Later the last results stay on the screen.
      if (!this.#session.hasHost && !this.report) throw error
      // The next change, or `r`, tries again.
      if (this.#job === job) this.#job = undefined
      this.background = false
      this.note = messageOf(error)
    }
    if (this.#job || this.#quit.signal.aborted) return
    this.#show({ kind: 'watching' })
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = () => {}
  }

  async #work(job: MeasureJob): Promise<void> {
    const running = new AbortController()
    setMaxListeners(0, running.signal)
    this.#running = running
    try {
      await this.#session.prepare(this.#quit.signal, (what) => this.#show({ kind: 'preparing', what }))
      if (running.signal.aborted) return
      await this.#session.take(job, running.signal, {
        measuring: (now) => this.#show(now),
        roundEnded: () => this.#judge(),
      })
      if (this.#job === job) this.#job = undefined
    } catch (error) {
      if (!running.signal.aborted) throw error
    } finally {
      this.#running = undefined
    }
    this.#judge()
    this.options.onChange()
  }

  #show(doing: WatchStatus): void {
    this.doing = doing
    this.options.onChange()
  }

  #judge(): void {
    this.report = this.#session.report() ?? this.report
  }
}
