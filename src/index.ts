/** The entry point `isobench`: what bench files and configs import. */

import { type PlatformFunction, platform as untypedPlatform } from './dsl/platform.ts'
import type { PlatformKinds } from './platforms/index.ts'

export { quantile } from './core/stats/quantile.ts'
export { type BenchFunction, type BenchHandle, type BenchOptions, type BenchVariant, bench } from './dsl/bench.ts'
export type { BootPhases } from './dsl/boot-phases.ts'
export type { Claim, Matcher, Reference, Severity } from './dsl/claim.ts'
export {
  type Config,
  type ConfigEnvironment,
  type ConfigFunction,
  defineConfig,
  type GuestLimits,
  type ImageConfig,
  type ReporterEntry,
  type RunProfile,
} from './dsl/config.ts'
export { DefinitionError, type Location } from './dsl/errors.ts'
export {
  type Expectation,
  type ExpectFunction,
  type ExpectWarning,
  expect,
  type Matchers,
  type MetricClaims,
} from './dsl/expect.ts'
export { type FindingOptions, finding, type PartOptions, part } from './dsl/finding.ts'
export { type GroupOptions, group } from './dsl/group.ts'
export type {
  CommandResult,
  ExecOptions,
  Guest,
  GuestMemory,
  LoadClient,
  LoadClientOptions,
  Service,
} from './dsl/guest.ts'
export type { BootedGuest, BurstOptions, CpuPlacement, GuestStart, GuestsApi } from './dsl/guests.ts'
export type { Factor, MetricRef } from './dsl/matcher-arguments.ts'
export { higher, lower, type Metric, type Metrics, type Quantity, type Unit, unit } from './dsl/metric.ts'
export type {
  Median,
  PlatformFamily,
  PlatformFunction,
  PlatformName,
  PlatformOptions,
  PlatformSpec,
  Register,
  Selector,
} from './dsl/platform.ts'
export type { FindingSource, Misprint, Part } from './dsl/registry.ts'
export type { GroupServer, ServerContext, ServerOptions } from './dsl/server.ts'
export type { Clones, Snapshot, SnapshotGuest } from './dsl/snapshot.ts'
export type { TracedMetricsBy, TraceSource, Tracing } from './dsl/traced.ts'
export {
  type BootContext,
  type CommandWork,
  type GuestsContext,
  type InGuestFunction,
  type PreparedContext,
  type RunContext,
  type SnapshotContext,
  type StartSpec,
  type TracedOptions,
  type VmmStartContext,
  type VmmStartResult,
  type Workload,
  type WorkloadFunction,
  type WorkloadSpec,
  workload,
} from './dsl/workload.ts'
export type { PlatformKinds } from './platforms/index.ts'
export type { Command } from './tools/command.ts'

/** Defines a platform: a driver of isobench by its kind, or a driver object, with the options that it takes. */
export const platform: PlatformFunction<PlatformKinds> = untypedPlatform as PlatformFunction<PlatformKinds>
