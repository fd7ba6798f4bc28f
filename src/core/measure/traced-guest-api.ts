import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestHandle } from '../../driver.ts'
import type { CommandResult, ExecOptions } from '../../dsl/guest.ts'
import { processRoles } from '../../dsl/process-roles.ts'
import { liveProcesses } from '../../host/cgroup.ts'
import type { HostArgv } from '../../host/process.ts'
import type { OwnedGuestSandbox, TraceHooks } from '../../host/sandbox.ts'
import type { Command } from '../../tools/command.ts'
import { withBarriers } from '../../tracing/barrier.ts'
import { type CallsByRole, mergeRoles } from '../../tracing/call-counts.ts'
import type { Tracer } from '../../tracing/tracer.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { AttackProfile } from '../model/record.ts'
import type { CommandBounds, ExecTarget, LoadClientHost } from '../session/exec-target.ts'
import type { ConfinementReader } from './confinement.ts'
import { checkExecOptions, execInGuest, routeToGuest, workloadClient, workloadGuest } from './guest-api.ts'
import { guestArgv } from './guest-argv.ts'

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

/** Milliseconds between two looks at the processes of a guest that boots: some of them live for a short time only. */
const lookInterval = 100

/** The traced host processes: those of the guest, and those of a daemon that serves it. */
export class TraceTargets implements TraceHooks {
  /** Whether the cgroup is that of a daemon, by cgroup. */
  readonly #groups = new Map<string, boolean>()

  constructor(private readonly tracer: Tracer) {}

  launch(argv: HostArgv): HostArgv {
    return this.tracer.wrapTraced(argv)
  }

  shared(group: string): void {
    this.#add(group, true)
  }

  /** Adds the cgroup of the guest. */
  guest(group: string): void {
    this.#add(group, false)
  }

