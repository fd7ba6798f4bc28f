import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import { guestEnv } from '../host/environment.ts'
import { which } from '../host/packages.ts'
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
  joinBridge,
  removeContainersArgv,
  runtimePreflight,
  startDaemon,
  useDaemon,
} from './docker-daemon.ts'
import { cpuModeOf, engineOptions, modePreflight, requireRunsc, runscFlags, sentryCalibrationMs } from './gvisor.ts'
import { kataPreflight } from './kata.ts'
import { releaseVersion } from './shared/binaries.ts'
import {
  engineKata,
  isSecure,
  requireReleasedRuntime,
  runtimeRequirement,
  runtimes,
  runtimeVersionText,
} from './shared/engine-runtimes.ts'
import { requiresSeccomp, securityOption } from './shared/security.ts'

const optionsSchema = z
  .strictObject({
    /** The OCI runtime. */
    runtime: z.enum(runtimes).default('runc'),
    /** Version of a provisioned release of the runtime, in a dockerd that isobench starts. */
    version: releaseVersion,
    /**
     * `auto`: the host's dockerd if it can run guests, otherwise a dockerd that isobench starts. `host`, `own`: always
     * that one.
     */
    daemon: z.enum(['auto', 'host', 'own']).default('auto'),
    ...engineOptions,
    ...securityOption,
  })
  .superRefine(requireRunsc)
  .superRefine(requireReleasedRuntime)
  .refine(({ daemon, version }) => daemon !== 'host' || version === undefined, {
    path: ['version'],
    message: "the host's dockerd runs the runtimes that are registered in it: omit version, or set daemon: 'own'",
  })
type Options = z.output<typeof optionsSchema>

/** Returns whether only isobench's own daemon can be used. The host's one has its own runtimes. */
const isOwn = ({ daemon, version }: Options): boolean => daemon === 'own' || version !== undefined

/** Returns the host's daemon if the options allow it and it is usable. */
async function hostsFor(options: Options) {
  const found = isOwn(options) ? undefined : await hostDaemon()
  return found?.usable ? found : undefined
}

/**
 * Returns the daemon of this run, and its names of image and runtime. Registers the removal of the guest's containers.
 */
async function daemonFor(
  sandbox: GuestSandbox,
  options: Options,
): Promise<{ readonly daemon: Daemon; readonly image: string; readonly runtime: string }> {
  const hosts = await hostsFor(options)
  const daemon = await sandbox.oncePerRun(hosts ? 'hostdocker' : 'docker', async (runSandbox) => {
    const dockerd = await (hosts ? useDaemon(hosts, runSandbox) : startDaemon(runSandbox))
    await joinBridge(dockerd, runSandbox, sandbox.rootfs)
    return dockerd
  })
  const image = await daemon.image(sandbox.rootfs)
  await sandbox.onCleanup(`the containers of ${sandbox.id}`, removeContainersArgv(daemon, guestLabel(sandbox)))
  // Docker keeps these flags and has no option for them.
  const { dataDir } = sandbox
  await sandbox.run(daemon.inItsMounts(['mount', '-o', 'bind,nosuid,nodev', dataDir, dataDir]))
  return { daemon, image, runtime: await daemon.runtime(options, runscFlags(options), sandbox.limits) }
}

/** Returns why this platform cannot run, with the host's daemon or with its own. */
async function preflight(options: Options): Promise<string | Unavailable | undefined> {
  const found = isOwn(options) ? undefined : await hostDaemon()
  if (found?.usable) {
    return runtimePreflight(found, options.runtime, runscFlags(options)) ?? modePreflight(options.mode)
  }
  if (found && options.daemon === 'host') {
    return { reason: found.reason, fix: `let isobench start a daemon: { daemon: 'own' }, or omit the option daemon` }
  }
  if (which('dockerd') === undefined) {
    return {
      reason: `dockerd is not installed, and ${found?.reason}`,
      fix: 'apt-get install --no-install-recommends docker.io',
    }
  }
  const release = Number(/version (\d+)/.exec(await runHostCommand(['dockerd', '--version']))?.[1])
  if (options.runtime !== 'kata') return modePreflight(options.mode)
  return release < 23
    ? `kata needs dockerd 23 or later, because earlier releases do not support shims (found ${release})`
    : kataPreflight(engineKata(options))
}

/**
 * Describes the daemon and its runtime for the report, and why the host's daemon was not used. The host's daemon may
 * run in another file system, so the versions of its runtimes are unknown.
 */
async function whoseDaemon(options: Options): Promise<string> {
  const found = isOwn(options) || !hasHostSocket() ? undefined : await hostDaemon()
  const flags = runscFlags(options)
  if (found?.usable) return `the host's dockerd at ${found.socket} over ${[options.runtime, ...flags].join(' ')}`
  const own = `isobench's own dockerd ${await runtimeVersionText(options, flags)}`
  return found ? `${own}, as ${found.reason}` : own
}

const guestLabel = ({ id }: GuestSandbox) => `isobench.guest=${id}`

/**
 * The sandbox's cgroup already has these limits. Runtimes with a guest kernel need them as options. A Kata
 * that isobench registered reads them from its configuration and would add the options to the size of its VM.
 */
