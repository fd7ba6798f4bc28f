/** The entry point `isobench/driver`: what authors of platforms import. */

import type { AssertDriverOptions } from './conformance/assert-driver.ts'
import type { Driver } from './driver.ts'

export type { AssertDriverOptions } from './conformance/assert-driver.ts'
export { ConformanceError } from './conformance/expectations.ts'
export {
  type Artifact,
  type BootSteps,
  type Driver,
  defineDriver,
  type ExecArgvOptions,
  type GuestHandle,
  type OptionsSchema,
  type SnapshotAbility,
  type Unavailable,
  type VmmStart,
} from './driver.ts'
export type { ProcessRole, ProgramRole } from './dsl/process-roles.ts'
export type { Limits } from './host/cgroup.ts'
export { inChroot } from './host/environment.ts'
export type { ArtifactBuildOptions } from './host/lock.ts'
export type { Tap } from './host/network.ts'
export type { Requirement } from './host/packages.ts'
export { type GuestArgv, type HostArgv, idleCommand } from './host/process.ts'
export type { Build } from './host/releases/build.ts'
export type { GuestSandbox, HostSandbox, RunSandbox } from './host/sandbox.ts'
export { UnsupportedError } from './util/errors.ts'

/**
 * Runs the conformance suite of the driver contract with real guests. Needs root, and takes a minute or more.
 * @throws {ConformanceError} if a check fails; its message names each failed check
 */
export async function assertDriver<O, I>(driver: Driver<O, I>, options: AssertDriverOptions<I> = {}): Promise<void> {
  // A config that only defines a driver does not load the suite.
  const suite = await import('./conformance/assert-driver.ts')
  await suite.assertDriver(driver, options)
}
