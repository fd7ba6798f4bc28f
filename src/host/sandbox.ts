/**
 * Sandboxes: the state directory, cgroup and network namespace that isobench creates for a guest, or for a daemon that
 * serves a whole run. Removing a sandbox ends everything in it.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { GuestMemory } from '../dsl/guest.ts'
import { AsyncDisposableStack } from '../util/async-disposable-stack.ts'
import { IsobenchError, keyLines } from '../util/errors.ts'
import { withUsualUmask } from '../util/umask.ts'
import {
  cgroupExecArgv,
  cgroupName,
  cgroupPath,
  hasRefusedProcesses,
  killProcesses,
  type Limits,
  makeCgroup,
  oomKillCounter,
  setCpus,
  setFrozen,
} from './cgroup.ts'
import { GuestMemoryMeter } from './cgroup-memory.ts'
import { DataLimit } from './data-limit.ts'
import { hostEnvironment } from './environment.ts'
import { makeDataFolder, makeGuestFolder } from './guest-folder.ts'
import type { CleanupJournal } from './journal.ts'
import { makeDeviceNodes, mountChroot } from './mounts.ts'
import { inNetns, type Network, type Tap } from './network.ts'
import { guestsFolder } from './paths.ts'
import { type HostArgv, killProcessGroup, safeCwd } from './process.ts'

/**
 * A state directory, a cgroup and a network namespace for the host processes of a platform. Removing it kills the
 * processes in the cgroup and unmounts everything below the directory.
 */
export interface HostSandbox {
  /** Unique on this host, at most 24 characters of `[a-z0-9-]`. */
  readonly id: string
  /** Private directory for bundles, sockets and state. */
  readonly stateDir: string
  /** Path of the private network namespace, `/run/netns/...`. */
  readonly netns: string
  /** Cgroup path for an OCI runtime's container: `cgroupsPath` of the OCI specification. */
  readonly cgroupPath: string
  /** Returns argv that runs `argv` inside the cgroup and the network namespace. */
  wrap(argv: HostArgv): HostArgv
  /**
   * Returns a folder with the device nodes of `deviceNames`. Created on the first call. A platform that does not make
   * the nodes of its guests binds these, because the host's nodes may be broken, and root in a guest may change them.
   */
  deviceNodes(): Promise<string>
  /**
   * Runs a host command until it ends. Its output goes to a log.
   * @throws {BootError} with the end of the log if the exit code is not 0
   */
  run(argv: HostArgv): Promise<void>
  /**
   * Starts a host process and does not wait for it.
   * @returns its pid
   * @throws {BootError} if it ends at once
   */
  spawn(argv: HostArgv): Promise<number>
  /**
   * Registers a command that removes a resource outside of the sandbox, such as a daemon's container. Call it before
   * creating the resource. isobench runs `argv` when it removes the sandbox, or in `isobench clean`. It must succeed if
   * there is nothing to remove.
   */
  onCleanup(description: string, argv: HostArgv): Promise<void>
}

/** The sandbox of a resource that serves all guests of a run, such as a daemon. */
export interface RunSandbox extends HostSandbox {
  /** First three octets of a /24 for a bridge. Nothing else on this host has addresses in it. */
  readonly subnet: string
  /** Path of isobench's client namespace, from which the load generator connects to guests: `/run/netns/...`. */
  readonly clientNetns: string
}

/**
 * Everything that isobench prepares for one guest before it calls the driver. Removing it ends everything that the
 * driver started inside it. Its network namespace has `lo`, and `eth0` with `address`.
 */
