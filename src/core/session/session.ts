import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { copyFileSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TraceSource } from '../../dsl/traced.ts'
import { cgroupExecArgv, type Limits, makeCgroup } from '../../host/cgroup.ts'
import { removeResource } from '../../host/cleanup.ts'
import { assignCpus, type CpuAssignment } from '../../host/cpus.ts'
import { CleanupJournal, readJournals } from '../../host/journal.ts'
import { sessionUsage } from '../../host/load.ts'
import { type LockHolder, lock } from '../../host/lock.ts'
import { mountChroot } from '../../host/mounts.ts'
import { inNetns, Network } from '../../host/network.ts'
import { guestsFolder, hostLockPath } from '../../host/paths.ts'
import { createGuestSandbox, type OwnedGuestSandbox, RunResources, type TraceHooks } from '../../host/sandbox.ts'
import { instruments } from '../../tracing/sources.ts'
import { Tracer } from '../../tracing/tracer.ts'
import { programPath } from '../../util/assets.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import type { Project } from '../project/config.ts'
import type { LoadClientHost, LoadClientTarget } from './exec-target.ts'

export interface SessionOptions {
  readonly purpose: string
  readonly wait: boolean
  readonly onWait?: (holder: LockHolder) => void
  readonly signal: AbortSignal
}

/** Takes off what a killed run left tracing: unlike its other leftovers, that slows the whole host down. */
async function undoForgottenTracers(): Promise<void> {
  const dead = readJournals().filter(({ ownerAlive }) => !ownerAlive)
  for (const entry of dead.flatMap(({ entries }) => entries)) if (entry.kind === 'tracer') await removeResource(entry)
}

/** What one process of isobench holds of the machine: the lock, a journal, the client's namespace. Disposing gives it back. */
export class Session implements AsyncDisposable {
  #guests = 0
  readonly #keeper: RunResources

  private constructor(
    readonly journal: CleanupJournal,
    readonly network: Network,
    readonly cores: CpuAssignment,
    readonly limits: Limits,
    readonly signal: AbortSignal,
    /** What the names of all that it makes begin with. */
    readonly prefix: string,
    private readonly resources: AsyncDisposableStack,
    keeper?: RunResources,
    private readonly tracers = new Map<TraceSource, Promise<Tracer>>(),
  ) {
    this.#keeper = keeper ?? new RunResources({ journal, network, cpus: limits.cpus, signal, prefix })
  }

  /** Takes the machine. @throws LockedError when another isobench has it and `wait` is not set. */
  static async open(guest: Project['guest'], options: SessionOptions): Promise<Session> {
    await using resources = new AsyncDisposableStack()
    const { purpose, wait, signal, onWait } = options
    // Everything that runs listens to it, and all platforms are probed at once.
    setMaxListeners(0, signal)
    const cores = assignCpus(guest.cpus)
    const machine = await lock(hostLockPath(), { purpose, wait, signal, ...(onWait && { onWait }) })
    resources.defer(() => machine[Symbol.dispose]())
    await undoForgottenTracers()
    const prefix = `isob-${randomBytes(3).toString('hex')}`
    const journal = resources.use(CleanupJournal.start(prefix, removeResource))
    const network = await Network.open(journal, prefix)
    const limits = { cpus: cores.guest, memoryBytes: guest.memoryBytes }
    return new Session(journal, network, cores, limits, signal, prefix, resources.move())
  }

  /** The same machine under another signal, for work that may end before the session does. Disposing of it is nothing. */
  withSignal(signal: AbortSignal): Session {
    const { journal, network, cores, limits, prefix, tracers } = this
    const own = `${prefix}-${this.#guests++}`
    return new Session(journal, network, cores, limits, signal, own, new AsyncDisposableStack(), this.#keeper, tracers)
  }

  /** The same machine for guests on other CPUs. Disposing of it is nothing. */
  withCpus(cpus: readonly number[]): Session {
    const { journal, network, cores, limits, signal, prefix } = this
    const own = `${prefix}-${this.#guests++}`
    return new Session(journal, network, cores, { ...limits, cpus }, signal, own, new AsyncDisposableStack())
  }

  /** A place for a guest. `timeout`: seconds that booting may take. `watch`: for tracing what boots it. */
  createSandbox(rootfs: string, timeout: number, watch?: TraceHooks): Promise<OwnedGuestSandbox> {
    const id = `${this.prefix}-${this.#guests++}`
    const { journal, network, limits, signal } = this
    const keeper = this.#keeper
    const forRun: OwnedGuestSandbox['oncePerRun'] = async (name, make) => {
      const kept = await keeper.getOrCreate(name, make)
      watch?.shared(keeper.cgroupOf(name))
      return kept
    }
    return createGuestSandbox({
      journal,
      network,
      id,
      rootfs,
      limits,
      oncePerRun: forRun,
      signal,
      timeout,
      ...(watch && { traceHooks: watch }),
    })
  }

  /** The tracer of an instrument, set when it is first asked for. @throws InstrumentError where the kernel refuses it. */
  tracer(by: TraceSource): Promise<Tracer> {
    const { journal, limits, prefix } = this
    const known = this.tracers.get(by)
    const tracer = known ?? Tracer.open(instruments[by], { journal, name: `${prefix}-${by}`, cpus: limits.cpus })
    this.tracers.set(by, tracer)
    return tracer
  }

  /** The client: the same image, in its own namespace and on its own CPUs, under the same memory limit. */
  async client(rootfs: string): Promise<LoadClientHost> {
    const id = `${this.prefix}-client`
    const directory = join(guestsFolder(), id)
    const [data, view] = [join(directory, 'data'), join(directory, 'view')]
    await this.journal.create({ kind: 'directory', path: directory }, () => mkdirSync(data, { recursive: true }))
    // isobench's own clients, run by the image's node: see `tools/ycsb`.
    copyFileSync(programPath('ycsb.mjs'), join(data, 'ycsb.mjs'))
    await mountChroot(rootfs, view, data)
    await this.journal.create({ kind: 'cgroup', name: id }, () =>
      makeCgroup(id, { ...this.limits, cpus: this.cores.client }),
    )
    const within = (netns: string): LoadClientTarget => {
      const enterHost = (argv: readonly string[]) => cgroupExecArgv(id, inNetns(netns, argv))
      return {
        name: 'the client',
        rootfs,
        cpus: this.cores.client.length,
        execArgv: (argv) => enterHost(['chroot', view, ...argv]),
        enterHost,
        cpuSeconds: () => {
          const usage = sessionUsage(this.prefix)
          return usage && usage.client / 1e9
        },
      }
    }
    return { ...within(this.network.clientNetns), inNetns: (netns) => within(basename(netns)) }
  }

  /** A directory that goes with the session. */
  async directory(name: string): Promise<string> {
    const path = join(guestsFolder(), `${this.prefix}-${name}`)
    await this.journal.create({ kind: 'directory', path }, () => mkdirSync(path, { recursive: true }))
    return path
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resources[Symbol.asyncDispose]()
  }
}
