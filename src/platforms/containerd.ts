import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { defineDriver, type GuestHandle } from '../driver.ts'
import { pathFolders } from '../host/environment.ts'
import type { Requirement } from '../host/packages.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import { findBuild } from '../host/releases/build.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError } from '../util/errors.ts'
import { hidingNetFiles, sentryCalibrationMs } from './gvisor.ts'
import { releaseRequirement, releaseVersion } from './shared/binaries.ts'
import {
  isSecure,
  makeProgram,
  requireReleasedRuntime,
  runtimeRequirement,
  runtimeVersionText,
} from './shared/engine-runtimes.ts'
import { type Bind, socketOf, withPrivateMounts } from './shared/namespaces.ts'
import { type BundleOptions, writeBundle } from './shared/oci.ts'
import { requiresSeccomp, securityOption } from './shared/security.ts'

/** Creates argv of `ctr`, the client of a running containerd. */
export type Ctr = (...args: readonly string[]) => HostArgv

/** What a containerd and its shims need around them. */
export interface DaemonEnvironment {
  /** Wraps the daemon's argv in what this host requires. */
  around?(argv: HostArgv): HostArgv
  /** Bind mounts of host files, at the paths where the daemon or a shim looks for them. */
  readonly binds?: readonly Bind[]
  /** Wraps argv so that it runs inside the cgroup. Default: also in the guest's network namespace. */
  wrap?(argv: HostArgv): HostArgv
}

/** Plugins that guests do not need. A release without one of them ignores its name. */
const disabled = [
  // The interface for Kubernetes, which takes as long to start as everything else. Names before and since containerd 2.
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  // It creates /opt/containerd on the host.
  'io.containerd.internal.v1.opt',
  // The image is a directory, so there are no snapshots.
  ...['aufs', 'blockfile', 'btrfs', 'devmapper', 'erofs', 'overlayfs', 'zfs'].map(
    (name) => `io.containerd.snapshotter.v1.${name}`,
  ),
]

// Strings and lists of strings have the same syntax in TOML and in JSON.
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
 * Starts a containerd in a guest's sandbox, so that its shims and their processes end with the sandbox. `/run` is a
 * directory of the sandbox and contains the guest's network namespace and `binds`.
 */
export async function startContainerd(
  sandbox: GuestSandbox,
  { around = (argv) => argv, binds, wrap: inside = sandbox.wrap }: DaemonEnvironment = {},
): Promise<Ctr> {
  const [root, config] = [join(sandbox.stateDir, 'containerd'), join(sandbox.stateDir, 'containerd.toml')]
  mkdirSync(root)
  writeFileSync(config, settings(root))
  const daemon = withPrivateMounts(sandbox, around(['containerd', '--config', config, '--log-level', 'error']), binds)
  const pid = await sandbox.spawn(inside(daemon))
  const socket = join(sandbox.stateDir, 'run', 'containerd.sock')
  for (let tries = 0; !existsSync(socket) && existsSync(`/proc/${pid}`); tries++) {
    if (tries > 2000) throw new HostError('containerd did not start within 20 s.')
    await sleep(10)
  }
  const ctr: Ctr = (...args) =>
    sandbox.wrap(['ctr', '--address', socketOf(pid, '/run/containerd.sock'), '--namespace', 'isobench', ...args])
  // The socket exists before containerd responds. If containerd fails, its error is in the same log as this command's
  // error.
  await sandbox.run(ctr('version'))
  return ctr
}

/** The shim that runs a container, and its options. */
export interface ShimConfig extends DaemonEnvironment, BundleOptions {
  /** `io.containerd.runc.v2`, or the absolute path of a shim. */
  readonly runtime: string
  /** Options of `ctr run`. */
  readonly options: readonly string[]
}

// Both the client and the shim open the pipes of a command. The shim has a private /run, so they must be elsewhere.
const pipes = (sandbox: GuestSandbox) => `--fifo-dir=${join(sandbox.stateDir, 'pipes')}`

