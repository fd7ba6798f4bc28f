import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { copyFileSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Undoing } from '../disposable.ts'
import type { Instrument } from '../dsl/traced.ts'
import { program } from '../entries.ts'
import { inCgroup, type Limits, makeCgroup } from '../guest/cgroup.ts'
import { assignCores, type Cores } from '../guest/cores.ts'
import { Ledger, ledgers } from '../guest/ledger.ts'
import { type Holder, lock } from '../guest/lock.ts'
import { inNetns, Network } from '../guest/network.ts'
import { guestsFolder, lockName } from '../guest/paths.ts'
import { type OpenPlace, openPlace, type Watch } from '../guest/place.ts'
import { RunKeeper } from '../guest/run-ground.ts'
import { instruments } from '../guest/trace/index.ts'
import { Tracer } from '../guest/trace/tracer.ts'
import { undo } from '../guest/undo.ts'
import { usageOf } from '../guest/usage.ts'
import { makeView } from '../guest/view.ts'
import type { Caller, ClientPlace } from './measure/enterable.ts'
import type { Project } from './project.ts'

export interface SessionOptions {
  readonly purpose: string
  readonly wait: boolean
  readonly onWait?: (holder: Holder) => void
  readonly signal: AbortSignal
}

/** Takes off what a killed run left tracing: unlike its other leftovers, that slows the whole host down. */
async function undoForgottenTracers(): Promise<void> {
  const dead = ledgers().filter(({ ownerAlive }) => !ownerAlive)
  for (const entry of dead.flatMap(({ entries }) => entries)) if (entry.kind === 'tracer') await undo(entry)
}

/** What one process of isobench holds of the machine: the lock, a ledger, the client's namespace. Disposing gives it back. */
export class Session implements AsyncDisposable {
  #guests = 0
  readonly #keeper: RunKeeper

  private constructor(
    readonly ledger: Ledger,
    readonly network: Network,
    readonly cores: Cores,
    readonly limits: Limits,
    readonly signal: AbortSignal,
    /** What the names of all that it makes begin with. */
    readonly prefix: string,
    private readonly held: Undoing,
    keeper?: RunKeeper,
    private readonly tracers = new Map<Instrument, Promise<Tracer>>(),
  ) {
    this.#keeper = keeper ?? new RunKeeper({ ledger, network, cpus: limits.cpus, signal, prefix })
  }

  /** Takes the machine. @throws LockedError when another isobench has it and `wait` is not set. */
  static async open(guest: Project['guest'], options: SessionOptions): Promise<Session> {
    await using held = new Undoing()
    const { purpose, wait, signal, onWait } = options
    // Everything that runs listens to it, and all platforms are probed at once.
    setMaxListeners(0, signal)
    const cores = assignCores(guest.cpus)
    const machine = await lock(lockName(), { purpose, wait, signal, ...(onWait && { onWait }) })
    held.defer(() => machine[Symbol.dispose]())
    await undoForgottenTracers()
    const prefix = `isob-${randomBytes(3).toString('hex')}`
    const ledger = held.use(Ledger.start(prefix, undo))
    const network = await Network.open(ledger, prefix)
    const limits = { cpus: cores.guest, memoryBytes: guest.memoryBytes }
    return new Session(ledger, network, cores, limits, signal, prefix, held.move())
  }

  /** The same machine under another signal, for work that may end before the session does. Disposing of it is nothing. */
  under(signal: AbortSignal): Session {
    const { ledger, network, cores, limits, prefix, tracers } = this
    const own = `${prefix}-${this.#guests++}`
    return new Session(ledger, network, cores, limits, signal, own, new Undoing(), this.#keeper, tracers)
  }

  /** The same machine for guests on other CPUs. Disposing of it is nothing. */
  on(cpus: readonly number[]): Session {
    const { ledger, network, cores, limits, signal, prefix } = this
    const own = `${prefix}-${this.#guests++}`
    return new Session(ledger, network, cores, { ...limits, cpus }, signal, own, new Undoing())
  }

  /** A place for a guest. `timeout`: seconds that booting may take. `watch`: for tracing what boots it. */
  place(rootfs: string, timeout: number, watch?: Watch): Promise<OpenPlace> {
    const id = `${this.prefix}-${this.#guests++}`
    const { ledger, network, limits, signal } = this
    const keeper = this.#keeper
    const forRun: OpenPlace['forRun'] = async (name, make) => {
      const kept = await keeper.keep(name, make)
      watch?.shared(keeper.groupOf(name))
      return kept
    }
    return openPlace({ ledger, network, id, rootfs, limits, forRun, signal, timeout, ...(watch && { watch }) })
  }

  /** The tracer of an instrument, set when it is first asked for. @throws InstrumentError where the kernel refuses it. */
  tracer(by: Instrument): Promise<Tracer> {
    const { ledger, limits, prefix } = this
    const known = this.tracers.get(by)
    const tracer = known ?? Tracer.open(instruments[by], { ledger, name: `${prefix}-${by}`, cpus: limits.cpus })
    this.tracers.set(by, tracer)
    return tracer
  }

  /** The client: the same image, in its own namespace and on its own CPUs, under the same memory limit. */
  async client(rootfs: string): Promise<Caller> {
    const id = `${this.prefix}-client`
    const directory = join(guestsFolder(), id)
    const [data, view] = [join(directory, 'data'), join(directory, 'view')]
    await this.ledger.make({ kind: 'directory', path: directory }, () => mkdirSync(data, { recursive: true }))
    // isobench's own clients, run by the image's node: see `tools/ycsb`.
    copyFileSync(program('ycsb.mjs'), join(data, 'ycsb.mjs'))
    await makeView(rootfs, view, data)
    await this.ledger.make({ kind: 'cgroup', name: id }, () =>
      makeCgroup(id, { ...this.limits, cpus: this.cores.client }),
    )
    const within = (netns: string): ClientPlace => {
      const enterHost = (argv: readonly string[]) => inCgroup(id, inNetns(netns, argv))
      return {
        name: 'the client',
        rootfs,
        cpus: this.cores.client.length,
        enter: (argv) => enterHost(['chroot', view, ...argv]),
        enterHost,
        cpuSeconds: () => {
          const usage = usageOf(this.prefix)
          return usage && usage.client / 1e9
        },
      }
    }
    return { ...within(this.network.clientNetns), joining: (netns) => within(basename(netns)) }
  }

  /** A directory that goes with the session. */
  async directory(name: string): Promise<string> {
    const path = join(guestsFolder(), `${this.prefix}-${name}`)
    await this.ledger.make({ kind: 'directory', path }, () => mkdirSync(path, { recursive: true }))
    return path
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.held[Symbol.asyncDispose]()
  }
}
