import { join } from 'node:path'
import { type GuestArgv, type GuestHandle, type GuestSandbox, type HostArgv, idleCommand } from '../driver.ts'
import { type Resources, writeBundle } from '../oci/bundle.ts'
import { type DaemonEnvironment, startContainerd } from './own.ts'

/** How containerd runs a container: by which shim, and what that is told. */
export interface ShimConfig extends DaemonEnvironment {
  /** `io.containerd.runc.v2`, or the whole path of a shim. */
  readonly runtime: string
  /** Options of `ctr run`. */
  readonly options: readonly string[]
  /** Who limits the guest: `runtime`, by cgroups of its own below the place's, or the size of its machine. */
  readonly resources?: Resources
}

// The pipes of a command are opened by the client and by the shim, which has a `/run` of its own: so not there.
const pipes = (place: GuestSandbox) => `--fifo-dir=${join(place.stateDir, 'pipes')}`

async function prepare(place: GuestSandbox, argv: GuestArgv, shim: ShimConfig) {
  const bundle = writeBundle(place, argv, shim.resources)
  const ctr = await startContainerd(place, shim)
  const run = (...how: readonly string[]) =>
    ctr(
      ...['run', ...how, pipes(place), '--runtime', shim.runtime, ...shim.options],
      ...['--config', join(bundle, 'config.json'), place.id],
    )
  return { ctr, run }
}

/** Argv that runs a container with `argv` as its only process, to its end, by a containerd that answers. */
export async function runTask(place: GuestSandbox, argv: GuestArgv, shim: ShimConfig): Promise<HostArgv> {
  const { run } = await prepare(place, argv, shim)
  return run('--rm')
}

/** Boots a container that idles. */
export async function startTask(place: GuestSandbox, shim: ShimConfig): Promise<GuestHandle> {
  const { ctr, run } = await prepare(place, idleCommand, shim)
  await place.run(run('--detach', '--null-io'))
  let commands = 0
  return {
    execArgv: (argv) => ctr('task', 'exec', pipes(place), `--exec-id=command-${commands++}`, place.id, ...argv),
  }
}
