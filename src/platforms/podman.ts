import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import { guestEnv, pathFolders } from '../host/environment.ts'
import { openToUnprivileged, unprivilegedId } from '../host/guest-folder.ts'
import { checkUserNamespaces } from '../host/host-checks.ts'
import { which } from '../host/packages.ts'
import { stateFolder } from '../host/paths.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox, RunSandbox } from '../host/sandbox.ts'
import { hasHybridControllers, hideHybridHierarchy, unifiedHierarchy } from './crun.ts'
import { cpuModeOf, engineOptions, modePreflight, requireRunsc, runscFlags } from './gvisor.ts'
import { releaseVersion } from './shared/binaries.ts'
import {
  isSecure,
  makeProgram,
  requireReleasedRuntime,
  runtimeRequirement,
  runtimeVersionText,
} from './shared/engine-runtimes.ts'
import {
  deviceBinds,
  memoizeAsync,
  pipeTarInto,
  privateMounts,
  waitForHostPid,
  withPrivateMounts,
} from './shared/namespaces.ts'
import { requiresSeccomp, securityOption, writeSeccompProfile } from './shared/security.ts'

/**
 * podman's settings: file locks instead of locks in the host's shared memory, and nothing from the host's
 * configuration.
 */
export const podmanSettings = (networks: string) => `[engine]
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "none"
[containers]
http_proxy = false
[network]
network_config_dir = ${JSON.stringify(networks)}
`

const user = unprivilegedId
/** The host ids for ids of the guest from 1 on. Nothing on the host belongs to them. */
const ids = '1000000:65536'

/** podman of an unprivileged user, with its own store. */
export interface Rootless {
  /** Returns argv of podman. Run it in the guest's sandbox. */
  command(...args: readonly string[]): HostArgv
  /** Returns a copy of a root filesystem with files that belong to the guest's users. */
  image(rootfs: string): Promise<string>
}

/** The host's owner for each owner in the image, for tar's `--owner-map`: the ids of Debian's packages, and nobody. */
const ownerMap = [...Array.from({ length: 1000 }, (_, id) => id), 65534]
  .map((id) => `+${id} isobench:${id === 0 ? user : Number(ids.split(':')[0]) + id - 1}`)
  .join('\n')

/**
 * Adds a user with an id range, which the host does not have, to copies of the host's files. Only the processes of this
 * sandbox see the copies.
 */
function userFiles(folder: string): (readonly ['bind,ro', from: string, to: string])[] {
  const own: Readonly<Record<string, string>> = {
    passwd: `isobench:x:${user}:${user}::/:/bin/sh\n`,
    group: `isobench:x:${user}:\n`,
    subuid: `isobench:${ids}\n`,
    subgid: `isobench:${ids}\n`,
  }
  mkdirSync(folder)
  return Object.entries(own).map(([name, line]) => {
    const [from, to] = [join(folder, name), `/etc/${name}`]
    writeFileSync(from, line + readFileSync(to, 'utf8'))
    return ['bind,ro', from, to] as const
  })
}

// The script is constant: argv is passed as positional parameters, so the shell does not interpret it.
const withoutUnified: HostArgv = ['sh', '-c', `umount ${unifiedHierarchy} && exec "$@"`, 'sh']

/** Creates the user's store and settings, and the mount namespace in which its podman runs. */
export async function makeRootless(runSandbox: RunSandbox, runtime: string): Promise<Rootless> {
  openToUnprivileged(runSandbox.stateDir)
  const home = join(runSandbox.stateDir, 'home')
  const networks = join(home, 'networks')
  // Below the sandbox's own /run, because podman refuses longer paths.
  const runtimeFolder = join(runSandbox.stateDir, 'run', 'user')
  for (const folder of [home, networks, runtimeFolder]) {
    mkdirSync(folder, { recursive: true })
    chownSync(folder, user, user)
  }
  chmodSync(runtimeFolder, 0o700)
  writeFileSync(join(home, 'containers.conf'), podmanSettings(networks))
  // crun refuses a unified hierarchy with controllers, and an unprivileged user cannot unmount it.
  const idle: HostArgv = hasHybridControllers() ? [...withoutUnified, ...idleCommand] : idleCommand
  // A rootless runtime binds the nodes, because mknod is refused in its user namespace.
  const binds = [...userFiles(join(runSandbox.stateDir, 'etc')), ...(await deviceBinds(runSandbox))]
  const keeper = await waitForHostPid(
    await runSandbox.spawn(runSandbox.wrap(withPrivateMounts(runSandbox, idle, binds))),
    idleCommand,
  )
  const command = (...args: readonly string[]): HostArgv => [
    'nsenter',
    ...[`--target=${keeper}`, '--mount'],
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'],
    ...['env', '--ignore-environment', '--chdir=/'],
    ...[`PATH=${pathFolders().join(':')}`, `HOME=${home}`, 'XDG_RUNTIME_DIR=/run/user', `TMPDIR=${home}`],
    `CONTAINERS_CONF=${join(home, 'containers.conf')}`,
    'podman',
    ...[`--root=${join(home, 'storage')}`, '--runroot=/run/user/containers', '--tmpdir=/run/user/libpod'],
    ...['--storage-driver=overlay', `--runtime=${runtime}`, '--log-level=error'],
    ...args,
  ]
  // The first podman starts a process that keeps the user namespace. Started here, it exists as long as the store.
  await runSandbox.run(runSandbox.wrap(command('ps')))
  let images = 0
  const image = memoizeAsync(async (rootfs) => {
    const folder = join(home, `image-${images++}`)
    mkdirSync(folder)
    const map = join(runSandbox.stateDir, 'owners')
    writeFileSync(map, ownerMap)
    await runSandbox.run(
      pipeTarInto(rootfs, ['tar', '--xattrs', '--numeric-owner', '--same-owner', '-C', folder, '-xp'], map),
    )
    return folder
  })
  return { command, image }
}

