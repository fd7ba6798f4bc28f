import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { AsyncDisposableStack } from '../util/async-disposable-stack.ts'
import { IsobenchError, lastLines } from '../util/errors.ts'
import { cgroupExecArgv, cgroupName, cgroupPath, type Limits, makeCgroup } from './cgroup.ts'
import type { CleanupJournal } from './journal.ts'
import { guestsFolder } from './lock.ts'
import { mountChroot } from './mounts.ts'
import { inNetns, type Network, type Tap } from './network.ts'
import { type HostArgv, killProcessGroup, safeCwd } from './process.ts'

/** The host process that was to boot a guest, or to stay for it, failed. */
export class BootError extends IsobenchError {
  readonly code = 'ISOBENCH_BOOT'
}

/** `timeout`: seconds that a command may take. */
export interface LaunchOptions {
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Wraps the argv of each. */
  readonly launch?: (argv: HostArgv) => HostArgv
}

/** Runs and starts host processes whose output goes to a log in `directory`. */
export function sandboxProcesses(
  directory: string,
  { timeout, signal, launch = (argv) => argv }: LaunchOptions,
): Pick<HostSandbox, 'run' | 'spawn'> {
  return {
    run: async (argv) => {
      signal?.throwIfAborted()
      const started = startLogged(launch(argv), directory)
      const end = () => killProcessGroup(started.pid)
      const timer = setTimeout(end, timeout * 1000)
      signal?.addEventListener('abort', end)
      try {
        const how = await started.ended
        if (how !== 'exit code 0') throw started.failure(how)
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
      }
    },
    spawn: async (argv) => {
      const started = startLogged(launch(argv), directory)
      const early = await Promise.race([started.ended, new Promise<void>((resolve) => setImmediate(resolve))])
      if (typeof early === 'string') throw started.failure(early)
      return started.pid
    },
  }
}

