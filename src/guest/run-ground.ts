import { mkdirSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { Undoing } from '../disposable.ts'
import type { RunGround } from '../platforms/driver.ts'
import { containerGroup, inCgroup, makeCgroup } from './cgroup.ts'
import { launcher } from './launcher.ts'
import type { Ledger } from './ledger.ts'
import { inNetns, type Network } from './network.ts'
import { guestsFolder } from './paths.ts'

/** Seconds that a command for the whole run may take, such as copying the image into a daemon's store. */
const timeout = 600

export interface RunGroundOptions {
  readonly ledger: Ledger
  readonly network: Network
  readonly id: string
  /** The guests' CPUs: a daemon's work for a guest is the platform's own, and has no more CPUs than the guest. */
  readonly cpus: readonly number[]
  readonly signal: AbortSignal
}

/** Makes a directory, a network namespace and a cgroup that last until the run ends, and no longer. */
export async function openRunGround(options: RunGroundOptions): Promise<RunGround & AsyncDisposable> {
  const { ledger, network, id, cpus, signal } = options
  const directory = join(guestsFolder(), id)
  await using stack = new Undoing()
  stack.use(await ledger.make({ kind: 'directory', path: directory }, () => mkdirSync(directory, { recursive: true })))
  stack.use(await network.namespace(id))
  // What a daemon takes for itself is not taken from a guest's memory.
  const limits = { cpus, memoryBytes: totalmem() }
  stack.use(await ledger.make({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
  const made = stack.move()
  return {
    id,
    directory,
    netns: `/run/netns/${id}`,
    containerGroup: containerGroup(id),
    subnet: network.subnet(),
    clientNetns: `/run/netns/${network.clientNetns}`,
    inside: (argv) => inCgroup(id, inNetns(id, argv)),
    ...launcher(directory, { timeout, signal }),
    undoneBy: async (what, argv) => {
      made.use(await ledger.make({ kind: 'command', what, argv }, () => {}))
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}

/** What platforms have made for this run, by name. All of it ends with the ledger. */
export class RunKeeper {
  readonly #kept = new Map<string, Promise<unknown>>()

  constructor(private readonly options: Omit<RunGroundOptions, 'id'> & { readonly prefix: string }) {}

  /** The cgroup of what is made under this name. */
  groupOf(name: string): string {
    return `${this.options.prefix}-${name}`
  }

  /** See `Place.forRun`. What could not be made is undone, and made anew for whoever asks next. */
  async keep<T>(name: string, make: (ground: RunGround) => Promise<T>): Promise<T> {
    const kept = this.#kept.get(name) ?? this.#make(name, make)
    this.#kept.set(name, kept)
    return (await kept) as T
  }

  async #make<T>(name: string, make: (ground: RunGround) => Promise<T>): Promise<T> {
    try {
      await using undone = new Undoing()
      const ground = undone.use(await openRunGround({ ...this.options, id: this.groupOf(name) }))
      const made = await make(ground)
      undone.move()
      return made
    } catch (error) {
      this.#kept.delete(name)
      throw error
    }
  }
}