/** Makes the user who is root in the guest the owner of its data, and lets the user reach it. */
export function chownDataDir(sandbox: GuestSandbox): void {
  openToUnprivileged(sandbox.stateDir)
  chownSync(sandbox.dataDir, user, user)
}

/** Returns why an unprivileged user cannot run podman on this host. */
export function rootlessPreflight(): string | Unavailable | undefined {
  if (!existsSync('/proc/self/ns/user')) return 'this kernel has no user namespaces'
  const absent = ['/etc/subuid', '/etc/subgid'].filter((file) => !existsSync(file))
  if (absent.length > 0) {
    return {
      reason: `${absent.join(', ')} does not exist, so no copy can be mounted on it`,
      fix: `touch ${absent.join(' ')}`,
    }
  }
  const { ok, sysctl } = checkUserNamespaces(which('podman'))
  if (!ok && sysctl) {
    return {
      reason: `unprivileged users may not create user namespaces: ${sysctl.name} is ${sysctl.value}`,
      fix: `sysctl ${sysctl.name}=${sysctl.allowing}`,
    }
  }
  // The folders below it belong to isobench, which lets the user pass.
  for (let folder = stateFolder(); folder !== '/'; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) {
      return {
        reason:
          `unprivileged users cannot access isobench's state directory: ` +
          `${folder} has no execute permission for others`,
        fix: `chmod o+x ${folder}, or set ISOBENCH_STATE to an accessible directory`,
      }
    }
  }
  return undefined
}

const optionsSchema = z
  .strictObject({
    /** The OCI runtime. */
    runtime: z.enum(['crun', 'runc', 'runsc']).default('crun'),
    /** Version of a provisioned release of the runtime. */
    version: releaseVersion,
    /** Whether an unprivileged user runs podman. Root in the guest is then that user. */
    rootless: z.boolean().default(false),
    ...engineOptions,
    ...securityOption,
  })
  .refine(({ runtime, rootless }) => !(rootless && runtime === 'runsc'), {
    path: ['runtime'],
    message: 'rootless podman supports "crun" and "runc": runsc needs root for its network',
  })
  .superRefine(requireRunsc)
  .superRefine(requireReleasedRuntime)
type Options = z.output<typeof optionsSchema>

/** Returns a function that creates argv of podman, with all of its files in the sandbox. */
async function podmanFor(sandbox: GuestSandbox, options: Options): Promise<(...args: readonly string[]) => HostArgv> {
  const path = (name: string) => join(sandbox.stateDir, 'podman', name)
  mkdirSync(path('tmp'), { recursive: true })
  writeFileSync(path('containers.conf'), podmanSettings(path('networks')))
  const inMounts = await privateMounts(sandbox)
  const { runtime } = options
  const command: HostArgv = [
    'env',
    `CONTAINERS_CONF=${path('containers.conf')}`,
    `TMPDIR=${path('tmp')}`,
    'podman',
    `--root=${path('storage')}`,
    // In the sandbox's own /run, because podman refuses longer paths.
    '--runroot=/run/containers',
    '--tmpdir=/run/libpod',
    // Nothing is stored: the guest's root filesystem is passed as a directory.
    '--storage-driver=vfs',
    `--runtime=${
      runtime === 'runsc'
        ? makeProgram(path('runtimes/runsc'), { ...options, runtime }, runscFlags(options))
        : runtimeRequirement(options).binary
    }`,
  ]
  return (...args) => inMounts(runtime === 'crun' ? hideHybridHierarchy([...command, ...args]) : [...command, ...args])
}

/**
 * The limit of processes of each user in a guest. A guest must reach the limit of its cgroup before this one, because
 * isobench reports only that. The kernel counts a rootless user's processes in all guests together, so this limit is
 * twice as high. It is at most the hard limit of this process, which only CAP_SYS_RESOURCE can raise.
 * @param processes the limit of the guest
 * @param ownLimits the text of /proc/self/limits (proc(5))
 */
