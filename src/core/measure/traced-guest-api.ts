import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestHandle } from '../../driver.ts'
import type { CommandResult, ExecOptions } from '../../dsl/guest.ts'
import type { HostArgv } from '../../host/process.ts'
import type { OwnedGuestSandbox, TraceHooks } from '../../host/sandbox.ts'
import type { Command } from '../../tools/command.ts'
import { withBarriers } from '../../tracing/barrier.ts'
import type { CallCounts } from '../../tracing/call-counts.ts'
import type { Tracer } from '../../tracing/tracer.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { CommandBounds, ExecTarget, LoadClientHost } from '../session/exec-target.ts'
import { execInGuest, guestArgv, routeToGuest, workloadClient, workloadGuest } from './guest-api.ts'

/** A guest that runs. */
export type Booted = ExecTarget & { readonly sandbox: OwnedGuestSandbox; readonly handle: GuestHandle }

/** What a workload uses of a guest and of the load client. */
export interface TracedGuestApi {
  exec(command: Command, options?: ExecOptions): Promise<CommandResult>
  readonly guest: ReturnType<typeof workloadGuest>
  readonly client: ReturnType<typeof workloadClient>
  /** For `prepare` and `cleanup` of a workload: nothing is traced, and no time counts. */
  readonly unmeasured: Pick<TracedGuestApi, 'guest' | 'client'>
}

/** The traced host processes: those of the guest, and those of a daemon that serves it. */
export class TraceTargets implements TraceHooks {
  readonly #groups = new Set<string>()

  constructor(private readonly tracer: Tracer) {}

  launch(argv: HostArgv): HostArgv {
    return this.tracer.wrapTraced(argv)
  }

  shared(group: string): void {
    this.#groups.add(group)
    this.tracer.traceCgroup(group)
  }

  /** Adds the processes that entered the cgroups since the last call. */
  refresh(): void {
    for (const group of this.#groups) this.tracer.traceCgroup(group)
  }
}

/** The calls of the guest's host processes without work. */
export interface BackgroundTraces {
  /** In `idleSeconds`, while everything is ready and idle. */
  readonly idle: CallCounts
  /** In each round trip of a command through its barrier; empty if only a client uses the guest. */
  readonly barriers: readonly CallCounts[]
}

/** How often a command passes its barrier before it begins: often enough to include bursts of the platform. */
const roundTrips = 10

/** Records the work in spans of time, which may overlap. The background is recorded before the first span. */
export class TraceRecorder {
  #open = 0
  #since = 0
  #milliseconds = 0
  #barriers = 0
  #background: Promise<BackgroundTraces> | undefined

  constructor(
    private readonly tracer: Tracer,
    private readonly targets: TraceTargets,
    /** How long the idle guest is recorded. */
    readonly idleSeconds: number,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Records the background once. At that time the server runs, the runtime's processes for an entered command exist,
   * and the command waits at its barrier.
   * @param roundTrip sends the command through its barrier and back
   */
  background(roundTrip?: () => Promise<void>): Promise<BackgroundTraces> {
    this.#background ??= (async () => {
      const idling = () => sleep(this.idleSeconds * 1000, undefined, { signal: this.signal })
      const idle = await this.#record(idling)
      const barriers: CallCounts[] = []
      for (let at = 0; roundTrip && at < roundTrips; at++) barriers.push(await this.#record(roundTrip))
      return { idle, barriers }
    })()
    return this.#background
  }

  async #record(what: () => Promise<void>): Promise<CallCounts> {
    this.targets.refresh()
    await this.tracer.recording(what)
    return this.tracer.collect()
  }

  /** How often the work passed a barrier. */
  get barriers(): number {
    return this.#barriers
  }

  get seconds(): number {
    return this.#milliseconds / 1000
  }

  /** @param through set if the span begins and ends at a barrier */
  begin(through?: 'barrier'): void {
    if (through) this.#barriers++
    // Since the last span the process of this command, or a server, may have entered the guest.
    this.targets.refresh()
    if (this.#open++ === 0) this.#since = performance.now()
    this.tracer.start()
  }

  end(): void {
    this.tracer.stop()
    if (--this.#open === 0) this.#milliseconds += performance.now() - this.#since
  }
}

/** A guest that is traced while a command runs between barriers, and while a command of the client runs. */
export function tracedGuestApi(
  target: Booted,
  client: LoadClientHost,
  bounds: CommandBounds,
  recorder: TraceRecorder,
): TracedGuestApi {
  const { caller, address } = routeToGuest(client, target.sandbox, target.handle)
  const plain = workloadGuest(target, caller, address, bounds)
  // A busy client does not limit counts, so its CPU share is not needed.
  const plainClient = workloadClient(caller, bounds, () => {})
  const exec: TracedGuestApi['exec'] = (command, options = {}) =>
    options.untraced ? plain.exec(command, options) : execBetweenBarriers(target, command, options, bounds, recorder)
  return {
    exec,
    guest: { ...plain, exec },
    unmeasured: { guest: plain, client: plainClient },
    client: {
      exec: async (command, options = {}) => {
        if (options.untraced) return plainClient.exec(command, options)
        await recorder.background()
        recorder.begin()
        try {
          return await plainClient.exec(command, options)
        } finally {
          recorder.end()
        }
      },
    },
  }
}

/**
 * Runs a command between barriers and measures the time between them.
 * @throws {UnsupportedError} if the guest cannot run a command that waits at a barrier
 */
async function execBetweenBarriers(
  target: ExecTarget,
  command: Command,
  { input = '', exitCodes }: ExecOptions,
  bounds: CommandBounds,
  recorder: TraceRecorder,
): Promise<CommandResult> {
  if (target.singleProcess) {
    throw new UnsupportedError(
      `${target.name} boots a guest for every command, and the calls of the boot would count as those of the command`,
    )
  }
  const entered = performance.now()
  let [from, to] = [Number.NaN, Number.NaN]
  let failure: unknown
  const traced = withBarriers(guestArgv(command), input, {
    waiting: async (roundTrip) => {
      try {
        await recorder.background(roundTrip)
      } catch (error) {
        failure = error
        throw error
      }
    },
    opened: () => {
      recorder.begin('barrier')
      from = performance.now()
    },
    closed: () => {
      to = performance.now()
      recorder.end()
    },
  })
  try {
    const done = await execInGuest(
      target,
      { argv: traced.argv as Command['argv'] },
      { ...(exitCodes && { exitCodes }) },
      bounds,
      {
        dialogue: traced.dialogue,
        label: command.argv[0],
      },
    )
    return {
      stdout: done.stdout,
      stderr: traced.plain(done.stderr),
      milliseconds: to - from,
      firstByteMs: done.firstByteMs === null ? null : done.firstByteMs - (from - entered),
    }
  } catch (error) {
    throw failure ?? error
  } finally {
    if (!Number.isNaN(from) && Number.isNaN(to)) recorder.end()
  }
}
