/** The entry point `isobench/reporter`: what authors of reporters, and of programs that read the JSON, import. */

export type {
  BenchCase,
  ExcludedBench,
  Plan,
  PlannedPlatform,
  ResolvedProfile,
  ShardOfPlan,
} from './core/model/plan.ts'
/** `recordSchema` checks one line of a run record, after `JSON.parse`. */
export { lineSchema as recordSchema, type RunRecord } from './core/model/record.ts'
export { type Report, reportSchema } from './core/model/report.ts'
export type { BenchData, FindingData, Problem } from './core/model/suite.ts'
export type { Comparison, LostVerdict } from './core/records/compare.ts'
export type { Difference } from './core/records/fingerprint.ts'
export type { HistoryRun, HostHistory, MetricHistory } from './core/records/history.ts'
export type { Level, LevelChange, NearbyChange } from './core/records/level-changes.ts'
export type { AddedName, ProfileChange } from './core/records/profile-changes.ts'
export type { Row as ComparisonRow } from './core/records/row-changes.ts'
export type { BenchVerdicts, Progress, Reporter, StopReason, StoredRun } from './core/reporter.ts'
export type { Claim, Reference } from './dsl/claim.ts'
export type { Location } from './dsl/errors.ts'
export type { Metric } from './dsl/metric.ts'
export type { FindingSource, Misprint, Part } from './dsl/registry.ts'
export { escapeHtml, escapeMarkdown } from './reporters/document.ts'
export { formatEstimate, formatMatcher, formatReason } from './reporters/format.ts'
export type { BaselineView } from './reporters/metric-table.ts'
export {
  defineReporter,
  type OutputStream,
  type ReporterContext,
  type ReporterDefinition,
} from './reporters/reporter.ts'
export { sanitize } from './util/text.ts'
