import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { copyFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { basename, join } from 'node:path'
import type { ImageConfig } from '../../dsl/config.ts'
import type { TraceSource } from '../../dsl/traced.ts'
import { cgroupExecArgv, type Limits, makeCgroup, setMemoryLimit } from '../../host/cgroup.ts'
import { removeResource } from '../../host/cleanup.ts'
import { type CleanupProcess, startCleanupProcess } from '../../host/cleanup-process.ts'
import { assignCpus, type CpuAssignment, cpuSetsOf } from '../../host/cpus.ts'
import { inChroot } from '../../host/environment.ts'
import { makeDataFolder, makeGuestFolder } from '../../host/guest-folder.ts'
import { ensureImage, type Image } from '../../host/image.ts'
import { CleanupJournal, openJournals } from '../../host/journal.ts'
import {
  housekeepingGroup,
  type Load,
  loadBetween,
  readCounters,
  runnableCount,
  sessionUsage,
} from '../../host/load.ts'
import { lockHost } from '../../host/lock.ts'
import { memoryForGuests, readMemory } from '../../host/memory-info.ts'
import { createBusyboxRootfs, mountChroot } from '../../host/mounts.ts'
import { inNetns, Network } from '../../host/network.ts'
import { guestsFolder } from '../../host/paths.ts'
import { wrapHostCommands } from '../../host/process.ts'
import {
  createGuestSandbox,
  type GuestSandboxOptions,
  type OwnedGuestSandbox,
  RunResources,
  type TraceHooks,
} from '../../host/sandbox.ts'
import { traceSources } from '../../tracing/sources.ts'
import { Tracer } from '../../tracing/tracer.ts'
import { programPath } from '../../util/assets.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import { UnsupportedError } from '../../util/errors.ts'
import { useUsualUmask } from '../../util/umask.ts'
import type { Environment } from '../model/record.ts'
import type { Project } from '../project/config.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { ensureArtifacts } from './artifacts.ts'
import { readEnvironment } from './environment.ts'
import type { LoadClientHost, LoadClientTarget } from './exec-target.ts'
import type { EnsureArtifactsOptions, GuestGroup, Session, SessionOptions } from './session.ts'

/** Removes the tracers of killed runs. They slow down the whole host, so this does not wait for `isobench clean`. */
async function removeStaleTracers(): Promise<void> {
  for (const { ownerAlive, entries } of openJournals()) {
    if (ownerAlive) continue
    for (const entry of entries) if (entry.kind === 'tracer') await removeResource(entry)
  }
}

/** What a session consists of. A session that is derived from another one shares most of it. */
interface SessionParts extends Pick<HostSession, 'journal' | 'network' | 'cpus' | 'limits' | 'signal' | 'prefix'> {
  /** The prefix of the session that holds the lock. All guests count as isobench's own load. */
  readonly rootPrefix: string
  /** What is disposed of with the session. */
  readonly resources: AsyncDisposableStack
  readonly cleanup: { readonly process: CleanupProcess; readonly purpose: string }
  /** Those of another session with the same limits. Default: own ones. */
  readonly runResources?: RunResources
  /** Those of another session with the same limits. Default: none yet. */
  readonly tracers?: Map<TraceSource, Promise<Tracer>>
}

/** The lock of the host, a cleanup journal, and the load client's network namespace. */
export class HostSession implements Session {
  readonly journal: CleanupJournal
  readonly network: Network
  readonly cpus: CpuAssignment
  readonly limits: Limits
  readonly signal: AbortSignal
  /** The first part of the name of each object that the session creates. */
  readonly prefix: string
  readonly #rootPrefix: string
  readonly #resources: AsyncDisposableStack
  readonly #cleanup: SessionParts['cleanup']
  readonly #runResources: RunResources
  readonly #tracers: Map<TraceSource, Promise<Tracer>>
  #created = 0

  private constructor({ journal, network, cpus, limits, signal, prefix, ...own }: SessionParts) {
    this.journal = journal
    this.network = network
    this.cpus = cpus
    this.limits = limits
    this.signal = signal
    this.prefix = prefix
    this.#rootPrefix = own.rootPrefix
    this.#resources = own.resources
    this.#cleanup = own.cleanup
    this.#runResources = own.runResources ?? new RunResources({ journal, network, cpus: limits.cpus, signal, prefix })
    this.#tracers = own.tracers ?? new Map()
  }

  /**
   * Locks the host and opens a session.
   * @throws {LockedError} if another isobench process has the host and `wait` is false
   */
  static async open(this: void, guest: Project['guest'], options: SessionOptions): Promise<HostSession> {
    await using resources = new AsyncDisposableStack()
    const { purpose, signal } = options
    // Every process listens to the signal, and all platforms are probed at once.
    setMaxListeners(0, signal)
    const cpus = assignCpus(guest.cpus)
    const hostLock = await lockHost(options)
    resources.defer(() => hostLock[Symbol.dispose]())
    const umask = useUsualUmask()
    resources.defer(() => umask[Symbol.dispose]())
    await removeStaleTracers()
    const cleanup = { process: startCleanupProcess(purpose), purpose }
    resources.defer(() => cleanup.process[Symbol.dispose]())
    const prefix = `isob-${randomBytes(3).toString('hex')}`
    const journal = CleanupJournal.start(prefix, removeResource, options.onLeft)
    // The group is the first entry and so the last one to be removed, after the commands that remove the others.
    const group = housekeepingGroup(prefix)
    // Once, because it reads the mounts and controllers of the host.
    const entering = cgroupExecArgv(group, [])
    const wrapping = wrapHostCommands((argv) => [...entering, ...argv])
    resources.defer(() => wrapping[Symbol.dispose]())
    resources.use(journal)
    const all = [...new Set([...cpus.guest, ...cpus.client])]
    await journal.create({ kind: 'cgroup', name: group }, () =>
      makeCgroup(group, { cpus: all, memoryBytes: totalmem() }),
    )
    const network = await Network.open(journal, prefix)
    const limits = { ...guest, cpus: cpus.guest }
    const names = { prefix, rootPrefix: prefix }
    return new HostSession({ journal, network, cpus, limits, signal, ...names, resources: resources.move(), cleanup })
  }

  withSignal(signal: AbortSignal): HostSession {
    return this.#derive({ signal, runResources: this.#runResources, tracers: this.#tracers })
  }

  withCpus(cpus: readonly number[]): HostSession {
    return this.#derive({ limits: { ...this.limits, cpus } })
  }

  #derive(changed: Partial<Pick<SessionParts, 'signal' | 'limits' | 'runResources' | 'tracers'>>): HostSession {
    const { journal, network, cpus, limits, signal } = this
    return new HostSession({
      ...{ journal, network, cpus, limits, signal },
      prefix: `${this.prefix}-${this.#created++}`,
      rootPrefix: this.#rootPrefix,
      resources: new AsyncDisposableStack(),
      cleanup: this.#cleanup,
      ...changed,
    })
  }

  noteSample(name?: string): void {
    this.#cleanup.process.note(name === undefined ? this.#cleanup.purpose : `measuring ${name}`)
  }

  createSandbox(rootfs: string, timeout: number, hooks?: TraceHooks): Promise<OwnedGuestSandbox> {
    return this.#createSandbox({ rootfs, timeout, limits: this.limits }, hooks)
  }

  #createSandbox(
    own: Pick<GuestSandboxOptions, 'rootfs' | 'timeout' | 'limits' | 'parentGroup'>,
    hooks?: TraceHooks,
  ): Promise<OwnedGuestSandbox> {
    const id = `${this.prefix}-${this.#created++}`
    const { journal, network, signal } = this
    const runResources = this.#runResources
    const oncePerRun: OwnedGuestSandbox['oncePerRun'] = async (name, create) => {
      const resource = await runResources.getOrCreate(name, create)
      hooks?.shared(runResources.cgroupOf(name))
      return resource
    }
    const groupOf = (resource: string) => runResources.cgroupOf(resource)
    const shared = { journal, network, id, oncePerRun, groupOf, signal }
    return createGuestSandbox({ ...own, ...shared, ...(hooks && { traceHooks: hooks }) })
  }

  async createGuestGroup(): Promise<GuestGroup> {
    const { limits } = this
    const name = `${this.prefix}-${this.#created++}`
    const cpus = [...new Set([...limits.cpus, ...this.cpus.guest, ...this.cpus.client])]
    const memoryBytes = memoryForGuests(readMemory())
    if (memoryBytes < limits.memoryBytes)
      throw new UnsupportedError(
        `this host can give ${Math.floor(memoryBytes / 1024 ** 2)} MiB to guests now, less than the memory of one`,
        'stop other processes, or lower guest.memory in isobench.config.ts',
      )
    await using stack = new AsyncDisposableStack()
    stack.use(await this.journal.create({ kind: 'cgroup', name }, () => makeCgroup(name, { cpus, memoryBytes })))
    this.#runResources.setCpus(cpus)
    stack.defer(() => this.#runResources.setCpus(limits.cpus))
    const resources = stack.move()
    return {
      memoryBytes,
      limitMemory: (bytes) => setMemoryLimit(name, bytes),
      cpuSets: cpuSetsOf(cpus, limits.cpus.length),
      createSandbox: (rootfs, timeout, own) =>
        this.#createSandbox({ rootfs, timeout, limits: { ...limits, cpus: own }, parentGroup: name }),
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    }
  }

  tracer(source: TraceSource): Promise<Tracer> {
    const { journal, limits, prefix } = this
    const known = this.#tracers.get(source)
    const tracer =
      known ?? Tracer.open(traceSources[source], { journal, name: `${prefix}-${source}`, cpus: limits.cpus })
    this.#tracers.set(source, tracer)
    return tracer
  }

  /** The client runs on the guests' image and under their memory limit, but has its own namespace and CPUs. */
  async loadClient(rootfs: string): Promise<LoadClientHost> {
    const id = `${this.prefix}-client`
    const directory = join(guestsFolder(), id)
    const [data, view] = [join(directory, 'data'), join(directory, 'view')]
    const create = () => void makeDataFolder(makeGuestFolder(id))
    await this.journal.create({ kind: 'directory', path: directory }, create)
    // The embedded YCSB, which the image's node runs. See `tools/ycsb`.
    copyFileSync(programPath('ycsb.mjs'), join(data, 'ycsb.mjs'))
    await mountChroot(rootfs, view, data)
    await this.journal.create({ kind: 'cgroup', name: id }, () =>
      makeCgroup(id, { ...this.limits, cpus: this.cpus.client }),
    )
    const within = (netns: string): LoadClientTarget => {
      const enterHost = (argv: readonly string[]) => cgroupExecArgv(id, inNetns(netns, argv))
      return {
        name: 'the client',
        rootfs,
        cpus: this.cpus.client.length,
        execArgv: (argv) => enterHost(inChroot(view, argv)),
        enterHost,
        cpuSeconds: () => {
          const usage = sessionUsage(this.prefix)
          return usage && usage.client / 1e9
        },
      }
    }
    return { ...within(this.network.clientNetns), inNetns: (netns) => within(basename(netns)) }
  }

  async busyboxRootfs(): Promise<string> {
    const name = `${this.prefix}-probe`
    const path = join(guestsFolder(), name)
    await this.journal.create({ kind: 'directory', path }, () => void makeGuestFolder(name))
    createBusyboxRootfs(path)
    return path
  }

  startLoadMeter(cpus = this.cpus): () => Load {
    const from = readCounters(cpus, this.#rootPrefix)
    return () => {
      const runnable = runnableCount()
      return loadBetween(from, readCounters(cpus, this.#rootPrefix), cpus, runnable)
    }
  }

  ensureImage(image: ImageConfig, onLine: (line: string) => void): Promise<Image> {
    return ensureImage(image, { journal: this.journal, signal: this.signal, onLine })
  }

  ensureArtifacts(
    platforms: readonly ResolvedPlatform[],
    rootfs: string | undefined,
    { onLine, skipEmulated }: EnsureArtifactsOptions,
  ): Promise<void> {
    return ensureArtifacts(platforms, rootfs, { journal: this.journal, signal: this.signal, onLine }, skipEmulated)
  }

  readEnvironment(project: Project, image: Image): Promise<Environment> {
    const guest = { ...this.limits, cpus: [...this.limits.cpus] }
    return readEnvironment(project, guest, image.digest)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources[Symbol.asyncDispose]()
  }
}
