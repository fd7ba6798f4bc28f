import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestHandle } from '../../driver.ts'
import { guestEnv } from '../../host/image-recipe.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../../host/process.ts'
import type { GuestSandbox } from '../../host/sandbox.ts'

/** The capabilities that Docker gives by default; moby/profiles, `caps/defaults.go`. */
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

/** Whether the configuration has the guest's limits. Left to a machine's size, they would be added to that. */
export type Resources = 'limited' | 'unlimited'

/**
 * An OCI runtime configuration (OCI runtime spec 1.0.2) for a guest: the image read-only, the guest's limits, its network
 * namespace, and /data.
 */
function configOf(place: GuestSandbox, argv: GuestArgv, resources: Resources) {
  const { limits } = place
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
    root: { path: place.rootfs, readonly: true },
    hostname: 'isobench',
    mounts: [
      mount('/proc', 'proc', 'proc'),
      mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
      mount('/dev/pts', 'devpts', 'devpts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'),
      mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777'),
      mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
      mount('/tmp', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=1777'),
      mount('/run', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=755'),
      mount('/data', 'bind', place.dataDir, 'rbind', 'rw'),
    ],
    linux: {
      cgroupsPath: place.cgroupPath,
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'network', path: place.netns },
      ],
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        ...(resources === 'limited' && {
          memory: { limit: limits.memoryBytes },
          // No quota: the same CPUs for everybody are the limit. A quota throttles runtimes with threads of their own.
          cpu: { cpus: limits.cpus.join(',') },
        }),
      },
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

/** Writes the guest's bundle and returns its folder. */
export function writeBundle(place: GuestSandbox, argv: GuestArgv, resources: Resources = 'limited'): string {
  const folder = join(place.stateDir, 'bundle')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(place, argv, resources), null, 1))
  return folder
}

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
