import type { Report } from '../core/model/report.ts'
import type { HostHistory } from '../core/records/history.ts'
import type { Reporter } from '../core/reporter.ts'
import type { BaselineView } from './metric-table.ts'

/** The contract for a kind of reporter: a file that keeps to it and a line in `index.ts` make a new one. */

/** Where text goes: standard output, or a stand-in for it in tests. */
export interface OutputStream {
  write(text: string): void
  readonly isTTY: boolean
  /** The width of the terminal in characters; what a pipe is given as, 80 say, otherwise. */
  readonly columns: number
}

export interface ReporterContext {
  readonly out: OutputStream
  /** Of `--reporter name=file`. */
  readonly file?: string
  /** The project; paths below it are shown relative to it. */
  readonly root: string
  /** Whether colours are wanted: on a terminal that has them, or where FORCE_COLOR asks for them. */
  readonly color: boolean
  /** Show what is otherwise cut to the first few. */
  readonly verbose?: boolean
  /** The run that a report is to be shown against; undefined where none was asked for. Reads its record. */
  readonly against?: (report: Report) => BaselineView | undefined
  /** How figures moved over the runs stored beside the report's own record, on the same machine. Reads all of them. */
  readonly history?: (report: Report) => HostHistory | undefined
}

export interface ReporterFactory {
  /** As in `--reporter name`. */
  readonly name: string
  /** What it is for, in a line of `--help`. */
  readonly description: string
  /** @throws UsageError when it cannot write to a file, and `file` is given. */
  create(context: ReporterContext): Reporter
}
