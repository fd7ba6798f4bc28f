/** dockerd: the host's daemon or one of isobench, its runtimes, images and bridge. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Unavailable } from '../driver.ts'
import type { Limits } from '../host/cgroup.ts'
import { which } from '../host/packages.ts'
import { type HostArgv, idleCommand, runHostCommand } from '../host/process.ts'
import type { HostSandbox, RunSandbox } from '../host/sandbox.ts'
import { HostError, messageOf } from '../util/errors.ts'
import { requiredConfiguration } from './kata.ts'
import { engineKata, makeProgram, type Runtime, type RuntimeChoice } from './shared/engine-runtimes.ts'
import {
  findShim,
  kataConfigDropIn,
  type Options,
  syslog,
  syslogBinds,
  writeConfiguration,
} from './shared/kata-installation.ts'
import { memoizeAsync, pipeTarInto, socketOf, withPrivateMounts } from './shared/namespaces.ts'

/** A running dockerd, and what isobench keeps in it for a run. */
export interface Daemon {
  /** Whether isobench has started it. Then it ends with the run. */
  readonly own: boolean
  /** Returns argv of its client. */
  client(...args: readonly string[]): HostArgv
  /** Wraps argv so that it runs in the daemon's mount namespace. */
  inItsMounts(argv: HostArgv): HostArgv
  /**
   * Returns its name of a runtime with these flags. isobench's own daemon registers it first, Kata with these limits.
   * The host's daemon ignores the version.
   */
  runtime(choice: RuntimeChoice, flags: readonly string[], limits: Limits): Promise<string>
  /** Returns the name of an image with the files of a root filesystem. */
  image(rootfs: string): Promise<string>
  /** Labels of everything that isobench creates in it. */
  readonly labels: readonly string[]
}

/** Runs the client and returns its output without the final newline. */
export const dockerQuery = async (daemon: Pick<Daemon, 'client'>, ...args: readonly string[]): Promise<string> =>
  (await runHostCommand(daemon.client(...args))).trim()

/**
 * Creates argv of the client with empty settings, because a user's settings may name another daemon or run credential
 * helpers.
 */
export const clientOf =
  (sandbox: Pick<HostSandbox, 'stateDir'>, socket: string): Daemon['client'] =>
  (...args) => ['docker', '--config', `${sandbox.stateDir}/docker-client`, '--host', socket, ...args]

// These scripts are constant: names and argv are positional parameters, so the shell does not interpret them.

// A container may be removing itself because of `--rm`. Then the client fails, and the next attempt finds nothing.
const removeContainers = `filter=$1 gone=$2; shift 2
for try in 1 2 3 4 5 6 7 8 9 10; do
  found=$("$@" container ls --all --quiet --filter "$filter") || exit "$gone"
  test -n "$found" || exit 0
  "$@" container rm --force --volumes $found && exit 0
  sleep 0.2
done
exit 1`

const removeContainersAndImages = `filter=$1; shift
for kind in container image; do
  found=$("$@" "$kind" ls --all --quiet --filter "$filter" | sort -u) || exit
  test -z "$found" || "$@" "$kind" rm --force $found || exit
done`

/**
 * Returns argv that removes the containers with a label. Succeeds if isobench's own daemon is gone, and its containers
 * with it.
 */
export const removeContainersArgv = ({ own, client }: Daemon, label: string): HostArgv => [
  'sh',
  ...['-c', removeContainers, 'sh', `label=${label}`, own ? '0' : '1'],
  ...client(),
]

/** Returns argv that removes the containers and the images with a label. */
export const removeAllArgv = (client: Daemon['client'], label: string): HostArgv => [
  'sh',
  ...['-c', removeContainersAndImages, 'sh', `label=${label}`],
  ...client(),
]

/** Returns argv that creates the image `name` from the files of a directory. */
export const importingFolder = (client: Daemon['client'], folder: string, name: string, label: string): HostArgv =>
  pipeTarInto(folder, client('import', '--change', `LABEL ${label}`, '-', name))

const bridge = '.NetworkSettings.Networks.bridge'

/** Returns a container's address on the daemon's default bridge. */
export const addressOf = (daemon: Daemon, container: string): Promise<string> =>
  dockerQuery(daemon, 'container', 'inspect', '--format', `{{${bridge}.IPAddress}}`, container)

/**
 * Moves a link on the daemon's default bridge into isobench's client namespace, so that the load generator reaches
 * guests at their own addresses, without published ports. The link belongs to a container that only sleeps. So the
 * daemon has created it, reserves its address, and removes both together with the container.
 */