export interface GuestSandbox extends HostSandbox {
  /** The image: a root filesystem. Do not write to it. */
  readonly rootfs: string
  /** Host directory to mount at `/data`, with `nosuid` and `nodev`. */
  readonly dataDir: string
  readonly limits: Limits
  readonly address: string
  /** The cgroup's name in isobench's parent cgroup. It is not the id if the guest is in a group of guests. */
  readonly group: string
  /** Returns the name of a child cgroup, for runtimes that expect a name relative to each hierarchy. */
  cgroupName(child: string): string
  /** Returns the image as a tree to chroot into, with /proc, /dev, /tmp, /run and /data. Created on the first call. */
  chrootDir(): Promise<string>
  /** Returns the resource `name` of this run. The first caller creates it, concurrent callers wait for it. */
  oncePerRun<T>(name: string, create: (sandbox: RunSandbox) => Promise<T>): Promise<T>
  /**
   * Replaces the veth pair with a tap, for a VM. The tap is in isobench's client namespace, so start the VMM with
   * `wrapWithTap`. A guest has one tap; later calls return it.
   * @param user owner of the tap, if the VMM does not run as root
   */
  tap(user?: number): Promise<Tap>
  /** Returns argv that runs `argv` inside the cgroup and in the namespace of the tap. */
  wrapWithTap(argv: HostArgv): HostArgv
}

/** A host process that boots or serves a guest failed. */
export class BootError extends IsobenchError {
  readonly code = 'ISOBENCH_BOOT'
}

export interface LaunchOptions {
  /** Seconds that a command may take. */
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Wraps the argv of each process. */
  readonly launch?: (argv: HostArgv) => HostArgv
}

/**
 * Runs a process in the cgroup of a sandbox, so that removing the sandbox ends it even if this process was killed. A
 * command from `wrap` is in the cgroup already.
 */
export function insideCgroup(name: string, argv: HostArgv): HostArgv {
  const entering = cgroupExecArgv(name, [])
  return entering.every((word, at) => argv[at] === word) ? argv : [...entering, ...argv]
}

/** Creates `deviceNodes` of a sandbox. Removing the state directory unmounts them. */
function deviceNodesIn(stateDir: string): HostSandbox['deviceNodes'] {
  const folder = join(stateDir, 'devices')
  let made: Promise<string> | undefined
  return () => {
    made ??= makeDeviceNodes(folder).then(() => folder)
    return made
  }
}

/** Creates `run` and `spawn` of a sandbox. Processes write their output to a log in `directory`. */
export function sandboxProcesses(
  directory: string,
  { timeout, signal, launch = (argv) => argv }: LaunchOptions,
): Pick<HostSandbox, 'run' | 'spawn'> {
  return {
    run: async (argv) => {
      signal?.throwIfAborted()
      const started = startLogged(launch(argv), directory)
      const kill = () => killProcessGroup(started.pid)
      const timer = setTimeout(kill, timeout * 1000)
      signal?.addEventListener('abort', kill)
      try {
        const outcome = await started.ended
        if (outcome !== 'exit code 0') throw started.failure(outcome)
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener('abort', kill)
      }
    },
    spawn: async (argv) => {
      const startedProcess = startLogged(launch(argv), directory)
      const outcome = await Promise.race([startedProcess.ended, new Promise<void>((resolve) => setImmediate(resolve))])
      if (typeof outcome === 'string') throw startedProcess.failure(outcome)
      return startedProcess.pid
    },
  }
}

/**
 * Starts a process with its output in a log. With a pipe, a process that it leaves running would keep the pipe open.
 */
function startLogged(argv: HostArgv, directory: string) {
  const log = join(directory, 'boot.log')
  const descriptor = openSync(log, 'a')
  const [file, ...args] = argv
  const child = withUsualUmask(() =>
    spawn(file, args, {
      cwd: safeCwd(),
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
      env: hostEnvironment(),
    }),
  )
  closeSync(descriptor)
  child.unref()
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(code === null ? `ended by ${signal}` : `exit code ${code}`))
  })
  return {
    pid: child.pid ?? -1,
    ended,
    failure: (outcome: string) => {
      const logLines = keyLines(readFileSync(log, 'utf8')).join(' | ')
      return new BootError(`${argv.join(' ')}: ${outcome}${logLines ? `: ${logLines}` : ''}`)
    },
  }
}

export interface GuestSandboxOptions {
  readonly journal: CleanupJournal
  readonly network: Network
  readonly id: string
  readonly rootfs: string
  readonly limits: Limits
  readonly oncePerRun: GuestSandbox['oncePerRun']
  /** Returns the cgroup of a resource of the run, by its name. */
  readonly groupOf: (resource: string) => string
  readonly signal?: AbortSignal
  /** Seconds that booting may take. */
  readonly timeout: number
  readonly traceHooks?: TraceHooks
  /** The cgroup that the guest's cgroup is created in. The limits of both apply. Default: isobench's own. */
  readonly parentGroup?: string
}

