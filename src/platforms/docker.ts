import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import { guestEnv } from '../host/image-recipe.ts'
import { isDebian, isDebian12, which } from '../host/packages.ts'
import { type GuestArgv, type HostArgv, idleCommand, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { kvmCpuMode } from '../vm/kvm.ts'
import { guestOomKillsVia } from '../vm/supervisor.ts'
import {
  addressOf,
  type Daemon,
  dockerQuery,
  hasHostSocket,
  hostDaemon,
  hostSocket,
  installedKata,
  joinBridge,
  removeContainersArgv,
  runtimePreflight,
  startDaemon,
  useDaemon,
} from './docker-daemon.ts'
import { cpuModeOf, engineOptions, modePreflight, requireRunsc, runscFlags } from './gvisor.ts'
import { obstacle as kataObstacle } from './kata.ts'
import { isSecure, runtimeRequirement, runtimes, runtimeVersionText } from './shared/engine-runtimes.ts'

const options = z
  .strictObject({
    /** The OCI runtime below it. */
    runtime: z.enum(runtimes).default('runc'),
    /** Whose dockerd: the host's when it answers and its containers can be guests, and one for the run otherwise; or always that. */
    daemon: z.enum(['auto', 'host', 'own']).default('auto'),
    ...engineOptions,
  })
  .superRefine(requireRunsc)
type Options = z.output<typeof options>

/** The host's daemon, where it is to be used. */
async function hostsFor({ daemon }: Options) {
  const found = daemon === 'own' ? undefined : await hostDaemon()
  return found?.usable ? found : undefined
}

/** The run's daemon, what it calls the image and the runtime, and that what is made for the guest will be removed. */
async function daemonFor(
  place: GuestSandbox,
  given: Options,
): Promise<{ readonly daemon: Daemon; readonly image: string; readonly runtime: string }> {
  const hosts = await hostsFor(given)
  const daemon = await place.oncePerRun(hosts ? 'hostdocker' : 'docker', async (ground) => {
    const made = await (hosts ? useDaemon(hosts, ground) : startDaemon(ground))
    await joinBridge(made, ground, place.rootfs)
    return made
  })
  const image = await daemon.image(place.rootfs)
  await place.onCleanup(`the containers of ${place.id}`, removeContainersArgv(daemon, guestLabel(place)))
  return { daemon, image, runtime: await daemon.runtime(given.runtime, runscFlags(given), place.limits) }
}

/** What a daemon of the host's cannot do for this platform, or what keeps one from being started. */
async function obstacle(given: Options): Promise<string | Unavailable | undefined> {
  const found = given.daemon === 'own' ? undefined : await hostDaemon()
  if (found?.usable) {
    return runtimePreflight(found, given.runtime, runscFlags(given)) ?? modePreflight(given.mode)
  }
  if (found && given.daemon === 'host') {
    return { reason: found.reason, fix: `have isobench start its own: { daemon: 'own' }, or leave daemon out` }
  }
  if (which('dockerd') === undefined) {
    return {
      reason: `dockerd is not installed, and ${found?.reason}`,
      fix: 'apt-get install --no-install-recommends docker.io',
    }
  }
  const release = Number(/version (\d+)/.exec(await runHostCommand(['dockerd', '--version']))?.[1])
  if (given.runtime !== 'kata') return modePreflight(given.mode)
  return release < 23
    ? `kata needs dockerd 23 or later, which can be given a shim: this is ${release}`
    : kataObstacle(installedKata())
}

/**
 * Whose daemon it is, and why a daemon of the host's that is there is left alone; and what runtime is below it. What a daemon of
 * the host's runs may lie in another file system, so its version is not told.
 */
async function whoseDaemon(given: Options): Promise<string> {
  const found = given.daemon === 'own' || !hasHostSocket() ? undefined : await hostDaemon()
  const flags = runscFlags(given)
  if (found?.usable) return `the host's dockerd at ${found.socket} over ${[given.runtime, ...flags].join(' ')}`
  const own = `isobench's own dockerd ${await runtimeVersionText(given.runtime, flags)}`
  return found ? `${own}, as ${found.reason}` : own
}

const guestLabel = ({ id }: GuestSandbox) => `isobench.guest=${id}`

/**
 * The group above has these limits already; runtimes with a kernel of their own go by what they are told. A Kata that isobench has
 * registered has them from its configuration, and would give its machine what it is told here on top.
 */
const limitsOf = ({ limits }: GuestSandbox, { own }: Daemon, { runtime }: Options): readonly string[] =>
  own && runtime === 'kata' ? [] : [`--cpuset-cpus=${limits.cpus.join(',')}`, `--memory=${limits.memoryBytes}`]

const settings = (place: GuestSandbox, daemon: Daemon, runtime: string, given: Options): readonly string[] => [
  `--name=${place.id}`,
  ...[...daemon.labels, guestLabel(place)].map((label) => `--label=${label}`),
  `--runtime=${runtime}`,
  `--cgroup-parent=${place.cgroupPath}`,
  ...limitsOf(place, daemon, given),
  '--hostname=isobench',
  '--read-only',
  ...['--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777', '--tmpfs=/run:rw,exec,nosuid,nodev,mode=755'],
  // Below the hard limit of hosts without CAP_SYS_RESOURCE.
  '--ulimit=nofile=16384:16384',
  '--log-driver=none',
  `--mount=type=bind,source=${place.dataDir},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
]

// A constant text: the pid and argv come as positional parameters, and nothing of a user's is interpreted.
// A zombie, which kill would still find, has no exe.
const watching = `guest=$1; shift; exec 3<&0
"$@" <&3 3<&- & client=$!
{ while test -e "/proc/$guest/exe"; do sleep 1; done; sleep 1; kill -KILL "$client"; } <&- 3<&- >/dev/null 2>&1 & watcher=$!
wait "$client"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"`

/**
 * `docker exec` is not told when a sandbox is gone with all that ran in it, as when it went over its memory, and would wait
 * for ever. Argv that runs it, and ends it with 137 when the process `guest` is gone.
 */
const untilGone = (guest: string, argv: HostArgv): HostArgv => ['sh', '-c', watching, 'sh', guest, ...argv]

/** Docker, through a dockerd and its default bridge. */
export const docker = defineDriver<Options>({
  kind: 'docker',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'Docker, through a daemon and its default bridge, over an OCI runtime',
  options,
  requirements: ({ runtime, daemon }) => [
    // Since Debian 13 the client has a package of its own.
    { binary: 'docker', package: isDebian() && !isDebian12() ? 'docker-cli' : 'docker.io' },
    // One of the host's may be in another file system, and its runtimes with it.
    ...(daemon === 'own' || !hasHostSocket()
      ? [{ binary: 'dockerd', package: 'docker.io' }, runtimeRequirement(runtime)]
      : []),
  ],
  version: ({ daemon }) =>
    daemon === 'own' || !hasHostSocket()
      ? ['dockerd', '--version']
      : ['docker', '--host', hostSocket(), 'version', '--format', '{{.Server.Version}}'],
  versionDetails: whoseDaemon,
  preflight: obstacle,
  cpuMode: async ({ mode, runtime }) => (runtime === 'kata' ? kvmCpuMode() : cpuModeOf(mode)),
  oneShot: async (place, argv, given) => {
    const { daemon, image, runtime } = await daemonFor(place, given)
    return place.wrap(
      daemon.client('run', '--rm', '--interactive', ...settings(place, daemon, runtime, given), image, ...argv),
    )
  },
  boot: async (place, given) => {
    const { daemon, image, runtime } = await daemonFor(place, given)
    await place.run(
      place.wrap(daemon.client('run', '--detach', ...settings(place, daemon, runtime, given), image, ...idleCommand)),
    )
    const address = await addressOf(daemon, place.id)
    const enter = (argv: GuestArgv) => daemon.client('exec', '--interactive', place.id, ...argv)
    if (!isSecure(given.runtime)) return { address, execArgv: (argv) => place.wrap(enter(argv)) }
    const state = (name: string) =>
      dockerQuery(daemon, 'container', 'inspect', '--format', `{{.State.${name}}}`, place.id)
    const pid = await state('Pid')
    const guest = { address, execArgv: (argv: GuestArgv) => place.wrap(untilGone(pid, enter(argv))) }
    return given.runtime === 'kata'
      ? { ...guest, oomKillCount: () => guestOomKillsVia(guest.execArgv) }
      : // The whole sandbox is killed, and Docker removes its cgroup with the kernel's count.
        { ...guest, oomKillCount: async () => ((await state('OOMKilled')) === 'true' ? 1 : 0) }
  },
})
