import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Reporter, ReportFileError } from '../core/reporter.ts'
import { IsobenchError, messageOf } from '../util/errors.ts'
import { makeFolder, WriteError, writeRefusal } from '../util/files.ts'
import { isStream, openOutput, writeAll } from '../util/outputs.ts'
import { withUsersUmask } from '../util/umask.ts'
import { inputWord, shellWord } from './headline/next-steps.ts'

/** The error for a report that cannot be written to its file. */
export function reportFileError(file: string, error: unknown): ReportFileError {
  const refusal = writeRefusal(file, error instanceof WriteError ? (error.cause ?? error) : error)
  return new ReportFileError(
    `the report cannot be written to ${file}: ${refusal?.why ?? messageOf(error)}`,
    refusal?.fix ?? (error instanceof WriteError ? error.fix : 'give --reporter another file'),
  )
}

/** Changes when the file is written or replaced. Undefined if there is none. */
function stampOf(file: string): string | undefined {
  const { ino, size, mtimeNs } = statSync(file, { bigint: true, throwIfNoEntry: false }) ?? {}
  return ino === undefined ? undefined : `${ino} ${size} ${mtimeNs}`
}

/** The file that `out` of a reporter writes to. The first write creates its folder and replaces an older file. */
export class OutputFile {
  #descriptor: number | undefined
  #failure: ReportFileError | undefined
  #isIncomplete = false

  readonly #former: string | undefined

  /** @param isStem whether the reporter derives the paths of its files from `path`, and writes none of that path */
  constructor(
    private readonly path: string,
    private readonly isStem = false,
  ) {
    this.#former = stampOf(path)
  }

  /** Whether a guarded reporter has ended and did not write its whole report. */
  get isIncomplete(): boolean {
    return this.#isIncomplete
  }

  /** @throws {ReportFileError} if the file cannot be written */
  write(text: string): void {
    // Opening a FIFO without a reader again would wait again.
    if (this.#failure) throw this.#failure
    try {
      if (this.#descriptor === undefined) {
        this.#descriptor = withUsersUmask(() => {
          makeFolder(dirname(this.path))
          return openOutput(this.path)
        })
      }
      writeAll(this.#descriptor, text)
    } catch (error) {
      this.#failure = reportFileError(this.path, error)
      throw this.#failure
    }
  }

  /**
   * Returns the reporter with hooks that also fail in the end if it failed before: an incomplete file must not pass for
   * a report.
   * @param asked as given to `--reporter`, for messages
   */
  guard(reporter: Reporter, asked: string, hooks: readonly (keyof Reporter)[]): Reporter {
    let fault: ReportFileError | undefined
    const note = (error: unknown): never => {
      if (!(error instanceof ReportFileError)) fault ??= this.#incomplete(asked, error)
      throw error
    }
    // A reporter may be an object of a class. Its hooks need their `this`.
    const guarded: Reporter = Object.create(reporter)
    for (const hook of hooks) {
      const method = reporter[hook] as ((...values: unknown[]) => unknown) | undefined
      if (hook === 'onFinish' || hook === 'onStoredRuns' || typeof method !== 'function') continue
      const value = (...values: unknown[]) => {
        try {
          const result = method.apply(reporter, values)
          return result instanceof Promise ? result.catch(note) : result
        } catch (error) {
          return note(error)
        }
      }
      Object.defineProperty(guarded, hook, { value })
    }
    const finish = async (records: readonly string[], act: () => Promise<void> | void) => {
      let failure: ReportFileError | undefined
      try {
        await act()
        if (!fault) this.#emptyIfUnchanged()
        failure = this.#failure ?? fault
      } catch (error) {
        failure = error instanceof ReportFileError ? error : this.#incomplete(asked, error)
      }
      this.#isIncomplete = failure !== undefined
      if (failure) throw fromRecords(failure, records, asked)
    }
    const { onStoredRuns } = reporter
    guarded.onFinish = (report) => finish([report.record], () => reporter.onFinish?.(report))
    if (onStoredRuns)
      guarded.onStoredRuns = (runs) =>
        finish(
          runs.map(({ report }) => report.record),
          () => onStoredRuns.call(reporter, runs),
        )
    return guarded
  }

  /**
   * Empties the file, or creates it, if the reporter wrote nothing. Otherwise what an older run wrote passes for the
   * report of this one. The reporter may have written the file by itself.
   */
  #emptyIfUnchanged(): void {
    if (this.isStem || this.#descriptor !== undefined || isStream(this.path) || stampOf(this.path) !== this.#former)
      return
    this.write('')
  }

  /** The error of a reporter that failed for another reason than its file. */
  #incomplete(asked: string, error: unknown): ReportFileError {
    const why = messageOf(error)
    // An error of isobench names the reporter's code that failed.
    const cause = error instanceof IsobenchError ? why : `the reporter "${asked}" failed: ${why}`
    return new ReportFileError(
      `${this.path} is missing or incomplete, because ${cause}`,
      'correct the reporter',
      'ISOBENCH_WRITE',
      { cause: error },
    )
  }
}

/** The error with a fix that writes the report from the stored records, because measuring again takes longer. */
function fromRecords(error: ReportFileError, records: readonly string[], asked: string): ReportFileError {
  // The record of an import or of the paper is no file.
  if (error.code === 'ISOBENCH_USAGE' || !records.every((record) => existsSync(record))) return error
  const command = `isobench report ${records.map(inputWord).join(' ')} --reporter ${shellWord(asked)}`
  const fix = [...(error.fix === undefined ? [] : [error.fix]), `write it from the record: ${command}`]
  return new ReportFileError(error.message, fix.join(', then '), error.code, { cause: error.cause })
}
