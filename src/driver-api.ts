/** The entry point `isobench/driver`: what authors of platforms import. */

import type { AssertDriverOptions } from './conformance/assert-driver.ts'
import type { Driver } from './driver.ts'

export type { AssertDriverOptions } from './conformance/assert-driver.ts'
export { ConformanceError } from './conformance/expectations.ts'
export {
  type Artifact,
  type Driver,
  defineDriver,
  type ExecArgvOptions,
  type GuestHandle,
  type SnapshotAbility,
  type Unavailable,
} from './driver.ts'
export type { ProcessRole, ProgramRole } from './dsl/process-roles.ts'
export { inChroot } from './host/environment.ts'
export type { Requirement } from './host/packages.ts'
export { type GuestArgv, type HostArgv, idleCommand } from './host/process.ts'
export type { GuestSandbox, RunSandbox } from './host/sandbox.ts'
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
