import { setMaxListeners } from 'node:events'
import { InterruptedError, messageOf } from '../../util/errors.ts'
import { buildReport } from '../judge/report.ts'
import type { MeasureJob } from '../measure/run-loop.ts'
import { type CasesToMeasure, casesOf } from '../model/plan.ts'
import type { RunRecord, Sample } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { Problem } from '../model/suite.ts'
import { SpareWorker } from '../project/collect.ts'
import { MarginEditor, MarginError } from './accept-margin.ts'
import {
  brokenPlatforms,
  casesFor,
  changedBenches,
  type Decision,
  decisionText,
  differenceOf,
  existingCases,
  failedCases,
  planChange,
  type Snapshot,
  unionOf,
} from './changes.ts'
import { type Failure, FailureReader } from './failures.ts'
import { type FileChanges, FileWatcher } from './file-watcher.ts'
import { withFormerResults } from './former-results.ts'
import { type EmptyFilter, emptyFilter, filterReport, type NameFilter, noFilter, selectCases } from './name-filter.ts'
import {
  changedNames,
  checkedFilters,
  loadProjectState,
  type ProjectState,
  type Sources,
  snapshotOf,
  updateProjectState,
  watchedFiles,
} from './project-state.ts'
import { type ResultChange, resultChanges, undecidedChanges } from './result-changes.ts'
import { WatchSession, type WatchSessionOptions } from './session.ts'
import type { Note, WatchStatus } from './status.ts'
import { type StoredBaseline, WatchBaseline } from './watch-baseline.ts'

/** What to watch, and how to measure it. */
export interface WatchOptions extends Sources, WatchSessionOptions {
  /** Called when the screen is out of date. */
  readonly onChange: () => void
  /** Observes the files of the project; a `FileWatcher` if absent. */
  readonly createWatcher?: (onChanges: (changes: FileChanges) => void) => Pick<FileWatcher, 'set' | 'close'>
}

/** The state before the latest change. */
interface Before {
  readonly record: RunRecord
  readonly report: Report
}

/** Measures and judges when files change. It keeps one session of the host until it ends. */
export class Watch {
  doing: WatchStatus = { kind: 'preparing', what: 'reading the bench files' }
  /** The latest complete results of everything that exists, and their verdicts. */
  report: Report | undefined
  /** The results of the report that are older than the latest change, because the new ones are not complete. */
  stale: CasesToMeasure = new Map()
  /** The report before the latest change. */
  get before(): Report | undefined {
    return this.#before?.report
  }
  /** What the latest change did to the results that it reached. */
  changes: readonly ResultChange[] = []
  failures: readonly Failure[] = []
  note: Note | undefined
  /** The rounds of the latest job that was asked for, and how long it took in milliseconds. */
  latestJob: { readonly rounds: number; readonly took: number } | undefined
  /** What is wrong with the project, and what the code of benches has left behind. */
  problems: readonly Problem[] = []
  background = true
  /** Whether `cancel` has stopped the measuring until something changes or is asked for. */
  isPaused = false
  only: NameFilter = noFilter

  #state!: ProjectState
  #projectProblems: readonly Problem[] = []
  #snapshot: Snapshot | undefined
  #latest: Decision = { what: 'all' }
  #before: Before | undefined
  /** What the changes since `#before` reached, and the cases that now do other work. */
  #affected: CasesToMeasure = new Map()
  #otherWork = new Set<string>()
  /** Results that lack rounds. */
  #due: CasesToMeasure = new Map()
  /** The samples that were shown before results became due. */
  #former: readonly Sample[] = []
  /** The record behind `report`. */
  #shown: RunRecord | undefined
  /** The text of the note while the host is awaited, and after a probe has shown which platforms can run. */
  #laterNote: (() => string) | undefined
  /** The file that a key has edited. Its note stays when the file is read again. */
  #editedByKey: string | undefined
  #job: MeasureJob | undefined
  #running: AbortController | undefined
  #wake: () => void = () => {}
  #reading: Promise<void> = Promise.resolve()
  readonly #quit = new AbortController()
  readonly #files: Pick<FileWatcher, 'set' | 'close'>
  readonly #session: WatchSession
  readonly #failures = new FailureReader()
  readonly #margins = new MarginEditor()
  readonly #baseline = new WatchBaseline()
  readonly #spare = new SpareWorker()

