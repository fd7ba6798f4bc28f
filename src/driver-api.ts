/** The entry point `isobench/driver`: what authors of platforms import. */

export {
  type Artifact,
  type Driver,
  defineDriver,
  type GuestHandle,
  type Unavailable,
} from './driver.ts'
export type { Requirement } from './host/packages.ts'
export { type GuestArgv, type HostArgv, idleCommand } from './host/process.ts'
export type { GuestSandbox, RunSandbox } from './host/sandbox.ts'
export { UnsupportedError } from './util/errors.ts'
