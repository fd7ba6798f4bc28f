import { mkdirSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { AsyncDisposableStack } from '../disposable.ts'
import type { RunSandbox } from '../platforms/driver.ts'
import { cgroupExecArgv, cgroupPath, makeCgroup } from './cgroup.ts'
import { sandboxProcesses } from './launcher.ts'
import type { CleanupJournal } from './ledger.ts'
import { inNetns, type Network } from './network.ts'
import { guestsFolder } from './paths.ts'

/** Seconds that a command for the whole run may take, such as copying the image into a daemon's store. */
const timeout = 600

export interface RunSandboxOptions {
  readonly ledger: CleanupJournal
  readonly network: Network
  readonly id: string
  /** The guests' CPUs: a daemon's work for a guest is the platform's own, and has no more CPUs than the guest. */
  readonly cpus: readonly number[]
  readonly signal: AbortSignal
}

/** Makes a directory, a network namespace and a cgroup that last until the run ends, and no longer. */
export async function createRunSandbox(options: RunSandboxOptions): Promise<RunSandbox & AsyncDisposable> {
  const { ledger, network, id, cpus, signal } = options
  const directory = join(guestsFolder(), id)
  await using stack = new AsyncDisposableStack()
  stack.use(
    await ledger.create({ kind: 'directory', path: directory }, () => mkdirSync(directory, { recursive: true })),
  )
  stack.use(await network.namespace(id))
  // What a daemon takes for itself is not taken from a guest's memory.
  const limits = { cpus, memoryBytes: totalmem() }
  stack.use(await ledger.create({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
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
      made.use(await ledger.create({ kind: 'command', what, argv }, () => {}))
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}

/** What platforms have made for this run, by name. All of it ends with the ledger. */
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