  constructor(private readonly options: WatchOptions) {
    setMaxListeners(0, this.#quit.signal)
    const { createWatcher = (onChanges) => new FileWatcher(onChanges) } = options
    this.#files = createWatcher((changes) => this.#read(changes))
    this.#session = new WatchSession({ ...options, onLateError: () => this.#setProblems() }, () => ({
      state: this.#state,
      snapshot: this.#snapshot!,
      problems: this.problems,
    }))
  }

  get #sources(): Sources {
    return { ...this.options, spare: this.#spare }
  }

  get root(): string {
    return this.#state.project.root
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return (this.options.now ?? Date.now)()
  }

  /** Why the filter selects nothing; undefined if it selects something. */
  get emptyFilter(): EmptyFilter | undefined {
    if (!this.#snapshot) return undefined
    const { benches, platforms } = this.#snapshot
    return emptyFilter(this.only, { benches: benches.map(({ name }) => name), platforms: [...platforms.keys()] })
  }

  /** How many results lack rounds and are outside of the filter. */
  get heldBack(): number {
    const outside = differenceOf(this.#due, this.#inView(this.#due))
    return [...outside.values()].reduce((sum, names) => sum + names.size, 0)
  }

  /**
   * Runs until `quit`.
   * @throws what makes the first run impossible
   */
  async run(): Promise<void> {
    try {
      this.#state = checkedFilters(await loadProjectState(this.#sources), this.options)
      this.#setProblems(this.#state.problems)
      await this.#apply()
      this.#files.set(watchedFiles(this.#state))
      while (!this.#quit.signal.aborted) await this.#next()
    } finally {
      this.#show({ kind: 'preparing', what: 'cleaning up' })
      await this.#files.close()
      await this.#reading
      this.#spare[Symbol.dispose]()
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

  /** Measures what is in view again: everything, what failed or is undecided, or what the latest change reached. */
  again(what: 'all' | 'failed' | 'latest'): void {
    if (!this.#snapshot) return
    const snapshot = this.#snapshot
    const wanted = {
      all: () => casesFor({ what: 'all' }, snapshot),
      failed: () => {
        const broken = brokenPlatforms(this.report, this.before)
        this.#session.probeAgain(broken)
        return unionOf(
          failedCases(this.report, snapshot),
          casesFor({ what: 'measure', benches: [], platforms: broken }, snapshot),
        )
      },
      latest: () => casesFor(this.#latest, snapshot),
    }[what]()
    const cases = this.#inView(wanted)
    const words = { all: 'everything', failed: 'what failed or is undecided', latest: 'the latest' }[what]
    if (cases.size > 0) {
      this.#say(`${words}, again`)
      this.#measure(cases)
    } else this.#say(what === 'failed' ? 'nothing failed, and nothing is undecided' : 'nothing is in view')
    this.options.onChange()
  }

  /** Goes on after `cancel`; otherwise measures again what the latest change reached. */
  goOn(): void {
    if (!this.isPaused) {
      this.again('latest')
      return
    }
    this.isPaused = false
    this.#say('measuring goes on')
    this.#wake()
    this.options.onChange()
  }

  /** Stops the measuring. What was measured so far is kept. */
  cancel(): void {
    if (this.#running) {
      this.isPaused = true
      this.#say('canceled; Enter goes on')
      this.#running.abort(new InterruptedError('canceled'))
    } else this.#say('nothing is being measured')
    this.options.onChange()
  }

  /** Selects the platforms and benches that are shown and measured. It discards nothing. */
  filter(only: Partial<NameFilter>): void {
    this.only = { ...this.only, ...only }
    this.note = undefined
    this.#laterNote = undefined
    // What is out of view must not go on. The rest of the job goes on with the rounds that it lacks.
    if (this.#job && differenceOf(this.#job.cases, this.#inView(this.#job.cases)).size > 0)
      this.#running?.abort(new InterruptedError('filtered out'))
    this.#wake()
    this.options.onChange()
  }

  /**
   * Sets the margin of the only contradicted claim in view to what was measured.
   * @throws {MarginError} if there is not exactly one, or its margin is not a literal
   */
  acceptMargin(): void {
    if (!this.report) throw new MarginError('nothing is measured yet', 'wait for a verdict')
    const edit = this.#margins.accept(this.report, filterReport(this.report, this.only).claims)
    this.#edited(edit.file, `:${edit.line}: ${edit.from} → ${edit.to} (z: back to ${edit.from})`)
  }

  /** Takes the latest `acceptMargin` back. Throws as `MarginEditor.undo`. */
  undoMargin(): void {
    const edit = this.#margins.undo((file) => this.#relative(file))
    this.#edited(edit.file, `:${edit.line}: ${edit.to} → ${edit.from}`)
  }

  #edited(file: string, how: string): void {
    this.#editedByKey = file
    this.#say(`${this.#relative(file)}${how}`)
    this.options.onChange()
  }

  toggleBackground(): void {
    this.background = !this.background
    if (!this.background && this.doing.kind === 'measuring' && this.doing.background) this.#running?.abort()
    this.#wake()
    this.options.onChange()
  }

  /** Stores the results as the baseline `watch`. Returns and throws as `WatchBaseline.save`. */
  saveBaseline(): StoredBaseline {
    return this.#baseline.save(this.root, this.#session.record(), this.#due)
  }

  /** Reads the changed files, one set of changes after the other. */
  #read(changes: FileChanges): void {
    this.#reading = this.#reading.then(async () => {
      if (this.#quit.signal.aborted) return
      try {
        const before = this.#state
        this.#state = await updateProjectState(this.#sources, before, changes)
        this.#setProblems(this.#state.problems)
        const decision = await this.#apply()
        const names = changedNames(before, changes)
        const isTemporary = decision.what === 'nothing' && names.length === 0
        const isOwn = this.#editedByKey !== undefined && changes.paths.has(this.#editedByKey)
        if (isOwn) this.#editedByKey = undefined
        const what = names.join(', ') || 'files'
        const text = () => `${what} → ${decisionText(decision, this.#snapshot!, this.#projectProblems, this.#session)}`
        if (!isOwn && !isTemporary) this.#say(text(), text)
        this.#files.set(watchedFiles(this.#state))
      } catch (error) {
        this.#setProblems([{ file: this.#relative(this.#state.project.configFile), message: messageOf(error) }])
      }
      this.options.onChange()
    })
  }

  #relative(path: string): string {
    return path.replace(`${this.root}/`, '')
  }

  /** Measures or judges what has changed since the last snapshot. */
  async #apply(): Promise<Decision> {
    const next = snapshotOf(this.#state, this.options)
    const decision = planChange(this.#snapshot, next)
    const former = this.#snapshot
    this.#snapshot = next
    if (decision.what === 'nothing') return decision
    // A change during a job adds to the one before it.
    if (this.#due.size === 0) {
      this.#before = this.#shown && this.report && { record: this.#shown, report: this.report }
      this.#affected = new Map()
      this.#otherWork = new Set()
    }
    const changed = changedBenches(decision, next)
    await this.#session.follow(changed, former, next)
    if (decision.what === 'judge') {
      this.#due = existingCases(this.#due, next)
      this.#judge()
      this.#wake()
      return decision
    }
    this.#latest = decision
    const cases = casesFor(decision, next)
    this.#affected = unionOf(existingCases(this.#affected, next), cases)
    for (const { id } of changed.flatMap(casesOf)) this.#otherWork.add(id)
    this.#measure(cases)
    return decision
  }

  /** Measures some cases from the start, after those that are due already. */
  #measure(cases: CasesToMeasure): void {
    this.#former = this.#shown?.samples ?? []
    this.#session.forget(cases)
    this.#setProblems()
    this.#due = existingCases(unionOf(this.#due, cases), this.#snapshot!)
    this.isPaused = false
    this.#running?.abort(new InterruptedError('something changed'))
    this.#merge()
    this.#wake()
  }

  #inView(cases: CasesToMeasure): CasesToMeasure {
    return this.#snapshot ? selectCases(cases, this.only, this.#snapshot.benches) : cases
  }

  /** Does one thing: a job, a background round, booting one guest ahead, or waiting. */
  async #next(): Promise<void> {
    const covered = this.isPaused ? new Map() : this.#inView(this.#due)
    try {
      const due = this.#session.jobFor(covered)
      if (!due) this.#due = differenceOf(this.#due, covered)
      const job = due ?? this.#backgroundJob()
      if (job) return await this.#work(job, covered)
      if (await this.#session.bootAhead(() => this.#hasWork || this.#quit.signal.aborted)) return
    } catch (error) {
      // Without any result there is nothing to show, so watch ends. Later the last results stay on the screen.
      if (!this.#session.hasHost && !this.report) throw error
      // The next change, or Enter, tries again.
      this.isPaused = true
      this.#say(messageOf(error))
    }
    if (this.#hasWork || this.#quit.signal.aborted) return
    this.#show({ kind: 'watching' })
    this.#spare.start()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = () => {}
  }

  get #hasWork(): boolean {
    return !this.isPaused && this.#inView(this.#due).size > 0
  }

  #backgroundJob(): MeasureJob | undefined {
    if (this.isPaused || !this.background || !this.report) return undefined
    return this.#session.background(undecidedChanges(this.changes), (cases) => this.#inView(cases))
  }

  /** @param covered the results that have all their rounds after the job */
  async #work(job: MeasureJob, covered: CasesToMeasure): Promise<void> {
    const running = new AbortController()
    setMaxListeners(0, running.signal)
    this.#running = running
    this.#job = job
    try {
      await this.#session.prepare(this.#quit.signal, (what) => {
        this.#updateNote()
        this.#show({ kind: 'preparing', what })
      })
      this.#updateNote()
      this.#laterNote = undefined
      if (running.signal.aborted) return
      const startedAt = this.now()
      await this.#session.take(job, running.signal, {
        measuring: (now) => this.#show(now),
        roundEnded: () => this.#judge(),
      })
      if (!job.background) {
        this.#due = differenceOf(this.#due, covered)
        this.latestJob = { rounds: job.rounds, took: this.now() - startedAt }
      }
    } catch (error) {
      if (!running.signal.aborted) throw error
    } finally {
      this.#running = undefined
      this.#job = undefined
    }
    this.#judge()
    this.options.onChange()
  }

  #setProblems(ofProject = this.#projectProblems): void {
    this.#projectProblems = ofProject
    this.problems = [...ofProject, ...this.#session.lateProblems]
    this.options.onChange()
  }

  #show(doing: WatchStatus): void {
    this.doing = doing
    this.options.onChange()
  }

  #say(text: string, later?: () => string): void {
    this.#laterNote = later
    this.note = { text, at: this.now() }
    this.latestJob = undefined
  }

  #updateNote(): void {
    const text = this.#laterNote?.()
    if (text !== undefined && text !== this.note?.text) this.#say(text, this.#laterNote)
  }

  /** Puts the former samples in the place of those that are missing. */
  #merge(): RunRecord | undefined {
    const record = this.#session.record()
    if (!record) return undefined
    const { record: shown, stale } = withFormerResults(record, this.#former, this.#due)
    this.#shown = shown
    this.stale = stale
    return record
  }

  #judge(): void {
    const record = this.#merge()
    if (!record) return
    this.report = buildReport(this.#shown!, { strict: false })
    this.failures = this.#failures.read(this.#shown!, this.root)
    const changed = { affected: this.#affected, due: this.#due, otherWork: this.#otherWork }
    this.changes = this.#before ? resultChanges(this.#before.record, record, changed) : []
  }
}
