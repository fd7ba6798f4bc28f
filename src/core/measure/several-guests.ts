import { setTimeout as sleep } from 'node:timers/promises'
import { checkOptions, describeValue } from '../../dsl/checked.ts'
import type { BootedGuest, BurstOptions, CpuPlacement, GuestStart, GuestsApi } from '../../dsl/guests.ts'
import type { Metrics } from '../../dsl/metric.ts'
import type { GuestsContext, ParamSpace, Workload } from '../../dsl/workload.ts'
import { checkMemoryOfGuests, readMemory } from '../../host/memory-info.ts'
import type { GuestArgv, HostArgv } from '../../host/process.ts'
import type { ExceededLimit, OwnedGuestSandbox } from '../../host/sandbox.ts'
import type { Command } from '../../tools/command.ts'
import { messageOf, UnsupportedError } from '../../util/errors.ts'
import { raceAbort } from '../../util/race-abort.ts'
import { plural } from '../../util/text.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { remaining } from '../session/exec-target.ts'
import type { GuestGroup } from '../session/session.ts'
import type { MeasureContext, TimeBreakdown } from './context.ts'
import {
  enterCgroup,
  explainFailure,
  type GuestTarget,
  guestTarget,
  MissingProgramError,
  oomMonitor,
  routeToGuest,
  type SampleNotes,
  withinLimits,
  workloadClient,
  workloadGuest,
} from './guest-api.ts'
import { guestArgv } from './guest-argv.ts'
import { createRendezvous } from './rendezvous.ts'
import { bootGraceMs, type SampleScope } from './sample-scope.ts'

/** A workload of several guests: guests of one platform that isobench boots at once, or beside each other. */

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
      if (typeof bytes !== 'number' || !(bytes >= 1))
        throw new RangeError(`limitMemory(): expected a positive number of bytes, not ${describeValue(bytes)}`)
      guests.limitMemory(Math.floor(bytes))
    },
    availableMemoryBytes: () => readMemory().available,
    burst: (count, command, options) => scope.call(() => guests.burst(count, command, options)),
    boot: (options) => scope.call(() => guests.boot(options)),
  }
  const limited = {
    limits: measureContext.session.limits,
    exceededLimit: () => guests.exceededLimit(),
    // A workload may fill the memory with guests on purpose. It gets the failures of their commands and boots.
    oomKillCount: () => 0,
  }
  return await withinLimits(sample.platform.spec.name, limited, () =>
    scope.race(() => work.run({ ...context, ...api })),
  )
}

/** `1 byte`, `200 MiB`. */
const formatBytes = (bytes: number): string =>
  bytes < 1024 ** 2 ? plural(bytes, 'byte') : `${Number((bytes / 1024 ** 2).toPrecision(4))} MiB`

/** The longest time in milliseconds that a timer of Node can have. It ends a longer one at once. */
const longestTimer = 2 ** 31 - 1

const placements: readonly CpuPlacement[] = ['shared', 'spread', 'separate']

/** @throws {RangeError} if a value is no number, or means nothing */
function checkBurst(count: number, every: number, limit: number | undefined): void {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`burst(): expected a whole number of guests, 1 or more, not ${describeValue(count)}`)
  if (!Number.isFinite(every) || every < 0)
    throw new RangeError(`burst(): expected 0 or more milliseconds as every, not ${describeValue(every)}`)
  if (limit !== undefined && (typeof limit !== 'number' || !(limit > 0)))
    throw new RangeError(`burst(): expected more than 0 seconds as limit, not ${describeValue(limit)}`)
}

/** @throws {RangeError} if the sample would end before the last request, which `limit` cannot allow for */
function checkTime(count: number, every: number, leftMs: number): void {
  const lastMs = (count - 1) * every
  if (lastMs < leftMs) return
  throw new RangeError(
    `burst(): guest ${count} would be requested after ${lastMs / 1000} s, and the sample has ` +
      `${Math.max(0, Math.floor(leftMs / 1000))} s left. Lower every, or raise the timeout of the bench`,
  )
}

