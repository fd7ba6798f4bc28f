import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import { guestEnv } from '../host/image-recipe.ts'
import { guestsFolder } from '../host/paths.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox, RunSandbox } from '../host/sandbox.ts'
import { hasHybridControllers, hideHybridHierarchy, unifiedHierarchy } from './crun.ts'
import { cpuModeOf, engineOptions, modePreflight, requireRunsc, runscFlags } from './gvisor.ts'
import { isSecure, makeProgram, runtimeRequirement, runtimeVersionText } from './shared/engine-runtimes.ts'
import { memoizeAsync, pipeTarInto, privateMounts, waitForHostPid, withPrivateMounts } from './shared/namespaces.ts'

/** podman's settings: locks as files rather than in the host's shared memory, and nothing of the host's configuration. */
export const podmanSettings = (networks: string) => `[engine]
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "none"
[network]
network_config_dir = ${JSON.stringify(networks)}
`

/** The user whom podman runs as: nobody's number, of those that systemd keeps for users without an account. */
const user = 65519
/** The host's ids that stand for the guest's others, from 1 on. Nothing on the host belongs to them. */
const ids = '1000000:65536'

/** podman of a user without rights, with its own store. */
export interface Rootless {
  /** Argv of podman, to be run in the guest's place. */
  command(...args: readonly string[]): HostArgv
  /** A copy of this root filesystem whose files belong to the guest's users. */
  image(rootfs: string): Promise<string>
}

/** The host's owner of each of the image's, in the form of tar's `--owner-map`: those of Debian's own packages, and nobody. */
const ownerMap = [...Array.from({ length: 1000 }, (_, id) => id), 65534]
  .map((id) => `+${id} isobench:${id === 0 ? user : Number(ids.split(':')[0]) + id - 1}`)
  .join('\n')

/**
 * A user, with a range of ids, whom the host does not have: their lines are in copies of the host's files that this ground's
 * processes alone see.
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

// A constant text: argv comes as positional parameters, and nothing of a user's is interpreted.
const withoutUnified: HostArgv = ['sh', '-c', `umount ${unifiedHierarchy} && exec "$@"`, 'sh']

/** Makes the user's store and settings, and the mounts in which its podman runs. */
export async function makeRootless(ground: RunSandbox, runtime: string): Promise<Rootless> {
  const home = join(ground.stateDir, 'home')
  const networks = join(home, 'networks')
  // Below the ground's own /run, because a longer path is none that podman takes.
  const runtimeFolder = join(ground.stateDir, 'run', 'user')
  for (const folder of [home, networks, runtimeFolder]) {
    mkdirSync(folder, { recursive: true })
    chownSync(folder, user, user)
  }
  chmodSync(runtimeFolder, 0o700)
  writeFileSync(join(home, 'containers.conf'), podmanSettings(networks))
  // crun refuses it where it has controllers, and an unprivileged user can't take it out of sight.
  const resting: HostArgv = hasHybridControllers() ? [...withoutUnified, ...idleCommand] : idleCommand
  const binds = userFiles(join(ground.stateDir, 'etc'))
  const keeper = await waitForHostPid(
    await ground.spawn(ground.wrap(withPrivateMounts(ground, resting, binds))),
    idleCommand,
  )
  const command = (...args: readonly string[]): HostArgv => [
    'nsenter',
    ...[`--target=${keeper}`, '--mount'],
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'],
    ...['env', '--ignore-environment', '--chdir=/'],
    ...[`PATH=${process.env.PATH}`, `HOME=${home}`, 'XDG_RUNTIME_DIR=/run/user', `TMPDIR=${home}`],
    `CONTAINERS_CONF=${join(home, 'containers.conf')}`,
    'podman',
    ...[`--root=${join(home, 'storage')}`, '--runroot=/run/user/containers', '--tmpdir=/run/user/libpod'],
    ...['--storage-driver=overlay', `--runtime=${runtime}`, '--log-level=error'],
    ...args,
  ]
  // The first podman leaves a process that keeps the user's namespaces: in here, it stays as long as the store.
  await ground.run(ground.wrap(command('ps')))
  let images = 0
  const image = memoizeAsync(async (rootfs) => {
    const folder = join(home, `image-${images++}`)
    mkdirSync(folder)
    const map = join(ground.stateDir, 'owners')
    writeFileSync(map, ownerMap)
    await ground.run(
      pipeTarInto(rootfs, ['tar', '--xattrs', '--numeric-owner', '--same-owner', '-C', folder, '-xp'], map),
    )
    return folder
  })
  return { command, image }
}

