/** OCI runtimes: the bundle of a guest, and calling a runtime. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BootSteps, GuestHandle, SnapshotAbility } from '../../driver.ts'
import { guestEnv } from '../../host/environment.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../../host/process.ts'
import type { GuestSandbox } from '../../host/sandbox.ts'
import { dockerSeccomp } from '../../host/seccomp-profile.ts'
import { defaultCapabilities, type SecurityOption } from './security.ts'

const mount = (destination: string, type: string, source: string, ...options: string[]) => ({
  destination,
  type,
  source,
  options,
})

/** What differs between the bundles of runtimes. */
export interface BundleOptions {
  /**
   * Whether the configuration contains the guest's limits. If the guest is a VM, the runtime would add them to the VM's
   * size.
   */
  readonly resources?: 'limited' | 'unlimited'
  /** Absent: without a filter, because the guest has its own kernel. */
  readonly security?: SecurityOption['security']
}

/**
 * The OCI runtime configuration (OCI runtime spec 1.0.2) of a guest: read-only image, limits, network namespace, and
 * /data.
 */
function configOf(sandbox: GuestSandbox, argv: GuestArgv, { resources = 'limited', security }: BundleOptions) {
  const { limits } = sandbox
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: argv,
      env: guestEnv,
      cwd: '/',
      capabilities: {
        bounding: defaultCapabilities,
        effective: defaultCapabilities,
        permitted: defaultCapabilities,
      },
      // Below the hard limit of hosts without CAP_SYS_RESOURCE.
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 16384, soft: 16384 }],
      noNewPrivileges: security !== 'none',
    },
    root: { path: sandbox.rootfs, readonly: true },
    hostname: 'isobench',
    mounts: [
      mount('/proc', 'proc', 'proc'),
      mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
      mount('/dev/pts', 'devpts', 'devpts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'),
      mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777'),
      mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
      mount('/tmp', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=1777'),
      mount('/run', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=755'),
      mount('/data', 'bind', sandbox.dataDir, 'rbind', 'rw', 'nosuid', 'nodev'),
    ],
    linux: {
      cgroupsPath: sandbox.cgroupPath,
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'network', path: sandbox.netns },
      ],
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        ...(resources === 'limited' && {
          memory: { limit: limits.memoryBytes },
          // No CPU quota: the CPU list is the limit. A quota would throttle runtimes that have own threads.
          cpu: { cpus: limits.cpus.join(',') },
        }),
      },
      ...(security === 'default' && { seccomp: dockerSeccomp() }),
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

/** Writes the guest's bundle and returns its directory. */
export function writeBundle(sandbox: GuestSandbox, argv: GuestArgv, options: BundleOptions = {}): string {
  const folder = join(sandbox.stateDir, 'bundle')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(sandbox, argv, options), null, 1))
  return folder
}

/** How to call an OCI runtime. Runtimes have the same verbs, but spell their options differently. */
export interface OciRuntime {
  /** Returns the runtime with its global options, wrapped as this host requires it. */
  command(state: string): HostArgv
  readonly bundleOption: string
  readonly detachOption: string
  /** Options of `exec`. */
  readonly execOptions?: readonly string[]
  /**
   * Options of `checkpoint` and of `restore`, if the runtime has these verbs.
   * @param folder of the snapshot
   * @param work folder for temporary files
   */
  readonly snapshotOptions?: (folder: string, work: string) => readonly string[]
  /** See `BundleOptions`. */
  readonly security?: SecurityOption['security']
}

function folderIn(sandbox: GuestSandbox, name: string): string {
  const folder = join(sandbox.stateDir, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

const stateOf = (sandbox: GuestSandbox): string => folderIn(sandbox, 'state')

/** Returns argv that runs a container with `argv` as its only process until it ends. */
export function runOnce(runtime: OciRuntime, sandbox: GuestSandbox, argv: GuestArgv): HostArgv {
  const bundle = writeBundle(sandbox, argv, runtime)
  return sandbox.wrap([...runtime.command(stateOf(sandbox)), 'run', runtime.bundleOption, bundle, sandbox.id])
}

/**
 * Returns the boot of `runOnce` in the steps of the OCI specification. `delete` with force, because runsc keeps a
 * container for some milliseconds after its output has ended.
 */
export function ociSteps(runtime: OciRuntime, sandbox: GuestSandbox, argv: GuestArgv): BootSteps {
  const bundle = writeBundle(sandbox, argv, runtime)
  const command = (...args: readonly string[]) => sandbox.wrap([...runtime.command(stateOf(sandbox)), ...args])
  return {
    create: command('create', runtime.bundleOption, bundle, sandbox.id),
    start: command('start', sandbox.id),
    remove: command('delete', '--force', sandbox.id),
    output: 'create',
  }
}

/** Boots a container that idles. */
export const startContainer = (runtime: OciRuntime, sandbox: GuestSandbox): Promise<GuestHandle> =>
  startDetached(runtime, sandbox, ['run'])

/**
 * The command of a container that is saved. Its outputs are the container's own device, because CRIU saves no
 * descriptor of a file that the container cannot see, such as the log of the sandbox.
 */
const savableCommand: GuestArgv = ['/bin/sh', '-c', `exec ${idleCommand.join(' ')} < /dev/null > /dev/null 2>&1`]

/** Starts a container with one of the verbs that take a bundle. */
async function startDetached(
  runtime: OciRuntime,
  sandbox: GuestSandbox,
  verb: HostArgv,
  idle: GuestArgv = idleCommand,
): Promise<GuestHandle> {
  const bundle = writeBundle(sandbox, idle, runtime)
  const command = runtime.command(stateOf(sandbox))
  await sandbox.run(sandbox.wrap([...command, ...verb, runtime.bundleOption, bundle, runtime.detachOption, sandbox.id]))
  return { execArgv: (argv) => sandbox.wrap([...command, 'exec', ...(runtime.execOptions ?? []), sandbox.id, ...argv]) }
}

/** Returns how a runtime with the verbs `checkpoint` and `restore` saves containers. */
export function containerSnapshots<O>(
  runtimeOf: (options: O) => OciRuntime & Required<Pick<OciRuntime, 'snapshotOptions'>>,
): SnapshotAbility<O> & Required<Pick<SnapshotAbility<O>, 'boot'>> {
  return {
    boot: (sandbox, options) => startDetached(runtimeOf(options), sandbox, ['run'], savableCommand),
    save: async (sandbox, folder, options) => {
      const { command, snapshotOptions } = runtimeOf(options)
      const how = snapshotOptions(folder, folderIn(sandbox, 'saving'))
      await sandbox.run(sandbox.wrap([...command(stateOf(sandbox)), 'checkpoint', ...how, sandbox.id]))
    },
    restore: (sandbox, folder, options) => {
      const runtime = runtimeOf(options)
      const how = runtime.snapshotOptions(folder, folderIn(sandbox, 'restoring'))
      return startDetached(runtime, sandbox, ['restore', ...how], savableCommand)
    },
  }
}
