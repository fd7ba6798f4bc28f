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
import { kataShim, makeProgram, type Runtime } from './shared/engine-runtimes.ts'
import {
  findShim,
  kataConfigDropIn,
  type Options,
  options,
  runtimeOf,
  syslog,
  syslogBinds,
  writeConfiguration,
} from './shared/kata-installation.ts'
import { memoizeAsync, pipeTarInto, withPrivateMounts } from './shared/namespaces.ts'

/** A dockerd that answers, and what isobench keeps in it for a run. */
export interface Daemon {
  /** Whether isobench has started it: then it ends with the run, and all that it has. */
  readonly own: boolean
  /** Argv of its client. */
  client(...args: readonly string[]): HostArgv
  /** What it calls a runtime with these flags; one of isobench's own hears of it now, of Kata as one for guests of these limits. */
  runtime(runtime: Runtime, flags: readonly string[], limits: Limits): Promise<string>
  /** The name of an image with the files of this root filesystem. */
  image(rootfs: string): Promise<string>
  /** The labels of all that isobench makes in it. */
  readonly labels: readonly string[]
}

/** What the client prints, without its line end. */
export const dockerQuery = async (daemon: Pick<Daemon, 'client'>, ...args: readonly string[]): Promise<string> =>
  (await runHostCommand(daemon.client(...args))).trim()

/** The client, with settings of nobody's: those of the user may name another daemon, or start programs for credentials. */
export const clientOf =
  (ground: Pick<HostSandbox, 'stateDir'>, socket: string): Daemon['client'] =>
  (...args) => ['docker', '--config', `${ground.stateDir}/docker-client`, '--host', socket, ...args]

// Constant texts: names and argv come as positional parameters, and nothing of a user's is interpreted.

// A container may be going already, by its own `--rm`: then the client complains, and there is nothing to remove next time.
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

/** Argv that removes the containers with a label. A daemon of isobench's own that has gone has taken them along. */
export const removeContainersArgv = ({ own, client }: Daemon, label: string): HostArgv => [
  'sh',
  ...['-c', removeContainers, 'sh', `label=${label}`, own ? '0' : '1'],
  ...client(),
]

/** Argv that removes the containers and the images with a label. */
export const removeAllArgv = (client: Daemon['client'], label: string): HostArgv => [
  'sh',
  ...['-c', removeContainersAndImages, 'sh', `label=${label}`],
  ...client(),
]

/** Argv that makes the image `name` of a folder's files. */
export const importingFolder = (client: Daemon['client'], folder: string, name: string, label: string): HostArgv =>
  pipeTarInto(folder, client('import', '--change', `LABEL ${label}`, '-', name))

const bridge = '.NetworkSettings.Networks.bridge'

/** A container's address on the daemon's default bridge. */
export const addressOf = (daemon: Daemon, container: string): Promise<string> =>
  dockerQuery(daemon, 'container', 'inspect', '--format', `{{${bridge}.IPAddress}}`, container)

/**
 * Puts isobench's client namespace on the daemon's default bridge, so that guests are called on at their own addresses,
 * without a published port. A container that only sleeps gives its link away: so the daemon itself has made the port and
 * keeps its address from others, and it takes both back when that container is removed.
 */