export async function joinBridge(daemon: Daemon, sandbox: RunSandbox, rootfs: string): Promise<void> {
  const container = `${sandbox.id}-client`
  const image = await daemon.image(rootfs)
  const labels = daemon.labels.map((label) => `--label=${label}`)
  // runc, whatever the daemon's default is, because its links are ordinary veth devices of the kernel.
  const settings = ['--runtime=runc', '--read-only', '--log-driver=none', `--cgroup-parent=${sandbox.cgroupPath}`]
  await sandbox.run(
    sandbox.wrap(daemon.client('run', '--detach', '--name', container, ...labels, ...settings, image, ...idleCommand)),
  )
  const format = `{{.State.Pid}} {{${bridge}.IPAddress}}/{{${bridge}.IPPrefixLen}}`
  const [pid, address] = (await dockerQuery(daemon, 'container', 'inspect', '--format', format, container)).split(' ')
  const link = `isob-${basename(sandbox.id).split('-').at(-1)}`
  const [netns, name] = [sandbox.clientNetns, basename(sandbox.clientNetns)]
  await runHostCommand([
    'nsenter',
    `--target=${pid}`,
    '--net',
    'ip',
    'link',
    'set',
    'eth0',
    'netns',
    netns,
    'name',
    link,
  ])
  await runHostCommand(['ip', '-n', name, 'addr', 'add', address!, 'dev', link])
  await runHostCommand(['ip', '-n', name, 'link', 'set', link, 'up'])
}

/** A runtime in `daemon.json` and `docker info`: a program like runc, or a containerd shim. */
export interface RegisteredRuntime {
  readonly path?: string
  readonly runtimeArgs?: readonly string[]
  readonly runtimeType?: string
  /** For a shim. */
  readonly options?: { readonly ConfigPath: string }
}

/** The runtimes of a daemon, by name. */
export type Runtimes = Readonly<Record<string, RegisteredRuntime>>

/** Normalizes flags of a Go program: order and number of dashes do not matter. */
const normalizeFlags = (flags: readonly string[]) =>
  flags
    .map((flag) => flag.replace(/^--?/, ''))
    .sort()
    .join('\n')

/** Returns the daemon's name of a runtime with exactly these flags. Without flags, the runtime may have any. */
export function findRegisteredRuntime(known: Runtimes, runtime: Runtime, flags: readonly string[]): string | undefined {
  if (flags.length === 0) {
    const names = runtime === 'kata' ? ['kata', 'kata-runtime', 'io.containerd.kata.v2'] : [runtime]
    return names.find((name) => Object.hasOwn(known, name))
  }
  const isRuntime = (path = '') => basename(path).startsWith(runtime)
  return Object.entries(known).find(
    ([, { path, runtimeArgs = [] }]) => isRuntime(path) && normalizeFlags(runtimeArgs) === normalizeFlags(flags),
  )?.[0]
}

/** Returns why the host's daemon cannot run this runtime. isobench does not change the host's daemon. */
export function runtimePreflight(
  { socket, runtimes }: { readonly socket: string; readonly runtimes: Runtimes },
  runtime: Runtime,
  flags: readonly string[],
): Unavailable | undefined {
  if (findRegisteredRuntime(runtimes, runtime, flags) !== undefined) return undefined
  const [name, entry] =
    runtime === 'kata'
      ? ['kata', { runtimeType: '/opt/kata/bin/containerd-shim-kata-v2' }]
      : flags.length === 0
        ? [runtime, { path: `/usr/bin/${runtime}` }]
        : [`${runtime}-flags`, { path: `/usr/bin/${runtime}`, runtimeArgs: flags }]
  return {
    reason:
      `the dockerd at ${socket} has no runtime "${[runtime, ...flags].join(' ')}"; ` +
      `it has ${Object.keys(runtimes).join(', ')}`,
    fix:
      `register it in daemon.json, ${JSON.stringify({ runtimes: { [name]: entry } })}, and reload the daemon; ` +
      `or let isobench start a daemon: { daemon: 'own' }`,
  }
}

/** Returns the socket of the host's dockerd, as Docker's own client finds it, but without contexts. */
export const hostSocket = (): string => process.env.DOCKER_HOST || 'unix:///var/run/docker.sock'

/** Returns whether that is a socket of this host. isobench does not use daemons of other hosts. */
export const hasHostSocket = (): boolean => {
  const socket = hostSocket()
  return socket.startsWith('unix://') && existsSync(socket.slice('unix://'.length))
}

/** The host's dockerd: its runtimes, or why it cannot run isobench's guests. */
export type HostDaemon =
  | { readonly usable: true; readonly socket: string; readonly runtimes: Runtimes }
  | { readonly usable: false; readonly reason: string }

/** The part of `docker info` that isobench reads. */
interface Info {
  readonly CgroupDriver?: string
  readonly Runtimes?: Runtimes
  readonly SecurityOptions?: readonly string[]
  readonly ServerErrors?: readonly string[]
}

