/** The entry point `isobench`: what bench files and configs import. */

import { type PlatformFunction, platform as untypedPlatform } from './dsl/platform.ts'
import type { PlatformKinds } from './platforms/index.ts'

export { quantile } from './core/stats/quantile.ts'
export { type BenchHandle, type BenchOptions, bench } from './dsl/bench.ts'
export type { BootPhases } from './dsl/boot-phases.ts'
export type { Claim, Matcher, Severity } from './dsl/claim.ts'
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
export { DefinitionError } from './dsl/errors.ts'
export { type Expectation, expect, type MetricClaims } from './dsl/expect.ts'
export { type FindingOptions, finding, type PartOptions, part } from './dsl/finding.ts'
export { type GroupOptions, group } from './dsl/group.ts'
export type { CommandResult, ExecOptions, Guest, GuestMemory, LoadClient, Service } from './dsl/guest.ts'
export type { BootedGuest, BurstOptions, CpuPlacement, GuestStart, GuestsApi } from './dsl/guests.ts'
export type { Factor, MetricRef } from './dsl/matcher-arguments.ts'
export { higher, lower, type Metric, type Metrics, type Quantity, type Unit, unit } from './dsl/metric.ts'
export type {
  Median,
  PlatformFamily,
  PlatformName,
  PlatformOptions,
  PlatformSpec,
  Register,
  Selector,
} from './dsl/platform.ts'
export type { FindingSource, Part } from './dsl/registry.ts'
export type { ServerContext, ServerOptions } from './dsl/server.ts'
export type { Clones, Snapshot, SnapshotGuest } from './dsl/snapshot.ts'
export type { TraceSource } from './dsl/traced.ts'
export {
  type BootContext,
  type GuestsContext,
  type PreparedContext,
  type RunContext,
  type SnapshotContext,
  type VmmStartResult,
  type Workload,
  workload,
} from './dsl/workload.ts'
export type { PlatformKinds } from './platforms/index.ts'

/** Defines a platform: a driver of isobench by its kind, or a driver object, with the options that it takes. */
export const platform: PlatformFunction<PlatformKinds> = untypedPlatform as PlatformFunction<PlatformKinds>