export async function joinBridge(daemon: Daemon, ground: RunSandbox, rootfs: string): Promise<void> {
  const container = `${ground.id}-client`
  const image = await daemon.image(rootfs)
  const labels = daemon.labels.map((label) => `--label=${label}`)
  // By runc, whatever the daemon's default: its links are the kernel's own.
  const settings = ['--runtime=runc', '--read-only', '--log-driver=none', `--cgroup-parent=${ground.cgroupPath}`]
  await ground.run(
    ground.wrap(daemon.client('run', '--detach', '--name', container, ...labels, ...settings, image, ...idleCommand)),
  )
  const format = `{{.State.Pid}} {{${bridge}.IPAddress}}/{{${bridge}.IPPrefixLen}}`
  const [pid, address] = (await dockerQuery(daemon, 'container', 'inspect', '--format', format, container)).split(' ')
  const link = `isob-${basename(ground.id).split('-').at(-1)}`
  const [netns, name] = [ground.clientNetns, basename(ground.clientNetns)]
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

/** A runtime as `daemon.json` and `docker info` have it: a program of runc's kind, or a shim of containerd's. */
export interface RegisteredRuntime {
  readonly path?: string
  readonly runtimeArgs?: readonly string[]
  readonly runtimeType?: string
  /** Of a shim. */
  readonly options?: { readonly ConfigPath: string }
}

/** What a daemon has registered, by name. */
export type Runtimes = Readonly<Record<string, RegisteredRuntime>>

/** The same flags of a Go program, whose order and number of dashes say nothing. */
const alike = (flags: readonly string[]) =>
  flags
    .map((flag) => flag.replace(/^--?/, ''))
    .sort()
    .join('\n')

/** What a daemon calls a runtime that has these flags and no others; without any, whatever the runtime is registered with. */
export function findRegisteredRuntime(known: Runtimes, runtime: Runtime, flags: readonly string[]): string | undefined {
  if (flags.length === 0) {
    const names = runtime === 'kata' ? ['kata', 'kata-runtime', 'io.containerd.kata.v2'] : [runtime]
    return names.find((name) => Object.hasOwn(known, name))
  }
  const of = (path = '') => basename(path).startsWith(runtime)
  return Object.entries(known).find(
    ([, { path, runtimeArgs = [] }]) => of(path) && alike(runtimeArgs) === alike(flags),
  )?.[0]
}

/** Why a daemon of the host's, whose settings are its owner's, cannot be used with this runtime. */
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
    reason: `the dockerd at ${socket} has no runtime "${[runtime, ...flags].join(' ')}": it has ${Object.keys(runtimes).join(', ')}`,
    fix:
      `register it in that daemon's daemon.json, ${JSON.stringify({ runtimes: { [name]: entry } })}, and have the daemon reload that; ` +
      `or have isobench start its own: { daemon: 'own' }`,
  }
}

/** Where the host's dockerd is to be: as Docker's own client finds it, contexts left out. */
export const hostSocket = (): string => process.env.DOCKER_HOST || 'unix:///var/run/docker.sock'

/** Whether there is somebody on this machine to ask: another machine is never asked. */
export const hasHostSocket = (): boolean => {
  const socket = hostSocket()
  return socket.startsWith('unix://') && existsSync(socket.slice('unix://'.length))
}

/** The host's dockerd: what it knows, or why isobench's guests cannot be its containers. */
export type HostDaemon =
  | { readonly usable: true; readonly socket: string; readonly runtimes: Runtimes }
  | { readonly usable: false; readonly reason: string }

/** What isobench reads of `docker info`. */
interface Info {
  readonly CgroupDriver?: string
  readonly Runtimes?: Runtimes
  readonly SecurityOptions?: readonly string[]
  readonly ServerErrors?: readonly string[]
}

const asked = memoizeAsync(async (socket): Promise<HostDaemon> => {
  const no = (reason: string): HostDaemon => ({ usable: false, reason: `the dockerd at ${socket} ${reason}` })
  if (!socket.startsWith('unix://')) return no('is not known to be on this machine: only unix:// is')
  if (!hasHostSocket()) return no('does not run')
  const ask = async (...args: string[]) =>
    JSON.parse(await runHostCommand(['docker', '--host', socket, ...args], { timeout: 10 }))
  try {
    const info = (await ask('info', '--format', '{{json .}}')) as Info
    if (info.ServerErrors?.length) return no(`does not answer: ${info.ServerErrors[0]}`)
    if (info.SecurityOptions?.some((option) => option.includes('rootless'))) return no('is rootless')
    if (info.CgroupDriver !== 'cgroupfs') {
      return no(`has the cgroup driver ${info.CgroupDriver}, which lets no container into a guest's cgroup`)
    }
    const bridge = (await ask('network', 'inspect', '--format', '{{json .Options}}', 'bridge')) as Record<
      string,
      string
    >
    if (bridge['com.docker.network.bridge.enable_icc'] === 'false') {
      return no('lets nobody on its bridge call on a container (icc is off)')
    }
    return { usable: true, socket, runtimes: info.Runtimes ?? {} }
  } catch (error) {
    return no(`does not answer: ${messageOf(error)}`)
  }
})

