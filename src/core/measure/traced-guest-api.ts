import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestHandle } from '../../driver.ts'
import type { CommandResult, ExecOptions } from '../../dsl/guest.ts'
import type { HostArgv } from '../../host/process.ts'
import type { OwnedGuestSandbox, TraceHooks } from '../../host/sandbox.ts'
import type { Command } from '../../tools/command.ts'
import { withBarriers } from '../../tracing/barrier.ts'
import type { CallCounts } from '../../tracing/call-counts.ts'
import type { Tracer } from '../../tracing/tracer.ts'
import type { CommandBounds, ExecTarget, LoadClientHost } from '../session/exec-target.ts'
import { execInGuest, guestArgv, routeToGuest, workloadClient, workloadGuest } from './guest-api.ts'

/** The ways into a guest that is traced, and what is recorded while they are used. */

/** A guest that runs, and the ways to it. */
export type Booted = ExecTarget & { readonly sandbox: OwnedGuestSandbox; readonly handle: GuestHandle }

/** The ways into a guest and its client. */
export interface TracedGuestApi {
  exec(command: Command, options?: ExecOptions): Promise<CommandResult>
  readonly guest: ReturnType<typeof workloadGuest>
  readonly client: ReturnType<typeof workloadClient>
}

/** Whose host processes are watched: the guest's, and those of a daemon that serves it. */
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

  /** What has come into the groups since. */
  again(): void {
    for (const group of this.#groups) this.tracer.traceCgroup(group)
  }
}

/** What the guest's host processes do without work. */
export interface BackgroundTraces {
  /** In `idleSeconds`, while nothing is asked of them and everything stands ready. */
  readonly idle: CallCounts
  /** Each time that a command went through its gate without beginning; none where only a client calls on the guest. */
  readonly barriers: readonly CallCounts[]
}

/** How often a command goes through its gate before it begins: the platform's bursts are to be among them. */
const passes = 10

/** The spans of time in which the work is recorded; they may overlap. Before the first come the controls. */
export class TraceRecorder {
  #open = 0
  #since = 0
  #milliseconds = 0
  #gates = 0
  #controls: Promise<BackgroundTraces> | undefined

  constructor(
    private readonly tracer: Tracer,
    private readonly followed: TraceTargets,
    /** How long the guest idles as a control. */
    readonly idleSeconds: number,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Taken once: with the server that is called on, the processes of the runtime that stay as long as a command that was
   * entered, and the command waiting at its gate, through which `pass` leads and back.
   */
  background(roundTrip?: () => Promise<void>): Promise<BackgroundTraces> {
    this.#controls ??= (async () => {
      const idling = () => sleep(this.idleSeconds * 1000, undefined, { signal: this.signal })
      const idle = await this.#control(idling)
      const gates: CallCounts[] = []
      for (let at = 0; roundTrip && at < passes; at++) gates.push(await this.#control(roundTrip))
      return { idle, barriers: gates }
    })()
    return this.#controls
  }

  async #control(what: () => Promise<void>): Promise<CallCounts> {
    this.followed.again()
    await this.tracer.recording(what)
    return this.tracer.collect()
  }

  /** How often the work went through a gate. */
  get gates(): number {
    return this.#gates
  }

  get seconds(): number {
    return this.#milliseconds / 1000
  }

  /** @param through where the span begins and ends as a control of the gate does. */
  begin(through?: 'gate'): void {
    if (through) this.#gates++
    // What came into the guest since the last span: the process of this command, a server.
    this.followed.again()
    if (this.#open++ === 0) this.#since = performance.now()
    this.tracer.start()
  }

  end(): void {
    this.tracer.stop()
    if (--this.#open === 0) this.#milliseconds += performance.now() - this.#since
  }
}

/** A guest whose commands run between gates, and a client during whose commands the guest is watched too. */
export function tracedGuestApi(
  where: Booted,
  client: LoadClientHost,
  bounds: CommandBounds,
  windows: TraceRecorder,
): TracedGuestApi {
  const { caller, address } = routeToGuest(client, where.sandbox, where.handle)
  const plain = workloadGuest(where, caller, address, bounds)
  // Counts are not held back by a busy client, as figures of speed are.
  const plainClient = workloadClient(caller, bounds, () => {})
  const exec: TracedGuestApi['exec'] = (command, options = {}) =>
    options.untraced ? plain.exec(command, options) : execGated(where, command, options, bounds, windows)
  return {
    exec,
    guest: { ...plain, exec },
    client: {
      exec: async (command, options = {}) => {
        if (options.untraced) return plainClient.exec(command, options)
        await windows.background()
        windows.begin()
        try {
          return await plainClient.exec(command, options)
        } finally {
          windows.end()
        }
      },
    },
  }
}

/** Runs a command between gates. Its time is that between them. */
async function execGated(
  where: ExecTarget,
  command: Command,
  { input = '', exitCodes }: ExecOptions,
  bounds: CommandBounds,
  windows: TraceRecorder,
): Promise<CommandResult> {
  const entered = performance.now()
  let [from, to] = [Number.NaN, Number.NaN]
  let failure: unknown
  const gate = withBarriers(guestArgv(command), input, {
    waiting: async (pass) => {
      try {
        await windows.background(pass)
      } catch (error) {
        failure = error
        throw error
      }
    },
    opened: () => {
      windows.begin('gate')
      from = performance.now()
    },
    closed: () => {
      to = performance.now()
      windows.end()
    },
  })
  try {
    const done = await execInGuest(
      where,
      { argv: gate.argv as Command['argv'] },
      { ...(exitCodes && { exitCodes }) },
      bounds,
      {
        dialogue: gate.dialogue,
        label: command.argv[0],
      },
    )
    return {
      stdout: done.stdout,
      stderr: gate.plain(done.stderr),
      milliseconds: to - from,
      firstByteMs: done.firstByteMs === null ? null : done.firstByteMs - (from - entered),
    }
  } catch (error) {
    throw failure ?? error
  } finally {
    if (!Number.isNaN(from) && Number.isNaN(to)) windows.end()
  }
}