/** How the host processes of a guest are traced. */
export interface TraceHooks {
  /** Wraps the argv of every host process that boots or serves the guest. */
  launch(argv: HostArgv): HostArgv
  /** Called with the cgroup of a resource of the whole run, such as a daemon, each time that this guest requests it. */
  shared(group: string): void
}

/** `processes`: the kernel refused one. `data`: isobench ended the guest, because its /data was too large. */
export type ExceededLimit = 'processes' | 'data'

/** A sandbox together with its removal, which ends everything in it. */
export interface OwnedGuestSandbox extends GuestSandbox, AsyncDisposable {
  /** Freezes or thaws every process of the sandbox. */
  setFrozen(frozen: boolean): Promise<void>
  /** How many of its processes the host's kernel has killed because memory ran out. */
  oomKillCount(): number
  /** The limit that the guest has tried to exceed, beside the one of memory. */
  exceededLimit(): ExceededLimit | undefined
  /**
   * What the guest costs the host now: all host processes of its sandbox, and the growth of the run's daemons.
   * @throws {HostError} if the kernel does not account for memory
   */
  memory(): GuestMemory
}

/** Creates a state directory, a network namespace with a link, and a cgroup for one guest. */
export async function createGuestSandbox(options: GuestSandboxOptions): Promise<OwnedGuestSandbox> {
  const { journal, network, id, rootfs, limits, traceHooks } = options
  const stateDir = join(guestsFolder(), id)
  const dataDir = join(stateDir, 'data')
  const group = options.parentGroup === undefined ? id : `${options.parentGroup}/${id}`
  await using stack = new AsyncDisposableStack()
  const create = () => void makeDataFolder(makeGuestFolder(id))
  stack.use(await journal.create({ kind: 'directory', path: stateDir }, create))
  const { link, undo } = await network.link(id)
  stack.use(undo)
  const taps = stack.use(new AsyncDisposableStack())
  stack.use(await journal.create({ kind: 'cgroup', name: group }, () => makeCgroup(group, limits)))
  const data =
    limits.dataBytes === undefined ? undefined : new DataLimit(dataDir, limits.dataBytes, () => killProcesses(group))
  if (data) stack.defer(() => data[Symbol.dispose]())
  const resources = stack.move()
  const meter = new GuestMemoryMeter(group)
  let tap: Promise<Tap> | undefined
  let chroot: Promise<string> | undefined
  const wrap = (argv: HostArgv) => cgroupExecArgv(group, inNetns(link.netns, argv))
  return {
    id,
    group,
    setFrozen: (frozen) => setFrozen(group, frozen),
    oomKillCount: oomKillCounter(group),
    exceededLimit: () => {
      // A guest may have filled /data since the latest look, and would spoil the next sample.
      data?.lookAtEnd()
      return data?.isExceeded ? 'data' : hasRefusedProcesses(group) ? 'processes' : undefined
    },
    stateDir,
    rootfs,
    dataDir,
    limits,
    netns: `/run/netns/${link.netns}`,
    address: link.address,
    cgroupPath: cgroupPath(group),
    cgroupName: (child) => cgroupName(group, child),
    wrap,
    tap: (user) => {
      tap ??= network.tap(link, user).then(({ tap, undo }) => {
        // Disposed after the cgroup, because the VMM has the tap open until it is killed with the cgroup.
        taps.use(undo)
        return tap
      })
      return tap
    },
    wrapWithTap: (argv) => cgroupExecArgv(group, inNetns(network.clientNetns, argv)),
    deviceNodes: deviceNodesIn(stateDir),
    chrootDir: () => {
      const path = join(stateDir, 'view')
      chroot ??= mountChroot(rootfs, path, dataDir).then(() => path)
      return chroot
    },
    oncePerRun: async (name, create) => {
      const resource = await options.oncePerRun(name, create)
      meter.addDaemon(options.groupOf(name))
      return resource
    },
    memory: () => meter.read(),
    ...sandboxProcesses(stateDir, {
      ...options,
      launch: (argv) => (traceHooks ? traceHooks.launch(insideCgroup(group, argv)) : insideCgroup(group, argv)),
    }),
    onCleanup: async (description, argv) => {
      resources.use(await journal.create({ kind: 'command', description, argv, group }, () => {}))
    },
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  }
}