const queryHostDaemon = memoizeAsync(async (socket): Promise<HostDaemon> => {
  const unusable = (reason: string): HostDaemon => ({ usable: false, reason: `the dockerd at ${socket} ${reason}` })
  if (!socket.startsWith('unix://')) return unusable('may be on another host: only unix:// is supported')
  if (!hasHostSocket()) return unusable('does not run')
  const query = async (...args: string[]) =>
    JSON.parse(await runHostCommand(['docker', '--host', socket, ...args], { timeout: 10 }))
  try {
    const info = (await query('info', '--format', '{{json .}}')) as Info
    if (info.ServerErrors?.length) return unusable(`does not respond: ${info.ServerErrors[0]}`)
    if (info.SecurityOptions?.some((option) => option.includes('rootless'))) return unusable('is rootless')
    if (info.CgroupDriver !== 'cgroupfs') {
      return unusable(`has the cgroup driver ${info.CgroupDriver}, which does not accept the cgroup of a guest`)
    }
    const bridge = (await query('network', 'inspect', '--format', '{{json .Options}}', 'bridge')) as Record<
      string,
      string
    >
    if (bridge['com.docker.network.bridge.enable_icc'] === 'false') {
      return unusable('does not allow connections between containers of its bridge (icc is off)')
    }
    return { usable: true, socket, runtimes: info.Runtimes ?? {} }
  } catch (error) {
    return unusable(`does not respond: ${messageOf(error)}`)
  }
})

/** Returns the host's dockerd. Queried once per process, so that a run does not switch daemons. */
export const hostDaemon = (): Promise<HostDaemon> => queryHostDaemon(hostSocket())

/**
 * Uses the host's dockerd. Everything that isobench creates there has the run's name and label, and is removed with the
 * run. isobench ignores everything else in it. The image is copied into the daemon.
 */
export async function useDaemon(found: HostDaemon & { readonly usable: true }, sandbox: RunSandbox): Promise<Daemon> {
  const client = clientOf(sandbox, found.socket)
  const label = `isobench=${sandbox.id}`
  await sandbox.onCleanup(
    `containers and images of ${sandbox.id} in the dockerd at ${found.socket}`,
    removeAllArgv(client, label),
  )
  return {
    own: false,
    client,
    // The usual one: that of the host.
    inItsMounts: (argv) => argv,
    labels: [label],
    runtime: async ({ runtime }, flags) => findRegisteredRuntime(found.runtimes, runtime, flags) ?? runtime,
    image: memoizeAsync(async (rootfs) => {
      const name = `${sandbox.id}:${createHash('sha256').update(rootfs).digest('hex').slice(0, 12)}`
      await sandbox.run(importingFolder(client, rootfs, name, label))
      return name
    }),
  }
}

/**
 * Kata is a containerd shim and no longer a runtime like runc. It is registered by its path, with a configuration in
 * `folder` that sets the size of the VM to these limits.
 */
export function registeredKata(folder: string, limits: Limits, options: Options): RegisteredRuntime {
  const file = writeConfiguration(folder, options, requiredConfiguration(options), kataConfigDropIn(options, limits))
  const shim = findShim(options)
  return { runtimeType: which(shim) ?? shim, options: { ConfigPath: file } }
}

/** isobench's own dockerd, with more runtimes. */
export interface Registry extends Pick<Daemon, 'client'> {
  /** Pid of the dockerd. */
  readonly pid: number
  /** Its configuration file. Only isobench writes it, and it has no key that is also on the command line. */
  readonly settings: string
  /** Directory for the programs of runtimes. */
  readonly programs: string
}

/**
 * Registers the runtimes of isobench's own dockerd. The daemon starts before it is known which platforms use it. So
 * each runtime is registered when a platform first requests it, one at a time, by its configuration file and a SIGHUP.
 */
