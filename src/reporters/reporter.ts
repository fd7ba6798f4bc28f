import type { Report } from '../core/model/report.ts'
import type { HostHistory } from '../core/records/history.ts'
import type { Reporter } from '../core/reporter.ts'
import type { BaselineView } from './metric-table.ts'

/** Where a reporter writes text: standard output, or a file. */
export interface OutputStream {
  /** @throws {ReportFileError} if it is a file that cannot be written */
  write(text: string): void
  readonly isTTY: boolean
  /** Width of the terminal, as a number of characters; 100 if there is no terminal. */
  readonly columns: number
}

/** What a reporter gets from isobench. */
export interface ReporterContext {
  /** For a reporter of yours with `=file`: writes to that file. Otherwise: standard output. */
  readonly out: OutputStream
  /** The absolute path of `--reporter name=file`. */
  readonly file?: string
  /** The folder of the project. Show paths relative to it. */
  readonly root: string
  /** Whether to use colors: on a terminal that has them, or because of FORCE_COLOR. */
  readonly color: boolean
  /** With `--all`: whether to show every table, claim and finding instead of one screen. */
  readonly all?: boolean
  /** Whether the command line names the records or their folder, so that they need not be the project's latest. */
  readonly isNamed?: boolean
  /** Whether a reporter has ended that could not write its file. The exit code is 5 then. */
  readonly isReportMissing?: () => boolean
  /** Returns the run of `--baseline` and how the report compares with it. Reads its record. */
  readonly against?: (report: Report) => BaselineView | undefined
  /**
   * Returns the latest earlier run of the same host that measured something of this one; null if there is none,
   * undefined if that is unknown. Reads its record once.
   */
  readonly former?: (report: Report) => Report | null | undefined
  /** Returns the earlier runs of the same host beside the report's own record. Reads all of them. */
  readonly history?: (report: Report) => HostHistory | undefined
}

/** A built-in reporter. */
export interface ReporterFactory {
  /** The name for `--reporter`. */
  readonly name: string
  /** One line for `--help`. */
  readonly description: string
  /** Without `=file` it writes one document to standard output, which another document would spoil. */
  readonly isDocument?: true
  /**
   * Creates the reporter of one run.
   * @throws {UsageError} if it cannot write to a file, and `context.file` is given
   */
  create(context: ReporterContext): Reporter
  /** The files that it writes or removes for `=file`. Absent: that file. */
  filesOf?(file: string): readonly string[]
}

/** A reporter of yours. `O` is the type of its options in the config. */
export interface ReporterDefinition<O = Readonly<Record<string, unknown>>>
  extends Omit<ReporterFactory, 'create' | 'filesOf' | 'isDocument'> {
  /**
   * Creates the reporter of one run. If it throws, isobench prints a warning and continues without it.
   * @param options the object after the path in the config, or `{}`
   */
  create(context: ReporterContext, options: O): Reporter
}

/** Defines a reporter. Export the result as the default of a module, and give its path to `--reporter`. */
export const defineReporter = <O = Readonly<Record<string, unknown>>>(
  reporter: ReporterDefinition<O>,
): ReporterDefinition<O> => reporter