const limitsOf = ({ limits }: GuestSandbox, { own }: Daemon, { runtime }: Options): readonly string[] =>
  own && runtime === 'kata' ? [] : [`--cpuset-cpus=${limits.cpus.join(',')}`, `--memory=${limits.memoryBytes}`]

const settings = (sandbox: GuestSandbox, daemon: Daemon, runtime: string, options: Options): readonly string[] => [
  `--name=${sandbox.id}`,
  ...[...daemon.labels, guestLabel(sandbox)].map((label) => `--label=${label}`),
  `--runtime=${runtime}`,
  `--cgroup-parent=${sandbox.cgroupPath}`,
  ...limitsOf(sandbox, daemon, options),
  '--hostname=isobench',
  '--read-only',
  ...['--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777', '--tmpfs=/run:rw,exec,nosuid,nodev,mode=755'],
  // Below the hard limit of hosts without CAP_SYS_RESOURCE.
  '--ulimit=nofile=16384:16384',
  '--log-driver=none',
  // The default is Docker's own profile.
  ...(options.security === 'none' ? ['--security-opt=seccomp=unconfined'] : []),
  `--mount=type=bind,source=${sandbox.dataDir},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
]

// The script is constant: pid and argv are positional parameters, so the shell does not interpret them.
// It tests `exe`, because `kill -0` also finds a zombie.
const watching = `guest=$1; shift; exec 3<&0
"$@" <&3 3<&- & client=$!
{ while test -e "/proc/$guest/exe"; do sleep 1; done; sleep 1; kill -KILL "$client"; } <&- 3<&- >/dev/null 2>&1 &
watcher=$!
wait "$client"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"`

/**
 * Returns argv that runs `argv` and ends it with exit code 137 when the process `guest` is gone. `docker exec` does not
 * notice that a whole sandbox was killed, for example by the OOM killer, and would wait forever.
 */
const untilGone = (guest: string, argv: HostArgv): HostArgv => ['sh', '-c', watching, 'sh', guest, ...argv]

/** Docker, through a dockerd and its default bridge. */
export const docker = defineDriver({
  kind: 'docker',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'Docker, through a daemon and its default bridge, over an OCI runtime',
  options: optionsSchema,
  requirements: (options) => [
    { binary: 'docker', package: 'docker-cli' },
    // The host's daemon and its runtimes may run in another file system.
    ...(isOwn(options) || !hasHostSocket()
      ? [{ binary: 'dockerd', package: 'docker.io' }, runtimeRequirement(options)]
      : []),
  ],
  version: (options) =>
    isOwn(options) || !hasHostSocket()
      ? ['dockerd', '--version']
      : ['docker', '--host', hostSocket(), 'version', '--format', '{{.Server.Version}}'],
  versionDetails: whoseDaemon,
  preflight,
  cpuMode: async ({ mode, runtime }) => (runtime === 'kata' ? kvmCpuMode() : cpuModeOf(mode)),
  requiresSeccomp: (options) => !isSecure(options.runtime) && requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) => {
    const { daemon, image, runtime } = await daemonFor(sandbox, options)
    return sandbox.wrap(
      daemon.client('run', '--rm', '--interactive', ...settings(sandbox, daemon, runtime, options), image, ...argv),
    )
  },
  bootSteps: async (sandbox, argv, options) => {
    const { daemon, image, runtime } = await daemonFor(sandbox, options)
    const client = (...args: readonly string[]) => sandbox.wrap(daemon.client(...args))
    return {
      create: client('create', '--interactive', ...settings(sandbox, daemon, runtime, options), image, ...argv),
      start: client('start', '--attach', '--interactive', sandbox.id),
      remove: client('rm', '--force', sandbox.id),
      output: 'start',
    }
  },
  clockCalibrationMs: ({ runtime }) => (runtime === 'runsc' ? sentryCalibrationMs : 0),
  boot: async (sandbox, options) => {
    const { daemon, image, runtime } = await daemonFor(sandbox, options)
    await sandbox.run(
      sandbox.wrap(
        daemon.client('run', '--detach', ...settings(sandbox, daemon, runtime, options), image, ...idleCommand),
      ),
    )
    const address = await addressOf(daemon, sandbox.id)
    const shared = { address, ...(!daemon.own && { servedOutside: "the host's dockerd" }) }
    const enter = (argv: GuestArgv) => daemon.client('exec', '--interactive', sandbox.id, ...argv)
    if (!isSecure(options.runtime)) return { ...shared, execArgv: (argv) => sandbox.wrap(enter(argv)) }
    const state = (name: string) =>
      dockerQuery(daemon, 'container', 'inspect', '--format', `{{.State.${name}}}`, sandbox.id)
    const pid = await state('Pid')
    const guest = { ...shared, execArgv: (argv: GuestArgv) => sandbox.wrap(untilGone(pid, enter(argv))) }
    return options.runtime === 'kata'
      ? { ...guest, oomKillCount: () => guestOomKillsVia(guest.execArgv) }
      : // The OOM killer ends the whole sandbox, and Docker removes its cgroup together with the kernel's count.
        { ...guest, oomKillCount: async () => ((await state('OOMKilled')) === 'true' ? 1 : 0) }
  },
})