/** Seconds that a command of a run sandbox may take, such as copying the image into a daemon's store. */
const runCommandTimeout = 600

export interface RunSandboxOptions {
  readonly journal: CleanupJournal
  readonly network: Network
  readonly id: string
  /** The guests' CPUs. A daemon works on behalf of guests, so it may not use more CPUs than they have. */
  readonly cpus: readonly number[]
  readonly signal: AbortSignal
}

/** Creates a state directory, a network namespace and a cgroup that exist until the run ends. */
export async function createRunSandbox(options: RunSandboxOptions): Promise<RunSandbox & AsyncDisposable> {
  const { journal, network, id, cpus, signal } = options
  const stateDir = join(guestsFolder(), id)
  await using stack = new AsyncDisposableStack()
  stack.use(await journal.create({ kind: 'directory', path: stateDir }, () => void makeGuestFolder(id)))
  stack.use(await network.namespace(id))
  // A daemon's own memory does not count towards the memory of a guest.
  const limits = { cpus, memoryBytes: totalmem() }
  stack.use(await journal.create({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
  const resources = stack.move()
  return {
    id,
    stateDir,
    netns: `/run/netns/${id}`,
    cgroupPath: cgroupPath(id),
    subnet: network.subnet(),
    clientNetns: `/run/netns/${network.clientNetns}`,
    wrap: (argv) => cgroupExecArgv(id, inNetns(id, argv)),
    deviceNodes: deviceNodesIn(stateDir),
    ...sandboxProcesses(stateDir, { timeout: runCommandTimeout, signal, launch: (argv) => insideCgroup(id, argv) }),
    onCleanup: async (description, argv) => {
      resources.use(await journal.create({ kind: 'command', description, argv }, () => {}))
    },
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  }
}

/** The resources that platforms share during a run, by name. The journal's cleanup removes them. */
export class RunResources {
  readonly #resources = new Map<string, Promise<unknown>>()
  /** The names of the resources that the current code creates. */
  readonly #creating = new AsyncLocalStorage<readonly string[]>()
  #cpus: readonly number[]

  constructor(private readonly options: Omit<RunSandboxOptions, 'id'> & { readonly prefix: string }) {
    this.#cpus = options.cpus
  }

  /** Moves the resources, and those that are created later, to other CPUs: those of the guests that they work for. */
  setCpus(cpus: readonly number[]): void {
    this.#cpus = cpus
    for (const name of this.#resources.keys()) setCpus(this.cgroupOf(name), cpus)
  }

  /** Returns the cgroup of the resource `name`. */
  cgroupOf(name: string): string {
    return `${this.options.prefix}-${name}`
  }

  /**
   * See `GuestSandbox.oncePerRun`. If creating the resource fails, it is removed and the next caller tries again.
   * @throws {BootError} if `create` of the resource calls it
   */
  async getOrCreate<T>(name: string, create: (sandbox: RunSandbox) => Promise<T>): Promise<T> {
    const outer = this.#creating.getStore() ?? []
    if (outer.includes(name))
      throw new BootError(
        `oncePerRun('${name}') is called while it creates '${name}', and would wait for itself`,
        'call it outside of the function that creates it, or use another name',
      )
    const resource = this.#resources.get(name) ?? this.#creating.run([...outer, name], () => this.#create(name, create))
    this.#resources.set(name, resource)
    return (await resource) as T
  }

  async #create<T>(name: string, create: (sandbox: RunSandbox) => Promise<T>): Promise<T> {
    try {
      await using stack = new AsyncDisposableStack()
      const sandbox = stack.use(await createRunSandbox({ ...this.options, cpus: this.#cpus, id: this.cgroupOf(name) }))
      const resource = await create(sandbox)
      stack.move()
      return resource
    } catch (error) {
      this.#resources.delete(name)
      throw error
    }
  }
}
