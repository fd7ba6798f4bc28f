import type { LoadClientHost } from '../../src/core/session/exec-target.ts'
import type { GuestGroup, Session } from '../../src/core/session/session.ts'
import type { Limits } from '../../src/host/cgroup.ts'
import type { CpuAssignment } from '../../src/host/cpus.ts'
import type { Load } from '../../src/host/load.ts'
import type { HostArgv } from '../../src/host/process.ts'
import type { ExceededLimit, OwnedGuestSandbox } from '../../src/host/sandbox.ts'
import { TracerUnavailableError } from '../../src/tracing/tracer.ts'

/** Nothing but isobench runs on the host. */
export const quiet: Load = {
  steal: 0,
  otherProcesses: 0,
  otherProcessesOnClientCpus: null,
  cpuPressure: 0,
  runnable: 1,
}

/** What a fake host records about a sandbox. */
export interface FakeSandbox {
  readonly id: string
  /** The platform that booted in it, or `sandbox` before that. */
  name: string
  frozen: boolean
  oomKills: number
  exceededLimit?: ExceededLimit
}

/** The record that fake sessions and fake drivers share. */
export interface FakeHostState {
  /** What happened, in order: `boot runc`, `exec runc echo`, `freeze runc`, `remove runc`. */
  readonly events: string[]
  /** The sandboxes that exist. */
  readonly sandboxes: Map<string, FakeSandbox>
  /** The loads of the next samples; after them the host is quiet. */
  readonly loads: Load[]
  /** Adds an event. */
  record(event: string): void
}

/** A session without root and without processes. Its sandboxes only record what happens to them. */
export class FakeSession implements Session {
  readonly cpus: CpuAssignment = { guest: [1], client: [0] }
  #isReleased = false

  constructor(
    private readonly host: FakeHostState,
    readonly signal: AbortSignal,
    readonly limits: Limits = { cpus: [1], memoryBytes: 1024 ** 3, processes: 4096 },
    private readonly isRoot = true,
  ) {}

  noteSample(): void {}

  async createSandbox(rootfs: string): Promise<OwnedGuestSandbox> {
    this.signal.throwIfAborted()
    const { host } = this
    const id = `fake-${host.sandboxes.size}-${host.events.length}`
    const state: FakeSandbox = { id, name: 'sandbox', frozen: false, oomKills: 0 }
    host.sandboxes.set(id, state)
    const sandbox = {
      id,
      group: id,
      rootfs,
      limits: this.limits,
      address: '10.0.0.2',
      netns: `/run/netns/${id}`,
      wrap: (argv: readonly string[]) => argv,
      run: async () => this.signal.throwIfAborted(),
      setFrozen: async (frozen: boolean) => {
        if (state.frozen !== frozen) host.record(`${frozen ? 'freeze' : 'thaw'} ${state.name}`)
        state.frozen = frozen
      },
      oomKillCount: () => state.oomKills,
      exceededLimit: () => state.exceededLimit,
      [Symbol.asyncDispose]: async () => {
        if (host.sandboxes.delete(id)) host.record(`remove ${state.name}`)
      },
    }
    return sandbox as unknown as OwnedGuestSandbox
  }

  async createGuestGroup(): Promise<GuestGroup> {
    const { host, limits } = this
    host.record('group')
    return {
      memoryBytes: 8 * limits.memoryBytes,
      limitMemory: (bytes) => {
        // As version 1 of cgroups does: the cgroup itself uses some memory.
        if (bytes < 100) throw Object.assign(new Error('EBUSY: resource busy or locked'), { code: 'EBUSY' })
        host.record(`limit ${bytes}`)
      },
      cpuSets: [[1], [0]],
      createSandbox: async (rootfs, _timeout, cpus) => {
        host.record(`place ${cpus.join(',')}`)
        return this.createSandbox(rootfs)
      },
      [Symbol.asyncDispose]: async () => host.record('ungroup'),
    }
  }

  async loadClient(rootfs: string): Promise<LoadClientHost> {
    const execArgv = (argv: readonly string[]): HostArgv => ['fake', 'client', ...argv]
    const target = { name: 'the client', rootfs, cpus: 1, execArgv, enterHost: execArgv, cpuSeconds: () => null }
    return { ...target, inNetns: () => target }
  }

  async tracer(): Promise<never> {
    throw new TracerUnavailableError('a fake host has no tracer')
  }

  async busyboxRootfs(): Promise<string> {
    return '/'
  }

  startLoadMeter(): () => Load {
    return () => this.host.loads.shift() ?? quiet
  }

  async ensureImage(): Promise<{ rootfs: string; digest: string }> {
    // Programs are looked up there, so that a missing one is recognized.
    return { rootfs: '/', digest: 'fake image' }
  }

  async ensureArtifacts(): Promise<void> {}

  async readEnvironment(): ReturnType<Session['readEnvironment']> {
    return {
      startedAt: '2026-01-01T00:00:00.000Z',
      isobench: '0.1.0',
      node: 'v20.19.0',
      cpu: { model: 'fake', count: 2, governor: null, smt: null },
      memoryBytes: 8 * 1024 ** 3,
      kernel: '6.1.0',
      commandLine: '',
      virtualization: null,
      kvm: false,
      mitigations: {},
      cgroupVersion: 2,
      guest: { cpus: [...this.limits.cpus], memoryBytes: this.limits.memoryBytes },
      image: 'fake image',
      configDigest: 'config',
      revision: null,
    }
  }

  withSignal(signal: AbortSignal): FakeSession {
    return new FakeSession(this.host, signal, this.limits, false)
  }

  withCpus(cpus: readonly number[]): FakeSession {
    return new FakeSession(this.host, this.signal, { ...this.limits, cpus }, false)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRoot && !this.#isReleased) this.host.record('release the host')
    this.#isReleased = true
  }
}
