import { type Location, withLocation } from '../../dsl/errors.ts'
import { messageOf } from '../../util/errors.ts'
import type { StrayError } from '../../util/stray-errors.ts'
import type { BenchData, Problem } from '../model/suite.ts'
import { importProblem } from '../project/import-default.ts'

/**
 * Errors that code of bench files leaves behind: of promises that nobody awaits, timers and events, after the workload
 * or the import is over.
 *
 * Each is a problem of its file, and the run goes on. The bench is not measured any more: its next samples would leave
 * the same errors behind, in the samples of other benches.
 */
export class LateErrors {
  readonly #left = new Map<string, { readonly message: string; readonly problem: Problem }>()
  #isOver = false

  /**
   * @param report receives the problem of each bench and file once
   * @param collected the problems that collecting the files found: its worker runs their top level, too
   */
  constructor(
    private readonly root: string,
    private readonly report: (problem: Problem) => void,
    private readonly collected: () => readonly Problem[] = () => [],
  ) {}

  /** What an earlier sample of the bench has left behind. */
  of(bench: string): string | undefined {
    return this.#left.get(bench)?.message
  }

  /** The problems of all benches and files. */
  get problems(): Problem[] {
    return [...this.#left.values()].map(({ problem }) => problem)
  }

  /** Forgets what benches, by their ids, and files have left behind, because their code changed or runs again. */
  forget(benchesAndFiles: Iterable<string>): void {
    for (const key of benchesAndFiles) this.#left.delete(key)
  }

  /** @returns whether the error is handled: not a new one if the run is judged already */
  ofBench({ id, file, location }: Pick<BenchData, 'id' | 'file' | 'location'>, error: StrayError): boolean {
    return this.#add(id, file, error, location)
  }

  /** As `ofBench`, for an error of code at the top level of a bench file. */
  ofFile(file: string, error: StrayError): boolean {
    return this.isCollected(file, error) || this.#add(file, file, error)
  }

  /** Whether collecting the file has found the error. */
  isCollected(file: string, error: StrayError): boolean {
    const { location: at } = importProblem(error, this.root, file)
    const text = messageOf(error.thrown)
    return this.collected().some(
      (known) =>
        known.file === file &&
        (at && known.location
          ? at.file === known.location.file && at.line === known.location.line && at.column === known.location.column
          : known.message.includes(text)),
    )
  }

  /** Handles no new error from now on, because the record is complete. */
  end(): void {
    this.#isOver = true
  }

  /** @param bench where the bench is, for a thrown value that has no stack */
  #add(key: string, file: string, error: StrayError, bench?: Location): boolean {
    if (this.#left.has(key)) return true
    if (this.#isOver) return false
    const problem = { ...withLocation(bench), ...importProblem(error, this.root, file) }
    this.#left.set(key, { message: error.message, problem })
    this.report(problem)
    return true
  }
}