/** The host's dockerd, asked once in the life of this process: so a run does not change daemons on its way. */
export const hostDaemon = (): Promise<HostDaemon> => asked(hostSocket())

/**
 * Uses a dockerd of the host's: what is made there carries this run's name and label, is removed with the run, and is all that
 * isobench looks at. The image is copied into it, for its layers are its own.
 */
export async function useDaemon(found: HostDaemon & { readonly usable: true }, ground: RunSandbox): Promise<Daemon> {
  const client = clientOf(ground, found.socket)
  const label = `isobench=${ground.id}`
  await ground.onCleanup(`what ${ground.id} made in the dockerd at ${found.socket}`, removeAllArgv(client, label))
  return {
    own: false,
    client,
    labels: [label],
    runtime: async (runtime, flags) => findRegisteredRuntime(found.runtimes, runtime, flags) ?? runtime,
    image: memoizeAsync(async (rootfs) => {
      const name = `${ground.id}:${createHash('sha256').update(rootfs).digest('hex').slice(0, 12)}`
      await ground.run(importingFolder(client, rootfs, name, label))
      return name
    }),
  }
}

/** Kata as it is installed: the Rust runtime, or the Go runtime where only that is. */
export const installedKata = (): Options => options.parse({ runtime: runtimeOf(kataShim()) })

/**
 * Kata has no runtime of runc's kind any more, but a shim of its own: it is registered by its path, with a configuration in
 * `folder`, by which the machine has the size of these limits.
 */
export function registeredKata(folder: string, limits: Limits, given: Options): RegisteredRuntime {
  const file = writeConfiguration(folder, requiredConfiguration(given), kataConfigDropIn(given, limits))
  const shim = findShim(given)
  return { runtimeType: which(shim) ?? shim, options: { ConfigPath: file } }
}

export interface Registry extends Pick<Daemon, 'client'> {
  /** The dockerd's. */
  readonly pid: number
  /** Its configuration file, in which nobody else writes, and with no key that its command line has too. */
  readonly settings: string
  /** A folder for the programs that it is told of. */
  readonly programs: string
}

/**
 * The runtimes of a dockerd of isobench's own, which is there before it is known what platforms it serves: it is told of each
 * when a platform first asks, by its configuration file and a SIGHUP, one after the other.
 */
export function registry({ pid, settings, programs, client }: Registry): Daemon['runtime'] {
  const runtimes: Record<string, RegisteredRuntime> = {}
  let last: Promise<unknown> = Promise.resolve()

  async function register(name: string, describe: () => RegisteredRuntime): Promise<void> {
    if (Object.hasOwn(runtimes, name)) return
    // One that is gone says so here, before its process id may be another's.
    await knows(name)
    const wanted = { ...runtimes, [name]: describe() }
    writeFileSync(settings, JSON.stringify({ runtimes: wanted }))
    process.kill(pid, 'SIGHUP')
    for (let tries = 0; !(await knows(name)); tries++) {
      if (tries > 100) throw new HostError(`isobench's dockerd did not take the runtime ${name} within 10 s`)
      await sleep(50)
    }
    Object.assign(runtimes, wanted)
  }

  async function knows(name: string): Promise<boolean> {
    return Object.hasOwn(JSON.parse(await dockerQuery({ client }, 'info', '--format', '{{json .Runtimes}}')), name)
  }

  return async (runtime, flags, limits) => {
    if (runtime === 'runc') return runtime
    // The size of Kata's machine is written in a configuration.
    const special = runtime === 'kata' ? [limits] : flags
    const suffix = createHash('sha256').update(JSON.stringify(special)).digest('hex').slice(0, 12)
    const name = special.length === 0 ? runtime : `${runtime}-${suffix}`
    const registered = last.then(() =>
      register(name, () =>
        runtime === 'kata'
          ? registeredKata(join(programs, name), limits, installedKata())
          : { path: makeProgram(join(programs, name), runtime, flags) },
      ),
    )
    last = registered.catch(() => {})
    await registered
    return name
  }
}

