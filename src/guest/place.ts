import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Undoing } from '../disposable.ts'
import type { HostArgv, Place } from '../platforms/driver.ts'
import { containerGroup, inCgroup, type Limits, makeCgroup, relativeGroup } from './cgroup.ts'
import { launcher } from './launcher.ts'
import type { Ledger } from './ledger.ts'
import { inNetns, type Network, type Tap } from './network.ts'
import { guestsFolder } from './paths.ts'
import { makeView } from './view.ts'

export interface PlaceOptions {
  readonly ledger: Ledger
  readonly network: Network
  readonly id: string
  readonly rootfs: string
  readonly limits: Limits
  readonly forRun: Place['forRun']
  readonly signal?: AbortSignal
  /** Seconds that booting may take. */
  readonly timeout: number
  readonly watch?: Watch
}

/** How a place's host processes are watched. */
export interface Watch {
  /** Wraps the argv of every host process that boots the guest or stays for it. */
  launch(argv: HostArgv): HostArgv
  /** Called with the cgroup of what serves the whole run, such as a daemon, each time that this guest asks for it. */
  shared(group: string): void
}

/** A place that was made, with how to take it down: everything in it ends first. */
export interface OpenPlace extends Place, AsyncDisposable {
  /** The cgroup's name, to freeze it. */
  readonly group: string
}

/** Makes a directory, a network namespace with a link, and a cgroup for one guest. */
export async function openPlace(options: PlaceOptions): Promise<OpenPlace> {
  const { ledger, network, id, rootfs, limits, watch } = options
  const directory = join(guestsFolder(), id)
  const data = join(directory, 'data')
  await using stack = new Undoing()
  stack.use(await ledger.make({ kind: 'directory', path: directory }, () => mkdirSync(data, { recursive: true })))
  const { link, undo } = await network.link(id)
  stack.use(undo)
  const taps = stack.use(new Undoing())
  stack.use(await ledger.make({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
  const made = stack.move()
  let tap: Promise<Tap> | undefined
  let view: Promise<string> | undefined
  const inside = (argv: HostArgv) => inCgroup(id, inNetns(link.netns, argv))
  return {
    id,
    group: id,
    directory,
    rootfs,
    data,
    limits,
    netns: `/run/netns/${link.netns}`,
    address: link.address,
    containerGroup: containerGroup(id),
    relativeGroup: (child) => relativeGroup(id, child),
    inside,
    tap: (user) => {
      tap ??= network.tap(link, user).then(({ tap, undo }) => {
        // The monitor that holds it ends with the cgroup, which goes first.
        taps.use(undo)
        return tap
      })
      return tap
    },
    insideTap: (argv) => inCgroup(id, inNetns(network.clientNetns, argv)),
    view: () => {
      const at = join(directory, 'view')
      view ??= makeView(rootfs, at, data).then(() => at)
      return view
    },
    forRun: options.forRun,
    ...launcher(directory, { ...options, ...(watch && { launch: (argv) => watch.launch(argv) }) }),
    undoneBy: async (what, argv) => {
      made.use(await ledger.make({ kind: 'command', what, argv, group: id }, () => {}))
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}
