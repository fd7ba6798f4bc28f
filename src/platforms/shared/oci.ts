/** OCI runtimes: the bundle of a guest, and calling a runtime. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestHandle } from '../../driver.ts'
import { guestEnv } from '../../host/image-recipe.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../../host/process.ts'
import type { GuestSandbox } from '../../host/sandbox.ts'

/** Docker's default capabilities (moby/profiles, `caps/defaults.go`). */
const capabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

const mount = (destination: string, type: string, source: string, ...options: string[]) => ({
  destination,
  type,
  source,
  options,
})

/**
 * Whether the configuration contains the guest's limits. If the guest is a VM, the runtime would add them to the VM's
 * size.
 */
export type Resources = 'limited' | 'unlimited'

/**
 * The OCI runtime configuration (OCI runtime spec 1.0.2) of a guest: read-only image, limits, network namespace, and
 * /data.
 */
function configOf(sandbox: GuestSandbox, argv: GuestArgv, resources: Resources) {
  const { limits } = sandbox
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: argv,
      env: guestEnv,
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      // Below the hard limit of hosts without CAP_SYS_RESOURCE.
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 16384, soft: 16384 }],
      noNewPrivileges: true,
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
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

/** Writes the guest's bundle and returns its directory. */
export function writeBundle(sandbox: GuestSandbox, argv: GuestArgv, resources: Resources = 'limited'): string {
  const folder = join(sandbox.stateDir, 'bundle')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(sandbox, argv, resources), null, 1))
  return folder
}

/** How to call an OCI runtime. Runtimes have the same verbs, but spell their options differently. */
export interface OciRuntime {
  /** Returns the runtime with its global options, wrapped as this host requires it. */
  command(state: string): HostArgv
  readonly bundleOption: string
  readonly detachOption: string
}

function stateOf(sandbox: GuestSandbox): string {
  const folder = join(sandbox.stateDir, 'state')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Returns argv that runs a container with `argv` as its only process until it ends. */
export function runOnce(runtime: OciRuntime, sandbox: GuestSandbox, argv: GuestArgv): HostArgv {
  const bundle = writeBundle(sandbox, argv)
  return sandbox.wrap([...runtime.command(stateOf(sandbox)), 'run', runtime.bundleOption, bundle, sandbox.id])
}

/** Boots a container that idles. */
export async function startContainer(runtime: OciRuntime, sandbox: GuestSandbox): Promise<GuestHandle> {
  const bundle = writeBundle(sandbox, idleCommand)
  const command = runtime.command(stateOf(sandbox))
  await sandbox.run(sandbox.wrap([...command, 'run', runtime.bundleOption, bundle, runtime.detachOption, sandbox.id]))
  return { execArgv: (argv) => sandbox.wrap([...command, 'exec', sandbox.id, ...argv]) }
}