  #add(group: string, isDaemon: boolean): void {
    this.#groups.set(group, isDaemon)
    this.tracer.traceCgroup(group, isDaemon)
  }

  /** Adds the processes that entered the cgroups since the last call. */
  refresh(): void {
    for (const [group, isDaemon] of this.#groups) this.tracer.traceCgroup(group, isDaemon)
  }

  /** Returns the processes that run now. */
  pids(): number[] {
    return [...this.#groups.keys()].flatMap((group) => liveProcesses(group))
  }

  /** Looks at the processes until the result is disposed, because their arguments show their roles. */
  look(): Disposable {
    const look = () => {
      for (const [group, isDaemon] of this.#groups) this.tracer.observe(group, isDaemon)
    }
    const timer = setInterval(look, lookInterval)
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }
}

/** Reads what confines the guest's processes in the middle of the work, or at its end if it is shorter. */
export class WorkConfinement {
  #timer: NodeJS.Timeout | undefined

  /** @param delay milliseconds after the start of the work */
  constructor(
    private readonly reader: ConfinementReader,
    private readonly delay: number,
  ) {}

  /** Call it before the work, while its command waits and nothing is recorded. */
  ready(): Promise<void> {
    return this.reader.readFilters()
  }

  started(): void {
    this.#timer ??= setTimeout(() => this.reader.read(), this.delay)
  }

  ended(): void {
    clearTimeout(this.#timer)
    if (!this.reader.isDone) this.reader.read()
  }
}

/** How often a command passes its barrier before it begins: often enough to include bursts of the platform. */
const roundTrips = 10

/** In how many recordings the idle guest is observed, so that they show by how much its calls vary. */
const idleRecordings = 4

/** Calls of each recording, by role and name. */
type Recordings = AttackProfile['idle']['calls']

/** The counts of each name over all recordings. A recording without the name counts 0. */
function seriesOf(recordings: readonly CallsByRole[]): Recordings {
  return Object.fromEntries(
    processRoles.flatMap((role) => {
      const names = [...new Set(recordings.flatMap((calls) => Object.keys(calls[role] ?? {})))].sort()
      const counts = (name: string) =>
        recordings.map(({ [role]: calls }) => (calls && Object.hasOwn(calls, name) ? calls[name]! : 0))
      return names.length > 0 ? [[role, Object.fromEntries(names.map((name) => [name, counts(name)]))]] : []
    }),
  )
}

/** Records the work in spans of time, which may overlap, and the controls while no span is open. */
export class TraceRecorder {
  #open = 0
  #since = 0
  #milliseconds = 0
  #passes = 0
  readonly #work: CallsByRole[] = []
  #idle: Promise<readonly CallsByRole[]> | undefined
  #barrier: Promise<readonly CallsByRole[]> | undefined

  constructor(
    private readonly tracer: Tracer,
    private readonly targets: TraceTargets,
    /** How long the idle guest is recorded, in seconds. */
    private readonly idleSeconds: number,
    private readonly signal: AbortSignal,
    private readonly confinement: WorkConfinement,
  ) {}

  /** Records the guest once while it runs no command. At that time its server runs. */
  idle(): Promise<readonly CallsByRole[]> {
    const milliseconds = (this.idleSeconds * 1000) / idleRecordings
    this.#idle ??= this.#control(idleRecordings, () => sleep(milliseconds, undefined, { signal: this.signal }))
    return this.#idle
  }

  /**
   * Records the barrier once. At that time, the runtime's processes for an entered command exist.
   * @param roundTrip sends the command through its barrier and back
   */
  async barrier(roundTrip: () => Promise<void>): Promise<void> {
    await this.idle()
    // Work at the same time, such as that of a client, would count as control. A later command may have its control.
    if (this.#open === 0) this.#barrier ??= this.#control(roundTrips, roundTrip)
    await this.#barrier
  }

  /** Waits until no control is recorded. Work that began before would count as control. */
  async controlled(): Promise<void> {
    await this.idle()
    await this.#barrier
  }

  async #control(times: number, what: () => Promise<void>): Promise<readonly CallsByRole[]> {
    this.#work.push(await this.tracer.collect())
    const recordings: CallsByRole[] = []
    for (let at = 0; at < times; at++) {
      this.targets.refresh()
      await this.tracer.recording(what)
      recordings.push(await this.tracer.collect())
    }
    await this.confinement.ready()
    return recordings
  }

  /** Traced time of the work in seconds. */
  get seconds(): number {
    return this.#milliseconds / 1000
  }

  /** @param through set if the span begins and ends at a barrier */
  begin(through?: 'barrier'): void {
    if (through) this.#passes++
    // Since the last span the process of this command, or a server, may have entered the guest.
    this.targets.refresh()
    if (this.#open++ === 0) this.#since = performance.now()
    this.tracer.start()
    this.confinement.started()
  }

  end(): void {
    this.tracer.stop()
    this.confinement.ended()
    if (--this.#open === 0) this.#milliseconds += performance.now() - this.#since
  }

  /** Returns the raw counts after the last span. */
  async counts(): Promise<Pick<AttackProfile, 'work' | 'seconds' | 'idle' | 'barrier'>> {
    const [idle, barrier] = [await this.idle(), (await this.#barrier) ?? []]
    return {
      work: mergeRoles([...this.#work, await this.tracer.collect()]),
      seconds: this.seconds,
      idle: { seconds: this.idleSeconds / idleRecordings, recordings: idle.length, calls: seriesOf(idle) },
      barrier: { passes: this.#passes, recordings: barrier.length, calls: seriesOf(barrier) },
    }
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
  const exec: TracedGuestApi['exec'] = async (command, options = {}) => {
    checkExecOptions(options)
    return options.untraced
      ? plain.exec(command, options)
      : execBetweenBarriers(target, command, options, bounds, recorder)
  }
  return {
    exec,
    guest: { ...plain, exec },
    unmeasured: { guest: plain, client: plainClient },
    client: {
      exec: async (command, options = {}) => {
        if (options.untraced) return plainClient.exec(command, options)
        await recorder.controlled()
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
        await recorder.barrier(roundTrip)
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