/** The guests of one sample. */
class SeveralGuests implements AsyncDisposable {
  readonly #creating = new Set<Promise<OwnedGuestSandbox>>()
  /** The sandboxes of all guests, with the index of their set of CPUs. */
  readonly #sandboxes = new Map<OwnedGuestSandbox, number>()
  /** How many guests each set of CPUs has now. */
  readonly #guestsOn: number[]
  #closed = false
  /** Bytes that the workload allows all guests together. */
  #lowered: number | undefined

  constructor(
    private readonly group: GuestGroup,
    private readonly sample: GuestsSample,
  ) {
    this.#guestsOn = group.cpuSets.map(() => 0)
  }

  /** The limit that one of the guests has tried to exceed, beside the one of memory. */
  exceededLimit(): ExceededLimit | undefined {
    return [...this.#sandboxes.keys()].flatMap((sandbox) => sandbox.exceededLimit() ?? [])[0]
  }

  /**
   * See `GuestsApi.limitMemory`.
   * @throws {RangeError} if the guests use more already
   * @throws {UnsupportedError} if the host has less for guests. The sample would have that limit instead of `bytes`.
   */
  limitMemory(bytes: number): void {
    const { memoryBytes } = this.group
    if (bytes > memoryBytes)
      throw new UnsupportedError(
        `limitMemory(): ${formatBytes(bytes)} is more than the ${formatBytes(memoryBytes)} that this host can give ` +
          'to guests now',
        'choose at most totalMemoryBytes, or use a host with more memory',
      )
    try {
      this.group.limitMemory(bytes)
    } catch (error) {
      // Version 1 of cgroups refuses it.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
      throw new RangeError(
        this.#sandboxes.size > 0
          ? `limitMemory(): the guests use more than ${formatBytes(bytes)} already. Choose a higher limit, or call ` +
              'it before they boot'
          : `limitMemory(): ${formatBytes(bytes)} is less than isobench needs to start a guest. Choose a higher limit`,
      )
    }
    this.#lowered = bytes
  }

  /** What sets the limit of memory that a guest reaches first: the config, the workload, or one of them. */
  #memorySetting(): string {
    const config = 'guest.memory in the config'
    if (this.#lowered === undefined) return config
    const own = `limitMemory() of the workload, ${formatBytes(this.#lowered)} for all guests`
    return this.#lowered <= this.sample.measureContext.session.limits.memoryBytes ? own : `${config}, or ${own}`
  }

  /** See `GuestsApi.burst`. */
  async burst(count: number, command: Command, options: BurstOptions = {}): Promise<readonly GuestStart[]> {
    checkOptions('burst()', options, ['every', 'limit', 'cpus'])
    const { every = 0, limit, cpus = 'spread' } = options
    const argv = guestArgv(command)
    checkBurst(count, every, limit)
    checkTime(count, every, remaining(this.sample.scope))
    checkMemoryOfGuests(count, this.sample.measureContext.session.limits.memoryBytes, this.group.memoryBytes)
    this.#checkCpus('burst()', cpus, count)
    const sandboxes = await Promise.all(Array.from({ length: count }, () => this.#place(cpus)))
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
          await sleep(left, undefined, { signal: this.sample.scope.signal })
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
  async boot(options: Pick<BurstOptions, 'cpus'> = {}): Promise<BootedGuest> {
    checkOptions('boot()', options, ['cpus'])
    const { cpus = 'spread' } = options
    this.#checkCpus('boot()', cpus, 1)
    const { platform, scope, measureContext, times, notes } = this.sample
    const { name } = platform.spec
    const sandbox = await this.#place(cpus)
    try {
      const started = performance.now()
      const handle = await times.booting(() =>
        raceAbort(platform.driver.boot(sandbox, platform.options), scope.signal, bootGraceMs),
      )
      const bootMs = performance.now() - started
      if (handle.singleProcess) throw new UnsupportedError(`${name} runs one program in each guest`)
      const { caller, address } = routeToGuest(measureContext.client, sandbox, handle)
      const target = this.#whileItLives(
        sandbox,
        guestTarget({ name, rootfs: measureContext.image.rootfs }, sandbox, handle),
      )
      return {
        ...scope.calls(times.guest(workloadGuest(target, caller, address, scope, notes))),
        bootMs,
        // A client that is the load of a neighbor may be busy: its share of the CPUs says nothing about the result.
        client: scope.calls(times.client(workloadClient(caller, scope, () => {}))),
        [Symbol.asyncDispose]: () => this.#remove(sandbox),
      }
    } catch (error) {
      await this.#remove(sandbox)
      throw error
    }
  }

  /** The guest, which cannot be used after it was removed. */
  #whileItLives(sandbox: OwnedGuestSandbox, target: GuestTarget): GuestTarget {
    const { memory } = target
    const check = () => {
      if (!this.#sandboxes.has(sandbox)) throw new Error(`a guest of ${target.name} was used after it had been removed`)
    }
    return {
      ...target,
      memorySetting: () => this.#memorySetting(),
      execArgv: (argv, options) => {
        check()
        return target.execArgv(argv, options)
      },
      ...(memory && {
        memory: () => {
          check()
          return memory()
        },
      }),
    }
  }

  /** @throws {UnsupportedError} if `count` more guests cannot have CPUs that no other guest has */
  #checkCpus(call: string, placement: CpuPlacement, count: number): void {
    if (!placements.includes(placement))
      throw new RangeError(
        `${call}: expected 'shared', 'spread' or 'separate' as cpus, not ${describeValue(placement)}`,
      )
    const free = this.#guestsOn.filter((guests) => guests === 0).length
    if (placement !== 'separate' || count <= free) return
    const { cpuSets } = this.group
    const all = cpuSets.length - free + count
    throw new UnsupportedError(
      `${all} guests on separate CPUs need ${all * cpuSets[0]!.length} CPUs, and this host has ` +
        `${cpuSets.flat().length} for guests`,
      "use cpus: 'spread', or boot fewer guests",
    )
  }

  /** Which set of CPUs the next guest gets: a free one if it must be separate, otherwise one with the fewest guests. */
  #nextSet(placement: CpuPlacement): number {
    return placement === 'shared' ? 0 : this.#guestsOn.indexOf(Math.min(...this.#guestsOn))
  }

  /** Creates a sandbox in which no process has run for the guest, and lets the kernel initialize its cgroup. */
  async #place(placement: CpuPlacement): Promise<OwnedGuestSandbox> {
    const { scope, measureContext } = this.sample
    if (this.#closed) throw new Error('the sample has ended')
    const set = this.#nextSet(placement)
    const cpus = this.group.cpuSets[set]!
    this.#guestsOn[set]!++
    const created = this.group.createSandbox(measureContext.image.rootfs, remaining(scope) / 1000, cpus)
    this.#creating.add(created)
    created.catch(() => this.#guestsOn[set]!--)
    try {
      const sandbox = await created
      this.#sandboxes.set(sandbox, set)
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
      throw await explainFailure(error, argv[0]!, {
        name,
        rootfs: measureContext.image.rootfs,
        ranOutOfMemory,
        memorySetting: () => this.#memorySetting(),
      })
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
    const set = this.#sandboxes.get(sandbox)
    if (set === undefined) return
    this.#sandboxes.delete(sandbox)
    this.#guestsOn[set]!--
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#creating)
    const removed = await Promise.allSettled([...this.#sandboxes.keys()].map((sandbox) => this.#remove(sandbox)))
    for (const one of removed) if (one.status === 'rejected') throw one.reason
  }
}