/** Gives the guest's data to the user who is root in it. */
export const chownDataDir = (place: GuestSandbox): void => chownSync(place.dataDir, user, user)

const says = (file: string, value: string) => existsSync(file) && readFileSync(file, 'utf8').trim() === value

/** Settings of the kernel that keep users without rights from namespaces of their own, and the value that does. */
const switches = [
  ['user.max_user_namespaces', '0', '15000'],
  ['kernel.unprivileged_userns_clone', '0', '1'],
  ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
] as const

/** What keeps an unprivileged user from running podman here. */
export function rootlessPreflight(): string | Unavailable | undefined {
  if (!existsSync('/proc/self/ns/user')) return 'this kernel has no user namespaces'
  const absent = ['/etc/subuid', '/etc/subgid'].filter((file) => !existsSync(file))
  if (absent.length > 0) {
    return { reason: `there is no ${absent.join(', ')} for a copy to be mounted on`, fix: `touch ${absent.join(' ')}` }
  }
  for (const [name, off, on] of switches) {
    if (says(`/proc/sys/${name.replaceAll('.', '/')}`, off)) {
      return {
        reason: `unprivileged users may make no user namespaces here: ${name} is ${off}`,
        fix: `sysctl ${name}=${on}`,
      }
    }
  }
  for (let folder = guestsFolder(); folder !== '/'; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) {
      return {
        reason: `unprivileged users cannot reach isobench's state: ${folder} is closed to them`,
        fix: `chmod o+x ${folder}, or set ISOBENCH_STATE to a folder that is open`,
      }
    }
  }
  return undefined
}

const options = z
  .strictObject({
    /** The OCI runtime below it. */
    runtime: z.enum(['crun', 'runc', 'runsc']).default('crun'),
    /** Whether an unprivileged user runs it: root in the guest is then that user. */
    rootless: z.boolean().default(false),
    ...engineOptions,
  })
  .refine(({ runtime, rootless }) => !(rootless && runtime === 'runsc'), {
    path: ['runtime'],
    message: 'rootless podman runs over "crun" or "runc": runsc needs root for a network of its own',
  })
  .superRefine(requireRunsc)
type Options = z.output<typeof options>

/** podman, with all that it keeps below the place. */
async function podmanFor(place: GuestSandbox, given: Options): Promise<(...args: readonly string[]) => HostArgv> {
  const at = (name: string) => join(place.stateDir, 'podman', name)
  mkdirSync(at('tmp'), { recursive: true })
  writeFileSync(at('containers.conf'), podmanSettings(at('networks')))
  const inMounts = await privateMounts(place)
  const { runtime } = given
  const command: HostArgv = [
    'env',
    `CONTAINERS_CONF=${at('containers.conf')}`,
    `TMPDIR=${at('tmp')}`,
    'podman',
    `--root=${at('storage')}`,
    // What it keeps in /run is the place's too, by these mounts; a longer path is none that it takes.
    '--runroot=/run/containers',
    '--tmpdir=/run/libpod',
    // No image is ever stored: the guest's root filesystem is given as a folder.
    '--storage-driver=vfs',
    `--runtime=${runtime === 'runsc' ? makeProgram(at('runtimes/runsc'), runtime, runscFlags(given)) : runtime}`,
  ]
  return (...args) => inMounts(runtime === 'crun' ? hideHybridHierarchy([...command, ...args]) : [...command, ...args])
}

