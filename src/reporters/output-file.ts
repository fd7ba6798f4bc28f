import { openSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Reporter, ReportFileError } from '../core/reporter.ts'
import { messageOf } from '../util/errors.ts'
import { makeFolder, outputFlag } from '../util/files.ts'

/** The file that `out` of a reporter writes to. The first write creates its folder and replaces an older file. */
export class OutputFile {
  #descriptor: number | undefined
  #failure: ReportFileError | undefined

  constructor(private readonly path: string) {}

  /** @throws {ReportFileError} if the file cannot be written */
  write(text: string): void {
    try {
      if (this.#descriptor === undefined) {
        makeFolder(dirname(this.path))
        this.#descriptor = openSync(this.path, outputFlag(this.path))
      }
      // Unlike writeSync, it writes all of it, or throws.
      writeFileSync(this.#descriptor, text)
    } catch (error) {
      this.#failure = new ReportFileError(
        `the report cannot be written to ${this.path}: ${messageOf(error)}`,
        'give --reporter another file',
      )
      throw this.#failure
    }
  }

  /** Returns the reporter with an `onFinish` and `onStoredRuns` that also fail if an earlier write failed. */
  guard(reporter: Reporter): Reporter {
    const check = () => {
      if (this.#failure) throw this.#failure
    }
    const { onStoredRuns } = reporter
    // A reporter may be an object of a class. Its hooks need their `this`.
    const guarded: Reporter = Object.create(reporter)
    guarded.onFinish = async (report) => {
      await reporter.onFinish?.(report)
      check()
    }
    if (onStoredRuns) {
      guarded.onStoredRuns = async (runs) => {
        await onStoredRuns.call(reporter, runs)
        check()
      }
    }
    return guarded
  }
}
