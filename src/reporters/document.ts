import type { Report } from '../core/model/report.ts'
import { ReportFileError, type StoredRun } from '../core/reporter.ts'
import { UsageError } from '../util/errors.ts'
import { writeOutput } from '../util/outputs.ts'
import { sanitize } from '../util/text.ts'
import { reportFileError } from './output-file.ts'
import type { ReporterContext, ReporterFactory } from './reporter.ts'

/** Reporters that write one document when the run ends. */

/**
 * Writes a report to its file as a whole.
 * @throws {ReportFileError} if the file cannot be written
 */
export function writeReportFile(file: string, text: string): void {
  try {
    writeOutput(file, text)
  } catch (error) {
    throw reportFileError(file, error)
  }
}

/** How a kind renders several stored runs as one document. */
export type RenderMany = (runs: readonly StoredRun[], context: ReporterContext) => string

/** Writes to `=file`, or else to standard output. */
export async function writeDocument(text: string, { file, out }: ReporterContext): Promise<void> {
  if (file === undefined) out.write(text)
  else writeReportFile(file, text)
}

/** A kind that renders a report to text, for `=file` or else for standard output. */
export function documentReporter(
  name: string,
  description: string,
  render: (report: Report, context: ReporterContext) => string,
  renderMany: RenderMany,
): ReporterFactory {
  return {
    name,
    description,
    isDocument: true,
    create: (context) => ({
      onFinish: (report) => writeDocument(render(report, context), context),
      onStoredRuns: async (runs) =>
        writeDocument(runs.length === 1 ? render(runs[0]!.report, context) : renderMany(runs, context), context),
    }),
  }
}

/** @throws {ReportFileError} from a reporter with a format that has one run per file */
export function refuseSeveral(name: string): never {
  throw new ReportFileError(`${name} takes one record`, 'put them together first: isobench merge', 'ISOBENCH_USAGE')
}

/** @throws UsageError for a reporter that only writes to standard output, when it was given a file. */
export function withoutFile(name: string, { file }: ReporterContext): void {
  if (file === undefined) return
  throw new UsageError(
    `the reporter "${name}" writes no file`,
    'use json, junit, markdown, pr, csv, html, bmf, benchfmt, otava-csv or benchmark-action with =file',
  )
}

/** Text made safe for each format that reporters write. All of it goes through `plain` first. */

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** For HTML and XML, in text and in quoted attributes. XML 1.0 forbids most control characters; none is left. */
export const escapeHtml = (text: string): string => sanitize(text).replace(/[&<>"']/g, (c) => entities[c]!)

/** For a table or a list in GitHub's Markdown: nothing in it is markup, HTML, a mention or the number of an issue. */
export const escapeMarkdown = (text: string): string =>
  sanitize(text)
    .replace(/[\\`*_{}[\]#!|~$]/g, '\\$&')
    .replace(/[&<>]/g, (c) => entities[c]!)
    .replace(/@(?=\w)|#(?=\d)/g, '$&\u200b')

/** A field of RFC 4180. A text that a spreadsheet would read as a formula gets an apostrophe in front (OWASP). */
export function csvField(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = sanitize(value)
  const safe = /^\s*[=+\-@]/.test(text) ? `'${text}` : text
  return /[",\s]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
