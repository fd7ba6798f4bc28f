import { setTimeout as sleep } from 'node:timers/promises'
import type { BootedGuest, BurstOptions, CpuPlacement, GuestStart, GuestsApi } from '../../dsl/guests.ts'
import type { Metrics } from '../../dsl/metric.ts'
import type { GuestsContext, ParamSpace, Workload } from '../../dsl/workload.ts'
import { readMemory } from '../../host/memory-info.ts'
import type { GuestArgv, HostArgv } from '../../host/process.ts'
import type { ExceededLimit, OwnedGuestSandbox } from '../../host/sandbox.ts'
import type { Command } from '../../tools/command.ts'
import { messageOf, UnsupportedError } from '../../util/errors.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { remaining } from '../session/exec-target.ts'
import type { GuestGroup } from '../session/session.ts'
import type { MeasureContext, TimeBreakdown } from './context.ts'
import {
  enterCgroup,
  explainFailure,
  guestArgv,
  guestTarget,
  MissingProgramError,
  oomMonitor,
  routeToGuest,
  type SampleNotes,
  withinLimits,
  workloadClient,
  workloadGuest,
} from './guest-api.ts'
import { createRendezvous } from './rendezvous.ts'
import { bootGraceMs, raceAbort, type SampleScope } from './sample-scope.ts'

/** A workload of several guests: guests of one platform that isobench boots at once, or beside each other. */

const gibibytes = (bytes: number): string => `${Number((bytes / 1024 ** 3).toPrecision(3))} GiB`

type GuestsWork = Extract<Workload<Metrics, ParamSpace>['work'], { readonly kind: 'guests' }>

/** What a sample of several guests needs. */
export interface GuestsSample {
  readonly platform: ResolvedPlatform
  readonly scope: SampleScope
  readonly measureContext: Pick<MeasureContext, 'session' | 'image' | 'client'>
  readonly times: TimeBreakdown
  readonly notes: SampleNotes
}

/**
 * Runs the workload's code with the guests that it asks for, and removes them.
 * @returns what `run` returned, unchecked
 */
export async function runSeveralGuests(
  work: GuestsWork,
  context: Omit<GuestsContext<ParamSpace>, keyof GuestsApi>,
  sample: GuestsSample,
): Promise<unknown> {
  const { scope, measureContext } = sample
  await using group = await measureContext.session.createGuestGroup()
  await using guests = new SeveralGuests(group, sample)
  const api: GuestsApi = {
    totalMemoryBytes: group.memoryBytes,
    limitMemory: (bytes) => {
      // The kernel reads -1 as no limit.
      if (!(bytes >= 1)) throw new RangeError(`limitMemory(): expected a positive number of bytes, not ${bytes}`)
      group.limitMemory(Math.floor(bytes))
    },
    availableMemoryBytes: () => readMemory().available,
    burst: (count, command, options) => scope.track(guests.burst(count, command, options)),
    boot: (options) => scope.track(guests.boot(options)),
  }
  const limited = { limits: measureContext.session.limits, exceededLimit: () => guests.exceededLimit() }
  return await withinLimits(sample.platform.spec.name, limited, () => scope.race(work.run({ ...context, ...api })))
}

/** The longest time in milliseconds that a timer of Node can have. It ends a longer one at once. */
const longestTimer = 2 ** 31 - 1

const placements: readonly CpuPlacement[] = ['shared', 'spread', 'separate']

/** @throws {RangeError} if a value is no number, or means nothing */
function checkBurst(count: number, every: number, limit: number | undefined): void {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`burst(): expected a whole number of guests, 1 or more, not ${count}`)
  if (!Number.isFinite(every) || every < 0)
    throw new RangeError(`burst(): expected 0 or more milliseconds as every, not ${every}`)
  if (limit !== undefined && !(limit > 0))
    throw new RangeError(`burst(): expected more than 0 seconds as limit, not ${limit}`)
}