/** What every container has, whoever runs it. */
const common = (place: GuestSandbox): readonly string[] => [
  `--name=${place.id}`,
  '--hostname=isobench',
  // Or podman would write into the image.
  '--no-hosts',
  '--dns=none',
  '--read-only',
  '--log-driver=none',
  // Its profile refuses libaio's calls, and the other containers have none.
  '--security-opt=seccomp=unconfined',
  // Its defaults are above the hard limits of hosts without CAP_SYS_RESOURCE.
  ...['--ulimit=nofile=16384:16384', '--ulimit=nproc=4096:4096'],
  `--mount=type=bind,source=${place.dataDir},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
]

/** podman for one guest: argv of a command of it, and what `run` is given before the guest's argv. */
interface Engine {
  command(...args: readonly string[]): HostArgv
  readonly container: readonly string[]
}

async function rootful(place: GuestSandbox, given: Options): Promise<Engine> {
  const container = [
    ...common(place),
    `--cgroup-parent=${place.cgroupPath}`,
    `--network=ns:${place.netns}`,
    // Over it an overlay: podman makes an /etc/mtab, and that in the image if it were let.
    ...['--rootfs', `${place.rootfs}:O`],
  ]
  return { command: await podmanFor(place, given), container }
}

async function rootless(place: GuestSandbox, { runtime }: Options): Promise<Engine> {
  const podman = await place.oncePerRun(`podman-${runtime}`, (ground) => makeRootless(ground, runtime))
  const rootfs = await podman.image(place.rootfs)
  const command = (...args: readonly string[]) => place.wrap(podman.command(...args))
  chownDataDir(place)
  // The store ends with the run; a container that is left in it until then is but a record.
  const removing = podman.command('rm', '--force', '--time=0', '--ignore', place.id)
  await place.onCleanup(`the container of ${place.id}`, ['sh', '-c', '"$@" || exit 0', 'sh', ...removing])
  const container = [
    ...common(place),
    // A user without rights can't join the guest's namespace, so podman is started in it; nor can it make cgroups on every
    // host: the container stays in the place's.
    '--network=host',
    ...(runtime === 'crun' ? ['--cgroups=disabled'] : []),
    ...['--rootfs', `${rootfs}:O`],
  ]
  return { command, container }
}

const engineFor = (place: GuestSandbox, given: Options) => (given.rootless ? rootless : rootful)(place, given)

/** podman, a container engine without a daemon, over an OCI runtime. */
export const podman = defineDriver<Options>({
  kind: 'podman',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'podman, an engine without a daemon over an OCI runtime, as root or as an unprivileged user',
  options,
  requirements: ({ runtime, rootless }) => [
    { binary: 'podman', package: 'podman' },
    runtimeRequirement(runtime),
    ...(rootless
      ? [
          { binary: 'newuidmap', package: 'uidmap' },
          { binary: 'setpriv', package: 'util-linux' },
        ]
      : []),
  ],
  version: () => ['podman', '--version'],
  versionDetails: (given) => runtimeVersionText(given.runtime, runscFlags(given)),
  preflight: async ({ rootless, mode }) => (rootless ? rootlessPreflight() : modePreflight(mode)),
  cpuMode: async ({ mode }) => cpuModeOf(mode),
  oneShot: async (place, argv, given) => {
    const { command, container } = await engineFor(place, given)
    return command('run', '--rm', '--interactive', ...container, ...argv)
  },
  boot: async (place, given) => {
    const { command, container } = await engineFor(place, given)
    await place.run(command('run', '--detach', ...container, ...idleCommand))
    return { execArgv: (argv: GuestArgv) => command('exec', '--interactive', place.id, ...argv) }
  },
})
