import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestArgv, GuestHandle, GuestSandbox, HostArgv } from '../driver.ts'
import { idleCommand } from '../driver.ts'
import { writeBundle } from './bundle.ts'

/** How one OCI runtime is called. The runtimes agree on the verbs and differ in how they spell their options. */
export interface OciRuntime {
  /** The runtime with its global options, and whatever it has to be wrapped in on this machine. */
  command(state: string): HostArgv
  readonly bundleOption: string
  readonly detachOption: string
}

function stateOf(place: GuestSandbox): string {
  const folder = join(place.stateDir, 'state')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Argv that runs a container with `argv` as its only process, to its end. */
export function runOnce(runtime: OciRuntime, place: GuestSandbox, argv: GuestArgv): HostArgv {
  const bundle = writeBundle(place, argv)
  return place.wrap([...runtime.command(stateOf(place)), 'run', runtime.bundleOption, bundle, place.id])
}

/** Boots a container that idles. */
export async function startContainer(runtime: OciRuntime, place: GuestSandbox): Promise<GuestHandle> {
  const bundle = writeBundle(place, idleCommand)
  const command = runtime.command(stateOf(place))
  await place.run(place.wrap([...command, 'run', runtime.bundleOption, bundle, runtime.detachOption, place.id]))
  return { execArgv: (argv) => place.wrap([...command, 'exec', place.id, ...argv]) }
}
