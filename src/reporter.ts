/** The entry point `isobench/reporter`: what authors of reporters, and of programs that read the JSON, import. */

/** `recordSchema` checks one line of a run record, after `JSON.parse`. */
export { lineSchema as recordSchema, type RunRecord } from './core/model/record.ts'
export { type Report, reportSchema } from './core/model/report.ts'
export type { Reporter } from './core/reporter.ts'
export { escapeHtml, escapeMarkdown } from './reporters/document.ts'
export { formatEstimate, formatMatcher, formatReason } from './reporters/format.ts'
export { defineReporter, type ReporterContext, type ReporterDefinition } from './reporters/reporter.ts'
export { sanitize } from './util/text.ts'