/**
 * Starts a dockerd for this run: with its containerd, bridge and firewall rules in a namespace, with its data, sockets and
 * `/run` below a folder, and in a cgroup, all of which go with the run.
 */
export async function startDaemon(ground: RunSandbox): Promise<Daemon> {
  const data = join(ground.stateDir, 'docker')
  // Its /run is this folder, by the mounts below.
  const socket = join(ground.stateDir, 'run', 'docker.sock')
  mkdirSync(join(data, 'etc'), { recursive: true })
  const settings = join(ground.stateDir, 'daemon.json')
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
    `--cgroup-parent=${ground.cgroupPath}`,
    `--bip=${ground.subnet}.1/24`,
    // Its rules are in its own namespace, whichever kind the host's iptables makes, and no traffic needs them.
    ...(which('iptables') === undefined ? ['--iptables=false'] : []),
    '--log-level=error',
  ]
  // Docker 20.10 keeps a key of its own in there.
  const keys = existsSync('/etc/docker') ? ([['rbind', join(data, 'etc'), '/etc/docker']] as const) : []
  // One of the runtimes may be Kata's.
  const binds = [...keys, ...syslogBinds(ground, syslog())]
  const pid = await ground.spawn(ground.wrap(withPrivateMounts(ground, argv, binds)))
  const client = clientOf(ground, `unix://${socket}`)
  const label = `isobench=${ground.id}`
  await until(
    () => existsSync(socket),
    () => existsSync(`/proc/${pid}`),
  )
  // The socket is there before anybody answers; what dockerd says when it fails is in the same log as this command's error.
  await ground.run(client('version'))
  const runtime = registry({ pid, settings, client, programs: join(ground.stateDir, 'runtimes') })
  return { own: true, client, labels: [label], runtime, image: memoizeAsync((rootfs) => giveImage(rootfs)) }

  /**
   * Docker runs nothing but what it has imported, and importing copies: 1 GB and half a minute. So it imports a layer of one
   * empty file, and the image is mounted where the layer's files would be. It is a lower layer of an overlay: never written to.
   */
  async function giveImage(rootfs: string): Promise<string> {
    const digest = createHash('sha256').update(rootfs).digest('hex').slice(0, 12)
    const folder = join(ground.stateDir, 'layers', digest)
    mkdirSync(folder, { recursive: true })
    // Or two images would be one and the same empty layer.
    writeFileSync(join(folder, digest), '')
    const name = `isobench:${digest}`
    await ground.run(ground.wrap(importingFolder(client, folder, name, label)))
    const layer = await dockerQuery({ client }, 'image', 'inspect', '--format', '{{.GraphDriver.Data.UpperDir}}', name)
    await ground.run(['nsenter', `--target=${pid}`, '--mount', 'mount', '--bind', rootfs, layer])
    return name
  }
}

async function until(isThere: () => boolean, isAlive: () => boolean): Promise<void> {
  for (let tries = 0; !isThere() && isAlive(); tries++) {
    if (tries > 3000) throw new HostError('dockerd did not start within 30 s')
    await sleep(10)
  }
}