export function registry({ pid, settings, programs, client }: Registry): Daemon['runtime'] {
  const runtimes: Record<string, RegisteredRuntime> = {}
  let last: Promise<unknown> = Promise.resolve()

  async function register(name: string, describe: () => RegisteredRuntime): Promise<void> {
    if (Object.hasOwn(runtimes, name)) return
    // Fails if the daemon has ended. Its pid may then belong to another process.
    await isRegistered(name)
    const updated = { ...runtimes, [name]: describe() }
    writeFileSync(settings, JSON.stringify({ runtimes: updated }))
    process.kill(pid, 'SIGHUP')
    for (let tries = 0; !(await isRegistered(name)); tries++) {
      if (tries > 100) throw new HostError(`isobench's dockerd did not register the runtime ${name} within 10 s.`)
      await sleep(50)
    }
    Object.assign(runtimes, updated)
  }

  async function isRegistered(name: string): Promise<boolean> {
    return Object.hasOwn(JSON.parse(await dockerQuery({ client }, 'info', '--format', '{{json .Runtimes}}')), name)
  }

  return async (choice, flags, limits) => {
    const { runtime, version } = choice
    if (runtime === 'runc') return runtime
    // The size of Kata's VM is in its configuration.
    const special = [...(runtime === 'kata' ? [limits] : flags), ...(version === undefined ? [] : [{ version }])]
    const suffix = createHash('sha256').update(JSON.stringify(special)).digest('hex').slice(0, 12)
    const name = special.length === 0 ? runtime : `${runtime}-${suffix}`
    const registered = last.then(() =>
      register(name, () =>
        runtime === 'kata'
          ? registeredKata(join(programs, name), limits, engineKata(choice))
          : { path: makeProgram(join(programs, name), { runtime, version }, flags) },
      ),
    )
    last = registered.catch(() => {})
    await registered
    return name
  }
}

/**
 * Starts a dockerd for this run: its containerd, bridge and firewall rules are in a namespace, its data, sockets and
 * `/run` below a directory, and its processes in a cgroup. All of them are removed with the run.
 */
export async function startDaemon(sandbox: RunSandbox): Promise<Daemon> {
  const data = join(sandbox.stateDir, 'docker')
  // Its /run is this directory, because of the mounts below.
  const socket = join(sandbox.stateDir, 'run', 'docker.sock')
  mkdirSync(join(data, 'etc'), { recursive: true })
  const settings = join(sandbox.stateDir, 'daemon.json')
  writeFileSync(settings, '{}')
  const argv: HostArgv = [
    'dockerd',
    `--data-root=${data}`,
    '--exec-root=/run/docker',
    '--pidfile=/run/docker.pid',
    '--host=unix:///run/docker.sock',
    `--config-file=${settings}`,
    '--storage-driver=overlay2',
    '--exec-opt=native.cgroupdriver=cgroupfs',
    `--cgroup-parent=${sandbox.cgroupPath}`,
    `--bip=${sandbox.subnet}.1/24`,
    // Without iptables, dockerd still works: no traffic needs its rules, which would only be in its own namespace.
    ...(which('iptables') === undefined ? ['--iptables=false'] : []),
    '--log-level=error',
  ]
  // Docker 20.10 writes a key to /etc/docker.
  const keys = existsSync('/etc/docker') ? ([['rbind', join(data, 'etc'), '/etc/docker']] as const) : []
  // The Go runtime of Kata, if used, needs the syslog.
  const binds = [...keys, ...syslogBinds(sandbox, syslog())]
  const pid = await sandbox.spawn(sandbox.wrap(withPrivateMounts(sandbox, argv, binds)))
  const client = clientOf(sandbox, `unix://${socketOf(pid, '/run/docker.sock')}`)
  const label = `isobench=${sandbox.id}`
  await waitUntil(
    () => existsSync(socket),
    () => existsSync(`/proc/${pid}`),
  )
  // The socket exists before dockerd responds. If dockerd fails, its error is in the same log as this command's error.
  await sandbox.run(client('version'))
  const runtime = registry({ pid, settings, client, programs: join(sandbox.stateDir, 'runtimes') })
  const inItsMounts = (argv: HostArgv): HostArgv => ['nsenter', `--target=${pid}`, '--mount', ...argv]
  return {
    own: true,
    client,
    inItsMounts,
    labels: [label],
    runtime,
    image: memoizeAsync((rootfs) => giveImage(rootfs)),
  }

  /**
   * Docker runs only imported images, and importing the real image would copy 1 GB and take 30 s. So it imports a layer
   * with one empty file, and the image is mounted where the layer's files would be. It is a lower layer of an overlay,
   * so it is not written.
   */
  async function giveImage(rootfs: string): Promise<string> {
    const digest = createHash('sha256').update(rootfs).digest('hex').slice(0, 12)
    const folder = join(sandbox.stateDir, 'layers', digest)
    mkdirSync(folder, { recursive: true })
    // Without a different file, two images would be the same layer.
    writeFileSync(join(folder, digest), '')
    const name = `isobench:${digest}`
    await sandbox.run(sandbox.wrap(importingFolder(client, folder, name, label)))
    const layer = await dockerQuery({ client }, 'image', 'inspect', '--format', '{{.GraphDriver.Data.UpperDir}}', name)
    await sandbox.run(inItsMounts(['mount', '--bind', rootfs, layer]))
    return name
  }
}

async function waitUntil(isThere: () => boolean, isAlive: () => boolean): Promise<void> {
  for (let tries = 0; !isThere() && isAlive(); tries++) {
    if (tries > 3000) throw new HostError('dockerd did not start within 30 s.')
    await sleep(10)
  }
}
