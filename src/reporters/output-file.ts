import { dirname } from 'node:path'
import { type Reporter, ReportFileError } from '../core/reporter.ts'
import { messageOf } from '../util/errors.ts'
import { makeFolder, WriteError, writeRefusal } from '../util/files.ts'
import { openOutput, writeAll } from '../util/outputs.ts'

/** The error for a report that cannot be written to its file. */
export function reportFileError(file: string, error: unknown): ReportFileError {
  const refusal = writeRefusal(file, error instanceof WriteError ? (error.cause ?? error) : error)
  return new ReportFileError(
    `the report cannot be written to ${file}: ${refusal?.why ?? messageOf(error)}`,
    refusal?.fix ?? (error instanceof WriteError ? error.fix : 'give --reporter another file'),
  )
}

/** The file that `out` of a reporter writes to. The first write creates its folder and replaces an older file. */
export class OutputFile {
  #descriptor: number | undefined
  #failure: ReportFileError | undefined

  constructor(private readonly path: string) {}

  /** @throws {ReportFileError} if the file cannot be written */
  write(text: string): void {
    // Opening a FIFO without a reader again would wait again.
    if (this.#failure) throw this.#failure
    try {
      if (this.#descriptor === undefined) {
        makeFolder(dirname(this.path))
        this.#descriptor = openOutput(this.path)
      }
      writeAll(this.#descriptor, text)
    } catch (error) {
      this.#failure = reportFileError(this.path, error)
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
