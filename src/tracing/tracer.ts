/** The kernel tracer: records events of selected host processes in a tracefs instance, and counts them by name. */

import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ProcessRole, ProgramRole } from '../dsl/process-roles.ts'
import { makeInstance } from '../host/cleanup.ts'
import type { CleanupJournal } from '../host/journal.ts'
import { readMemory } from '../host/memory-info.ts'
import type { HostArgv } from '../host/process.ts'
import { HostError, IsobenchError, messageOf } from '../util/errors.ts'
import type { CallsByRole } from './call-counts.ts'
import { type CallEvents, readCallEvents } from './call-interface.ts'
import { countEvents, type Observation } from './count-events.ts'
import { observeCgroup } from './observe.ts'
import { ProcessTable } from './process-table.ts'
import { lostEvents } from './ring-buffer.ts'
import { processEvents, type TraceSourceSpec } from './sources.ts'

/** The host kernel does not support the requested trace source. */
export class TracerUnavailableError extends IsobenchError {
  readonly code = 'ISOBENCH_INSTRUMENT'
}

/** The kernel lost events, so the counts would be wrong. */
export class TraceLossError extends IsobenchError {
  readonly code = 'ISOBENCH_TRACE_LOSS'
}

export interface TracerOptions {
  readonly journal: CleanupJournal
  /** Name of the instance. */
  readonly name: string
  /** The guests' CPUs. Only their buffers need to be large. */
  readonly cpus: readonly number[]
}

/** The time of the instance's clock. */
const nanoseconds = () => Number(process.hrtime.bigint())

// The script is constant: file and argv are positional parameters, so the shell does not interpret them.
const followScripts: Readonly<Record<number, string>> = {
  1: 'echo $$ >> "$0" && exec "$@"',
  2: 'echo $$ >> "$0" && echo $$ >> "$1" && shift && exec "$@"',
}

/**
 * Traces selected processes and their children in its own tracefs instance. See `docs/explanation/attack-profile.md`.
 */
export class Tracer implements AsyncDisposable {
  #recording = 0
  readonly #processes = new ProcessTable()
  #observations: Observation[] = []
  /** Nanoseconds before and after each end of a recording. */
  #stops: [before: number, after: number][] = []
  #callEvents: CallEvents | undefined

  private constructor(
    private readonly source: TraceSourceSpec,
    private readonly folder: string,
    private readonly undo: AsyncDisposable,
  ) {}

  /**
   * Creates the instance and enables the trace source once, because only that shows whether the kernel allows it.
   * @throws {TracerUnavailableError} with the reason of the kernel
   */
  static async open(source: TraceSourceSpec, { journal, name, cpus }: TracerOptions): Promise<Tracer> {
    let instance: Awaited<ReturnType<typeof makeInstance>> | undefined
    try {
      instance = await makeInstance(journal, name)
      const tracer = new Tracer(source, instance.folder, instance.undo)
      tracer.#prepare(cpus)
      return tracer
    } catch (error) {
      await instance?.undo[Symbol.asyncDispose]()
      const fix = error instanceof HostError ? error.fix : undefined
      throw new TracerUnavailableError(
        `the kernel refuses to trace ${source.name}: ${refusal(error)}`,
        fix ??
          (source.name === 'functions'
            ? 'kernel lockdown forbids it; trace syscalls instead, or use a host without lockdown'
            : 'run as root with tracefs and CONFIG_FTRACE_SYSCALLS'),
      )
    }
  }

