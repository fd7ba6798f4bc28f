import { IsobenchError } from '../../util/errors.ts'

// Not in report.ts: every command loads the error, and few need the schemas, which take a fifth of the start-up time.

/** An output file cannot be written. Unlike other errors of a reporter, this one changes the exit code. */
export class ReportFileError extends IsobenchError {
  constructor(
    message: string,
    fix?: string,
    readonly code: 'ISOBENCH_WRITE' | 'ISOBENCH_USAGE' = 'ISOBENCH_WRITE',
    options?: ErrorOptions,
  ) {
    super(message, fix, options)
  }
}
