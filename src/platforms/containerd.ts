import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { defineDriver, type GuestHandle } from '../driver.ts'
import type { Requirement } from '../host/packages.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError } from '../util/errors.ts'
import { hidingNetFiles } from './gvisor.ts'
import { isSecure, makeProgram, runtimeRequirement, runtimeVersionText } from './shared/engine-runtimes.ts'
import { type Bind, withPrivateMounts } from './shared/namespaces.ts'
import { type Resources, writeBundle } from './shared/oci.ts'

/** A containerd that answers: argv of its client. */
export type Ctr = (...args: readonly string[]) => HostArgv

/** What a daemon and its shims need around them. */
export interface DaemonEnvironment {
  /** What has to be around the daemon on this machine. */
  around?(argv: HostArgv): HostArgv
  /** What of the host's is mounted where they look for it. */
  readonly binds?: readonly Bind[]
  /** Wraps argv so that it runs inside the cgroup; in the guest's network namespace, if it is not given. */
  wrap?(argv: HostArgv): HostArgv
}

/** Parts of containerd that no guest of isobench's needs. Those that a release does not have are not missed by it. */
const disabled = [
  // Kubernetes' interface, which takes as long to start as all the rest: its names before and since containerd 2.
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  // It makes /opt/containerd on the host.
  'io.containerd.internal.v1.opt',
  // The image is a folder, so there is nothing to take snapshots of.
  ...['aufs', 'blockfile', 'btrfs', 'devmapper', 'erofs', 'overlayfs', 'zfs'].map(
    (name) => `io.containerd.snapshotter.v1.${name}`,
  ),
]

// A string or a list of strings is the same in TOML and in JSON.
const settings = (root: string) =>
  [
    'version = 2',
    `root = ${JSON.stringify(root)}`,
    'state = "/run/containerd"',
    `disabled_plugins = ${JSON.stringify(disabled)}`,
    '[grpc]',
    'address = "/run/containerd.sock"',
    '',
  ].join('\n')

/**
 * Starts a containerd in a guest's place, where its shims and what they start end with it. Its `/run` is a folder of the
 * place's, in which it finds the guest's network namespace, and what `binds` adds. `around` wraps its argv, and `inside` says
 * where it runs.
 */
export async function startContainerd(
  place: GuestSandbox,
  { around = (argv) => argv, binds, wrap: inside = place.wrap }: DaemonEnvironment = {},
): Promise<Ctr> {
  const [root, config] = [join(place.stateDir, 'containerd'), join(place.stateDir, 'containerd.toml')]
  mkdirSync(root)
  writeFileSync(config, settings(root))
  const daemon = withPrivateMounts(place, around(['containerd', '--config', config, '--log-level', 'error']), binds)
  const pid = await place.spawn(inside(daemon))
  const socket = join(place.stateDir, 'run', 'containerd.sock')
  for (let tries = 0; !existsSync(socket) && existsSync(`/proc/${pid}`); tries++) {
    if (tries > 2000) throw new HostError('containerd did not start within 20 s')
    await sleep(10)
  }
  const ctr: Ctr = (...args) => place.wrap(['ctr', '--address', socket, '--namespace', 'isobench', ...args])
  // The socket is there before anybody answers; what containerd says when it fails is in the same log as this command's error.
  await place.run(ctr('version'))
  return ctr
}

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

const options = z.strictObject({
  /** The OCI runtime below it: runc and crun by runc's shim, runsc by gVisor's own. */
  runtime: z.enum(['runc', 'crun', 'runsc']).default('runc'),
})
type Options = z.output<typeof options>

/** containerd itself, its client, and the shim that comes with it. */
export const containerdRequirements: readonly Requirement[] = [
  { binary: 'containerd', package: 'containerd' },
  { binary: 'ctr', package: 'containerd' },
]

function shimFor(place: GuestSandbox, { runtime }: Options): ShimConfig {
  if (runtime === 'runsc') return { runtime: 'io.containerd.runsc.v1', options: [], around: hidingNetFiles }
  const program = runtime === 'crun' ? makeProgram(join(place.stateDir, 'runtimes', runtime), runtime) : undefined
  return { runtime: 'io.containerd.runc.v2', options: program ? [`--runc-binary=${program}`] : [] }
}

/** containerd without an engine above it, as Kubernetes' nodes have it. */
export const containerd = defineDriver<Options>({
  kind: 'containerd',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'containerd with a shim, without an engine above it',
  options,
  requirements: ({ runtime }) => [
    ...containerdRequirements,
    runtimeRequirement(runtime),
    ...(runtime === 'runsc'
      ? [
          {
            binary: 'containerd-shim-runsc-v1',
            installHint: "Debian's runsc has no shim: take containerd-shim-runsc-v1 of gVisor's release",
          },
        ]
      : []),
  ],
  version: () => ['containerd', '--version'],
  versionDetails: ({ runtime }) => runtimeVersionText(runtime),
  oneShot: (place, argv, given) => runTask(place, argv, shimFor(place, given)),
  boot: (place, given) => startTask(place, shimFor(place, given)),
})
