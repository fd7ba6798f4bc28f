import { appendFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Reporter, ReportFileError } from '../core/reporter.ts'
import { messageOf } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'

/** The file that `out` of a reporter writes to. The first write creates its folder and replaces an older file. */
export class OutputFile {
  #started = false
  #failure: ReportFileError | undefined

  constructor(private readonly path: string) {}

  /** @throws {ReportFileError} if the file cannot be written */
  write(text: string): void {
    try {
      if (!this.#started) {
        makeFolder(dirname(this.path))
        writeFileSync(this.path, '')
      }
      this.#started = true
      appendFileSync(this.path, text)
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