/** Starts a host process with its output in a log, so that what it leaves running holds no pipe of ours. */
function startLogged(argv: HostArgv, directory: string) {
  const log = join(directory, 'boot.log')
  const descriptor = openSync(log, 'a')
  const [file, ...args] = argv
  const child = spawn(file, args, {
    cwd: safeCwd(),
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  })
  closeSync(descriptor)
  child.unref()
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(code === null ? `ended by ${signal}` : `exit code ${code}`))
  })
  return {
    pid: child.pid ?? -1,
    ended,
    failure: (how: string) => {
      const said = lastLines(readFileSync(log, 'utf8')).join(' | ')
      return new BootError(`${argv.join(' ')}: ${how}${said ? `: ${said}` : ''}`)
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
  readonly signal?: AbortSignal
  /** Seconds that booting may take. */
  readonly timeout: number
  readonly traceHooks?: TraceHooks
}

/** How a place's host processes are watched. */
export interface TraceHooks {
  /** Wraps the argv of every host process that boots the guest or stays for it. */
  launch(argv: HostArgv): HostArgv
  /** Called with the cgroup of what serves the whole run, such as a daemon, each time that this guest asks for it. */
  shared(group: string): void
}

/** A place that was made, with how to take it down: everything in it ends first. */
export interface OwnedGuestSandbox extends GuestSandbox, AsyncDisposable {
  /** The cgroup's name, to freeze it. */
  readonly group: string
}

/** Makes a directory, a network namespace with a link, and a cgroup for one guest. */
export async function createGuestSandbox(options: GuestSandboxOptions): Promise<OwnedGuestSandbox> {
  const { journal, network, id, rootfs, limits, traceHooks: watch } = options
  const directory = join(guestsFolder(), id)
  const data = join(directory, 'data')
  await using stack = new AsyncDisposableStack()
  stack.use(await journal.create({ kind: 'directory', path: directory }, () => mkdirSync(data, { recursive: true })))
  const { link, undo } = await network.link(id)
  stack.use(undo)
  const taps = stack.use(new AsyncDisposableStack())
  stack.use(await journal.create({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
  const made = stack.move()
  let tap: Promise<Tap> | undefined
  let view: Promise<string> | undefined
  const inside = (argv: HostArgv) => cgroupExecArgv(id, inNetns(link.netns, argv))
  return {
    id,
    group: id,
    stateDir: directory,
    rootfs,
    dataDir: data,
    limits,
    netns: `/run/netns/${link.netns}`,
    address: link.address,
    cgroupPath: cgroupPath(id),
    cgroupName: (child) => cgroupName(id, child),
    wrap: inside,
    tap: (user) => {
      tap ??= network.tap(link, user).then(({ tap, undo }) => {
        // The monitor that holds it ends with the cgroup, which goes first.
        taps.use(undo)
        return tap
      })
      return tap
    },
    wrapWithTap: (argv) => cgroupExecArgv(id, inNetns(network.clientNetns, argv)),
    chrootDir: () => {
      const at = join(directory, 'view')
      view ??= mountChroot(rootfs, at, data).then(() => at)
      return view
    },
    oncePerRun: options.oncePerRun,
    ...sandboxProcesses(directory, { ...options, ...(watch && { launch: (argv) => watch.launch(argv) }) }),
    onCleanup: async (what, argv) => {
      made.use(await journal.create({ kind: 'command', what, argv, group: id }, () => {}))
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}

/** Seconds that a command for the whole run may take, such as copying the image into a daemon's store. */
const timeout = 600

export interface RunSandboxOptions {
  readonly journal: CleanupJournal
  readonly network: Network
  readonly id: string
  /** The guests' CPUs: a daemon's work for a guest is the platform's own, and has no more CPUs than the guest. */
  readonly cpus: readonly number[]
  readonly signal: AbortSignal
}

/** Makes a directory, a network namespace and a cgroup that last until the run ends, and no longer. */
export async function createRunSandbox(options: RunSandboxOptions): Promise<RunSandbox & AsyncDisposable> {
  const { journal, network, id, cpus, signal } = options
  const directory = join(guestsFolder(), id)
  await using stack = new AsyncDisposableStack()
  stack.use(
    await journal.create({ kind: 'directory', path: directory }, () => mkdirSync(directory, { recursive: true })),
  )
  stack.use(await network.namespace(id))
  // What a daemon takes for itself is not taken from a guest's memory.
  const limits = { cpus, memoryBytes: totalmem() }
  stack.use(await journal.create({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
  const made = stack.move()
  return {
    id,
    stateDir: directory,
    netns: `/run/netns/${id}`,
    cgroupPath: cgroupPath(id),
    subnet: network.subnet(),
    clientNetns: `/run/netns/${network.clientNetns}`,
    wrap: (argv) => cgroupExecArgv(id, inNetns(id, argv)),
    ...sandboxProcesses(directory, { timeout, signal }),
    onCleanup: async (what, argv) => {
      made.use(await journal.create({ kind: 'command', what, argv }, () => {}))
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}

/** What platforms have made for this run, by name. All of it ends with the journal. */
export class RunResources {
  readonly #kept = new Map<string, Promise<unknown>>()

  constructor(private readonly options: Omit<RunSandboxOptions, 'id'> & { readonly prefix: string }) {}

  /** The cgroup of what is made under this name. */
  cgroupOf(name: string): string {
    return `${this.options.prefix}-${name}`
  }

  /** See `Place.forRun`. What could not be made is undone, and made anew for whoever asks next. */
  async getOrCreate<T>(name: string, create: (ground: RunSandbox) => Promise<T>): Promise<T> {
    const kept = this.#kept.get(name) ?? this.#make(name, create)
    this.#kept.set(name, kept)
    return (await kept) as T
  }

  async #make<T>(name: string, make: (ground: RunSandbox) => Promise<T>): Promise<T> {
    try {
      await using undone = new AsyncDisposableStack()
      const ground = undone.use(await createRunSandbox({ ...this.options, id: this.cgroupOf(name) }))
      const made = await make(ground)
      undone.move()
      return made
    } catch (error) {
      this.#kept.delete(name)
      throw error
    }
  }
}

/** Where host processes of a platform run, and end: isobench kills what is in its cgroup and unmounts what is below it. */
export interface HostSandbox {
  /** Unique on this machine, at most 24 characters of `[a-z0-9-]`. */
  readonly id: string
  /** A folder of its own, for bundles, sockets and state. */
  readonly stateDir: string
  /** A network namespace of its own, `/run/netns/…`. */
  readonly netns: string
  /** Where an OCI runtime is to put its container: the cgroup path that it is given. */
  readonly cgroupPath: string
  /** Wraps argv so that it runs inside the cgroup and the network namespace. */
  wrap(argv: HostArgv): HostArgv
  /** Runs a host command to its end. Its output goes to a log, because what it leaves running may keep the pipes. */
  run(argv: HostArgv): Promise<void>
  /** Starts a host process that stays; resolves with its pid. Its stderr is quoted when it ends early. */
  spawn(argv: HostArgv): Promise<number>
  /**
   * Says, before it is made, what the platform makes where ending this ground does not reach, such as a container of a
   * daemon. `argv` removes it, and succeeds when there is nothing to remove: at the end, or by `isobench clean`.
   */
  onCleanup(description: string, argv: HostArgv): Promise<void>
}

/** Where a platform keeps what serves the guests of a whole run, such as a daemon. It ends with the run. */
export interface RunSandbox extends HostSandbox {
  /** The first three octets of a /24 for a bridge: nothing else on this machine has addresses in it. */
  readonly subnet: string
  /** isobench's client namespace, from which guests are called on: `/run/netns/…`. */
  readonly clientNetns: string
}

/**
 * All that isobench prepares for one guest before it asks the driver. Whatever a driver starts inside it ends with it:
 * isobench kills what is in the cgroup, unmounts what is below the directory, and removes both and the namespace, which
 * has `lo` and, with `address`, `eth0`.
 */
export interface GuestSandbox extends HostSandbox {
  /** The image: a root filesystem, never to be written to. */
  readonly rootfs: string
  /** On the host; to be mounted at `/data`. */
  readonly dataDir: string
  readonly limits: Limits
  readonly address: string
  /** `containerGroup` for runtimes that want a name relative to each hierarchy. */
  cgroupName(child: string): string
  /** The image as a tree to chroot into, with /proc, /dev, /tmp, /run and /data. Made when first asked for. */
  chrootDir(): Promise<string>
  /** What `make` has made under this name in this run: made by whoever asks first, while the others wait for it. */
  oncePerRun<T>(name: string, create: (sandbox: RunSandbox) => Promise<T>): Promise<T>
  /**
   * For a guest with a kernel of its own: puts a tap in the place of the veth pair. It is in isobench's client namespace, so
   * what opens it is started by `insideTap`. `user`: whose it is, for what opens it as another than root. A guest has one tap, made
   * for whom it was first asked for.
   */
  tap(user?: number): Promise<Tap>
  /** Wraps argv so that it runs inside the cgroup and where the tap is. */
  wrapWithTap(argv: HostArgv): HostArgv
}
