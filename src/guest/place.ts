import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AsyncDisposableStack } from '../disposable.ts'
import type { GuestSandbox, HostArgv } from '../platforms/driver.ts'
import { cgroupExecArgv, cgroupName, cgroupPath, type Limits, makeCgroup } from './cgroup.ts'
import { sandboxProcesses } from './launcher.ts'
import type { CleanupJournal } from './ledger.ts'
import { inNetns, type Network, type Tap } from './network.ts'
import { guestsFolder } from './paths.ts'
import { mountChroot } from './view.ts'

export interface GuestSandboxOptions {
  readonly ledger: CleanupJournal
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
  const { ledger, network, id, rootfs, limits, traceHooks: watch } = options
  const directory = join(guestsFolder(), id)
  const data = join(directory, 'data')
  await using stack = new AsyncDisposableStack()
  stack.use(await ledger.create({ kind: 'directory', path: directory }, () => mkdirSync(data, { recursive: true })))
  const { link, undo } = await network.link(id)
  stack.use(undo)
  const taps = stack.use(new AsyncDisposableStack())
  stack.use(await ledger.create({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
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
      made.use(await ledger.create({ kind: 'command', what, argv, group: id }, () => {}))
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}
