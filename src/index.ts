/// <reference lib="esnext.disposable" preserve="true" />
/** What `import … from 'isobench'` gives to bench files, configs and drivers. */

export type { Driver, GuestHandle, ProbeResult } from './driver.ts'
export { type BenchHandle, type BenchOptions, bench } from './dsl/bench.ts'
export type { Claim, Matcher, Severity } from './dsl/claim.ts'
export { type Config, defineConfig, type GuestLimits, type ImageConfig, type RunProfile } from './dsl/config.ts'
export { DefinitionError } from './dsl/errors.ts'
export { expect, type Factor, type MetricRef } from './dsl/expect.ts'
export { finding } from './dsl/finding.ts'
export type { CommandResult, ExecOptions, Guest, LoadClient, Service } from './dsl/guest.ts'
export { higher, lower, type Metric, type Metrics, type Quantity, type Unit } from './dsl/metric.ts'
export { type PlatformFamily, type PlatformSpec, platform, type Selector } from './dsl/platform.ts'
export type { TraceSource } from './dsl/traced.ts'
export { type BootContext, type RunContext, type Workload, workload } from './dsl/workload.ts'
export type { Requirement } from './host/packages.ts'
export type { GuestSandbox } from './host/sandbox.ts'