async function prepare(sandbox: GuestSandbox, argv: GuestArgv, shim: ShimConfig) {
  const bundle = writeBundle(sandbox, argv, shim)
  const ctr = await startContainerd(sandbox, shim)
  const run = (...how: readonly string[]) =>
    ctr(
      ...['run', ...how, pipes(sandbox), '--runtime', shim.runtime, ...shim.options],
      ...['--config', join(bundle, 'config.json'), sandbox.id],
    )
  return { ctr, run }
}

/** Returns argv that runs a container with `argv` as its only process until it ends. */
export async function runTask(sandbox: GuestSandbox, argv: GuestArgv, shim: ShimConfig): Promise<HostArgv> {
  const { run } = await prepare(sandbox, argv, shim)
  return run('--rm')
}

/**
 * Returns argv that runs a command with an empty standard input. `ctr` loses an end of its input that it reads before
 * the task has started (containerd#4489), and the command would wait for it. With a first byte, `ctr` waits for the
 * start, so a command with input reads the end. The text is constant: the command comes as positional parameters.
 */
const withEmptyInput = (argv: GuestArgv): GuestArgv => ['/bin/sh', '-c', 'exec "$@" < /dev/null', 'sh', ...argv]

/** Boots a container that idles. */
export async function startTask(sandbox: GuestSandbox, shim: ShimConfig): Promise<GuestHandle> {
  const { ctr, run } = await prepare(sandbox, idleCommand, shim)
  await sandbox.run(run('--detach', '--null-io'))
  let commands = 0
  return {
    execArgv: (argv, { noInput } = {}) => {
      const command = noInput ? withEmptyInput(argv) : argv
      return ctr('task', 'exec', pipes(sandbox), `--exec-id=command-${commands++}`, sandbox.id, ...command)
    },
  }
}

const optionsSchema = z
  .strictObject({
    /** The OCI runtime: runc and crun with the shim of runc, runsc with the shim of gVisor. */
    runtime: z.enum(['runc', 'crun', 'runsc']).default('runc'),
    /** Version of a provisioned release of the runtime. */
    version: releaseVersion,
    ...securityOption,
  })
  .superRefine(requireReleasedRuntime)
type Options = z.output<typeof optionsSchema>

/** containerd, its client, and the shim that is part of the package. */
export const containerdRequirements: readonly Requirement[] = [
  { binary: 'containerd', package: 'containerd' },
  { binary: 'ctr', package: 'containerd' },
]

const runscShim = { release: 'gvisor', program: 'containerd-shim-runsc-v1' }

/** Lets containerd find the shim in a provisioned release, and the shim the runsc beside itself. */
export function findingShim(version: string | undefined, argv: HostArgv): HostArgv {
  const build = findBuild(runscShim, { version })
  const { binary } = build
  return build.version !== undefined ? ['env', `PATH=${[dirname(binary), ...pathFolders()].join(':')}`, ...argv] : argv
}

function shimFor(sandbox: GuestSandbox, { runtime, version, security }: Options): ShimConfig {
  if (runtime === 'runsc') {
    const around = (argv: HostArgv) => hidingNetFiles(findingShim(version, argv))
    return { runtime: 'io.containerd.runsc.v1', options: [], around }
  }
  const program =
    runtime === 'crun' ? makeProgram(join(sandbox.stateDir, 'runtimes', runtime), { runtime, version }) : undefined
  return { runtime: 'io.containerd.runc.v2', options: program ? [`--runc-binary=${program}`] : [], security }
}

/** containerd without an engine above it, as on Kubernetes nodes. */
export const containerd = defineDriver({
  kind: 'containerd',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'containerd with a shim, without an engine',
  options: optionsSchema,
  requirements: (options) => [
    ...containerdRequirements,
    runtimeRequirement(options),
    // Debian's package of runsc has no shim.
    ...(options.runtime === 'runsc' ? [releaseRequirement(runscShim, options)] : []),
  ],
  version: () => ['containerd', '--version'],
  versionDetails: (options) => runtimeVersionText(options),
  requiresSeccomp: (options) => !isSecure(options.runtime) && requiresSeccomp(options),
  oneShot: (sandbox, argv, options) => runTask(sandbox, argv, shimFor(sandbox, options)),
  clockCalibrationMs: ({ runtime }) => (runtime === 'runsc' ? sentryCalibrationMs : 0),
  boot: (sandbox, options) => startTask(sandbox, shimFor(sandbox, options)),
})