export function userProcesses(processes = 0, ownLimits = readFileSync('/proc/self/limits', 'utf8')): number {
  const hard = /^Max processes +\S+ +(\d+)/m.exec(ownLimits)?.[1]
  return Math.min(Math.max(4096, 2 * processes), Number(hard ?? Number.POSITIVE_INFINITY))
}

/** Options of every container, rootful and rootless. */
const common = (sandbox: GuestSandbox, { security }: Options): readonly string[] => {
  const users = userProcesses(sandbox.limits.processes)
  return [
    `--name=${sandbox.id}`,
    '--hostname=isobench',
    // Otherwise podman would write into the image.
    '--no-hosts',
    '--dns=none',
    '--read-only',
    '--log-driver=none',
    // Docker's profile, because the one of podman 4.3 rejects io_pgetevents, which libaio calls.
    `--security-opt=seccomp=${security === 'none' ? 'unconfined' : writeSeccompProfile(sandbox)}`,
    // podman's defaults exceed the hard limits of hosts without CAP_SYS_RESOURCE.
    ...['--ulimit=nofile=16384:16384', `--ulimit=nproc=${users}:${users}`],
    `--mount=type=bind,source=${sandbox.dataDir},destination=/data,nosuid,nodev`,
    ...guestEnv.map((setting) => `--env=${setting}`),
  ]
}

/** podman for one guest: argv of a command, and the options of `run`. */
interface Engine {
  command(...args: readonly string[]): HostArgv
  readonly container: readonly string[]
}

async function rootful(sandbox: GuestSandbox, options: Options): Promise<Engine> {
  const container = [
    ...common(sandbox, options),
    `--cgroup-parent=${sandbox.cgroupPath}`,
    // The cgroup of the sandbox has the limit. podman's own one is 2048 by default.
    '--pids-limit=-1',
    `--network=ns:${sandbox.netns}`,
    // :O adds an overlay, because podman would otherwise create /etc/mtab in the image.
    ...['--rootfs', `${sandbox.rootfs}:O`],
  ]
  return { command: await podmanFor(sandbox, options), container }
}

async function rootless(sandbox: GuestSandbox, options: Options): Promise<Engine> {
  const { runtime, version } = options
  const name = ['podman', runtime, version].filter((part) => part !== undefined).join('-')
  const { binary } = runtimeRequirement(options)
  const podman = await sandbox.oncePerRun(name, (runSandbox) => makeRootless(runSandbox, binary))
  const rootfs = await podman.image(sandbox.rootfs)
  const command = (...args: readonly string[]) => sandbox.wrap(podman.command(...args))
  chownDataDir(sandbox)
  // The store is removed with the run. Until then, a leftover container is only a record.
  const removing = podman.command('rm', '--force', '--time=0', '--ignore', sandbox.id)
  await sandbox.onCleanup(`the container of ${sandbox.id}`, ['sh', '-c', '"$@" || exit 0', 'sh', ...removing])
  const container = [
    ...common(sandbox, options),
    // An unprivileged podman can neither join the guest's network namespace nor, on every host, create cgroups. So it
    // is started in the namespace, and the container stays in the sandbox's cgroup.
    '--network=host',
    ...(runtime === 'crun' ? ['--cgroups=disabled'] : []),
    ...['--rootfs', `${rootfs}:O`],
  ]
  return { command, container }
}

const engineFor = (sandbox: GuestSandbox, options: Options) => (options.rootless ? rootless : rootful)(sandbox, options)

/** podman, a container engine without a daemon, over an OCI runtime. */
export const podman = defineDriver({
  kind: 'podman',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'podman, an engine without a daemon over an OCI runtime, as root or as an unprivileged user',
  options: optionsSchema,
  requirements: (options) => [
    { binary: 'podman', package: 'podman' },
    runtimeRequirement(options),
    ...(options.rootless
      ? [
          { binary: 'newuidmap', package: 'uidmap' },
          { binary: 'setpriv', package: 'util-linux' },
        ]
      : []),
  ],
  version: () => ['podman', '--version'],
  versionDetails: (options) => runtimeVersionText(options, runscFlags(options)),
  preflight: async ({ rootless, mode }) => (rootless ? rootlessPreflight() : modePreflight(mode)),
  cpuMode: async ({ mode }) => cpuModeOf(mode),
  requiresSeccomp: (options) => !isSecure(options.runtime) && requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) => {
    const { command, container } = await engineFor(sandbox, options)
    return command('run', '--rm', '--interactive', ...container, ...argv)
  },
  bootSteps: async (sandbox, argv, options) => {
    const { command, container } = await engineFor(sandbox, options)
    return {
      create: command('create', '--interactive', ...container, ...argv),
      start: command('start', '--attach', '--interactive', sandbox.id),
      remove: command('rm', '--force', '--time=0', sandbox.id),
      output: 'start',
    }
  },
  boot: async (sandbox, options) => {
    const { command, container } = await engineFor(sandbox, options)
    await sandbox.run(command('run', '--detach', ...container, ...idleCommand))
    return { execArgv: (argv: GuestArgv) => command('exec', '--interactive', sandbox.id, ...argv) }
  },
})