  #prepare(cpus: readonly number[]): void {
    this.source.check?.()
    if (this.source.hasInterfaces) this.#callEvents = readCallEvents(this.folder)
    this.#write('tracing_on', '0')
    // Before anything is enabled, because an empty list selects every process of the host.
    this.clearTargets()
    for (const option of this.source.forks) this.#write(option, '1')
    // The clock of `process.hrtime`, so that events and observations have an order, and the same on all CPUs.
    this.#write('trace_clock', 'mono')
    // Without overwrite, the kernel keeps old events and counts lost ones.
    this.#write('options/overwrite', '0')
    this.#write('buffer_size_kb', '4096')
    for (const cpu of cpus) this.#write(`per_cpu/cpu${cpu}/buffer_size_kb`, String(this.#bufferKiB(cpus.length)))
    this.enable()[Symbol.dispose]()
  }

  /** The source's buffer size, limited to an eighth of the available memory for all CPUs together. */
  #bufferKiB(cpus: number): number {
    const free = readMemory().available / 1024
    return Math.max(4096, Math.min(this.source.bufferMiB * 1024, Math.floor(free / 8 / cpus)))
  }

  /**
   * Enables the trace source until the result is disposed. At the same time, the whole host is slower, even if nothing
   * is recorded.
   */
  enable(): Disposable {
    for (const event of processEvents) this.#write(`events/${event}/enable`, '1')
    this.#write(...this.source.enable)
    // After the source, because the kernel records the events of a call in the order in which they were enabled. One
    // file for each call, because `events/syscalls/enable` also records when a call returns, twice as many events.
    const folders = this.#callEvents?.folders ?? []
    for (const event of folders) this.#write(`${event}/enable`, '1')
    return {
      [Symbol.dispose]: () => {
        for (const event of folders) this.#write(`${event}/enable`, '0')
        this.#write(...this.source.disable)
        for (const event of processEvents) this.#write(`events/${event}/enable`, '0')
      },
    }
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text)
  }

  get #pidFiles(): readonly string[] {
    return this.source.pids.map((file) => join(this.folder, file))
  }

  /** Returns argv that is traced from its first instruction on. */
  wrapTraced(argv: HostArgv): HostArgv {
    const files = this.#pidFiles
    return ['sh', '-c', followScripts[files.length]!, ...files, ...argv]
  }

  /**
   * Traces all tasks in a guest's cgroup: runtime, LXC monitor, gVisor sentry and gofer, VMM, and vhost workers.
   * @param ofDaemon whether it is the cgroup of a daemon that serves several guests
   */
  traceCgroup(group: string, ofDaemon = false): void {
    // A task created at the same time is either a child of a traced task, or found by the second attempt.
    for (let attempt = 0; attempt < 2; attempt++) {
      const processes = this.observe(group, ofDaemon)
      for (const file of this.#pidFiles) {
        const followed = new Set(readFileSync(file, 'utf8').split('\n'))
        const untraced = processes.flatMap(({ tasks }) => tasks).filter((pid) => !followed.has(String(pid)))
        // One write for all of them: after every write, the kernel waits until no CPU uses the old list.
        if (untraced.length > 0) appendFileSync(file, `${untraced.join(' ')}\n`)
      }
    }
  }

  /** Reads which programs the processes of a cgroup execute, for their roles, and returns the processes. */
  observe(group: string, ofDaemon = false): Observation['processes'] {
    const time = nanoseconds()
    const processes = observeCgroup(group, ofDaemon)
    this.#observations.push({ time, processes })
    return processes
  }

  /**
   * Traces nothing: the list contains only the highest pid, which is unused.
   * @param roles the platform's rows of the table of programs
   */
  clearTargets(roles: readonly ProgramRole[] = []): void {
    const unusedPid = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) - 1
    for (const file of this.source.pids) this.#write(file, String(unusedPid))
    this.#processes.reset(roles)
    this.#observations = []
    this.#stops = []
  }

  /** Starts recording. Recording ends after as many calls of `stop`. */
  start(): void {
    if (this.#recording++ === 0) this.#write('tracing_on', '1')
  }

  stop(): void {
    if (--this.#recording > 0) return
    const before = nanoseconds()
    this.#write('tracing_on', '0')
    this.#stops.push([before, nanoseconds()])
  }

  /** Records while `use` runs. */
  async recording<T>(use: () => Promise<T>): Promise<T> {
    this.start()
    try {
      return await use()
    } finally {
      this.stop()
    }
  }

  /** Returns the role of a process by the events that were collected. Also for processes that have ended. */
  roleOf(pid: number): ProcessRole {
    return this.#processes.roleOf(pid)
  }

  /**
   * Returns the calls that were recorded since the last time, by role and name.
   * @throws {TraceLossError} if the kernel lost events
   */
  async collect(): Promise<CallsByRole> {
    try {
      const cpus = readdirSync(join(this.folder, 'per_cpu'))
      const lost = cpus.reduce(
        (sum, cpu) => sum + lostEvents(readFileSync(join(this.folder, 'per_cpu', cpu, 'stats'), 'utf8')),
        0,
      )
      if (lost > 0) {
        throw new TraceLossError(
          `the trace buffer was full, and ${lost} events were lost.`,
          'measure for a shorter time (--seconds), or free memory for larger buffers',
        )
      }
      return await countEvents(this.folder, this.source, this.#processes, {
        observations: this.#observations.splice(0),
        stops: this.#stops.splice(0),
        callEvents: this.#callEvents,
      })
    } finally {
      this.#write('trace', '\n')
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.undo[Symbol.asyncDispose]())
  }
}

/**
 * The kernel's error code and the name of the tracefs file. Without the path, because the instance no longer exists.
 */
function refusal(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  return code && path ? `${code} for ${basename(path)}` : messageOf(error)
}