/** The guests of one sample. */
class SeveralGuests implements AsyncDisposable {
  readonly #creating = new Set<Promise<OwnedGuestSandbox>>()
  readonly #sandboxes = new Set<OwnedGuestSandbox>()
  #booted = 0
  #closed = false

  constructor(
    private readonly group: GuestGroup,
    private readonly sample: GuestsSample,
  ) {}

  /** The limit that one of the guests has tried to exceed, beside the one of memory. */
  exceededLimit(): ExceededLimit | undefined {
    return [...this.#sandboxes].flatMap((sandbox) => sandbox.exceededLimit() ?? [])[0]
  }

  /** See `GuestsApi.burst`. */
  async burst(count: number, command: Command, options: BurstOptions = {}): Promise<readonly GuestStart[]> {
    const { every = 0, limit, cpus = 'spread' } = options
    const argv = guestArgv(command)
    checkBurst(count, every, limit)
    this.#checkMemory(count)
    const sandboxes = await Promise.all(Array.from({ length: count }, (_, at) => this.#place(cpus, at)))
    const armed = createRendezvous(count)
    let first = 0
    const opened = armed.opened.then(() => {
      first = performance.now()
    })
    const request = async (sandbox: OwnedGuestSandbox, at: number): Promise<GuestStart> => {
      let requested: number | undefined
      let hasArrived = false
      const arrive = () => {
        if (!hasArrived) armed.arrive()
        hasArrived = true
      }
      const gate = async () => {
        arrive()
        await opened
        // A timer of Node can be early by more than a millisecond.
        for (;;) {
          const left = first + at * every - performance.now()
          if (left <= 0) break
          await sleep(Math.min(left, longestTimer), undefined, { signal: this.sample.scope.signal })
        }
        requested = performance.now()
      }
      const requestedMs = () => Math.max(0, (requested ?? first) - first)
      try {
        const readyMs = await this.#start(sandbox, argv, { gate, limit })
        return { ok: true, requestedMs: requestedMs(), readyMs }
      } catch (error) {
        if (error instanceof UnsupportedError || error instanceof MissingProgramError) throw error
        return { ok: false, requestedMs: requestedMs(), error: messageOf(error) }
      } finally {
        // A guest that failed before its request must not keep the others waiting.
        arrive()
      }
    }
    const all = await Promise.allSettled(sandboxes.map(request))
    this.sample.scope.signal.throwIfAborted()
    await Promise.all(sandboxes.map((sandbox) => this.#remove(sandbox)))
    return all.map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    })
  }

  /** See `GuestsApi.boot`. */
  async boot({ cpus = 'spread' }: Pick<BurstOptions, 'cpus'> = {}): Promise<BootedGuest> {
    const { platform, scope, measureContext, times, notes } = this.sample
    const { name } = platform.spec
    const sandbox = await this.#place(cpus, this.#booted++)
    try {
      const started = performance.now()
      const handle = await times.booting(() =>
        raceAbort(platform.driver.boot(sandbox, platform.options), scope.signal, bootGraceMs),
      )
      const bootMs = performance.now() - started
      if (handle.singleProcess) throw new UnsupportedError(`${name} runs one program in each guest`)
      const { caller, address } = routeToGuest(measureContext.client, sandbox, handle)
      const target = guestTarget({ name, rootfs: measureContext.image.rootfs }, sandbox, handle)
      return {
        ...times.guest(workloadGuest(target, caller, address, scope, notes)),
        bootMs,
        // A client that is the load of a neighbor may be busy: its share of the CPUs says nothing about the result.
        client: times.client(workloadClient(caller, scope, () => {})),
        [Symbol.asyncDispose]: () => this.#remove(sandbox),
      }
    } catch (error) {
      await this.#remove(sandbox)
      throw error
    }
  }

  #checkMemory(count: number): void {
    const { memoryBytes } = this.sample.measureContext.session.limits
    if (count * memoryBytes <= this.group.memoryBytes) return
    throw new UnsupportedError(
      `${count} guests with ${gibibytes(memoryBytes)} each may use more than the ` +
        `${gibibytes(this.group.memoryBytes)} that this host can give to guests`,
      'lower guest.memory in isobench.config.ts, or boot fewer guests',
    )
  }

  #cpus(placement: CpuPlacement, at: number): readonly number[] {
    const { cpuSets } = this.group
    if (!placements.includes(placement))
      throw new RangeError(`expected ${placements.join(', ')} as the CPUs of a guest, not ${String(placement)}`)
    if (placement === 'separate' && at >= cpuSets.length)
      throw new UnsupportedError(
        `${at + 1} guests on separate CPUs need ${at + 1} times guest.cpus, and this host has ` +
          `${cpuSets.flat().length} CPUs for guests`,
      )
    return cpuSets[placement === 'shared' ? 0 : at % cpuSets.length]!
  }

  /** Creates a sandbox in which no process has run for the guest, and lets the kernel initialize its cgroup. */
  async #place(placement: CpuPlacement, at: number): Promise<OwnedGuestSandbox> {
    const { scope, measureContext } = this.sample
    if (this.#closed) throw new Error('the sample has ended')
    const cpus = this.#cpus(placement, at)
    const created = this.group.createSandbox(measureContext.image.rootfs, remaining(scope) / 1000, cpus)
    this.#creating.add(created)
    try {
      const sandbox = await created
      this.#sandboxes.add(sandbox)
      await enterCgroup(sandbox)
      return sandbox
    } finally {
      this.#creating.delete(created)
    }
  }

  /**
   * Boots a guest with one command.
   * @returns milliseconds from its request to the first output. The guest goes on until its sandbox is removed.
   */
  async #start(
    sandbox: OwnedGuestSandbox,
    argv: GuestArgv,
    { gate, limit }: { gate(): Promise<void>; readonly limit: number | undefined },
  ): Promise<number> {
    const { platform, scope, measureContext, times } = this.sample
    const { name } = platform.spec
    const ranOutOfMemory = oomMonitor(sandbox)
    const late = new AbortController()
    let timer: NodeJS.Timeout | undefined
    try {
      const command = await platform.driver.oneShot(sandbox, argv, platform.options)
      return await times.command(() =>
        this.#firstByte(command, {
          label: `${argv[0]} booted on ${name}`,
          signal: AbortSignal.any([scope.signal, late.signal]),
          gate: async () => {
            await gate()
            if (limit !== undefined) timer = setTimeout(() => late.abort(), Math.min(1000 * limit, longestTimer))
          },
        }),
      )
    } catch (error) {
      if (late.signal.aborted) throw new Error(`${name} was not ready within ${limit} s`)
      throw await explainFailure(error, argv[0]!, { name, rootfs: measureContext.image.rootfs, ranOutOfMemory })
    } finally {
      clearTimeout(timer)
    }
  }

  #firstByte(
    command: HostArgv,
    options: { readonly label: string; readonly signal: AbortSignal; readonly gate: () => Promise<void> },
  ): Promise<number> {
    const { scope } = this.sample
    return new Promise((resolve, reject) => {
      // After its first byte the guest goes on, and ends when its sandbox is removed.
      const ended = scope.exec(command, { ...options, timeoutMs: remaining(scope), onFirstByte: resolve })
      ended.then(() => reject(new Error(`${options.label}: it printed nothing`)), reject)
    })
  }

  async #remove(sandbox: OwnedGuestSandbox): Promise<void> {
    await sandbox[Symbol.asyncDispose]()
    this.#sandboxes.delete(sandbox)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#creating)
    const removed = await Promise.allSettled([...this.#sandboxes].map((sandbox) => this.#remove(sandbox)))
    for (const one of removed) if (one.status === 'rejected') throw one.reason
  }
}
