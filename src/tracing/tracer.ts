/** The kernel tracer: records events of selected host processes in a tracefs instance, and counts them by name. */

import {
  appendFileSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setImmediate as pause } from 'node:timers/promises'
import { liveProcesses } from '../host/cgroup.ts'
import { makeInstance } from '../host/cleanup.ts'
import type { CleanupJournal } from '../host/journal.ts'
import { readMemory } from '../host/memory-info.ts'
import type { HostArgv } from '../host/process.ts'
import { HostError, IsobenchError, messageOf } from '../util/errors.ts'
import type { CallCounts } from './call-counts.ts'
import { eachEvent, eventFormat, lostEvents, pageFormat } from './ring-buffer.ts'
import type { TraceSourceSpec } from './sources.ts'

/** Pages to read before yielding to other tasks: some milliseconds. */
const pagesPerTurn = 512

/** Counts the events that an instance has recorded, sorted by name. Stop recording before. */
export async function countEvents(folder: string, source: TraceSourceSpec): Promise<CallCounts> {
  const text = (...file: string[]) => readFileSync(join(folder, 'events', ...file), 'utf8')
  const pages = pageFormat(text('header_page'))
  const events = eventFormat(text(source.event, 'format'), source.field)
  // Count by value first: looking up a name takes longer than counting an event, and there are few distinct values.
  const counts = { task: new Map<bigint, number>(), interrupt: new Map<bigint, number>() }
  for (const cpu of readdirSync(join(folder, 'per_cpu'))) {
    for await (const page of pagesOf(join(folder, 'per_cpu', cpu, 'trace_pipe_raw'), pages.bytes)) {
      eachEvent(page, pages, events, ({ value, inInterrupt }) => {
        const values = inInterrupt ? counts.interrupt : counts.task
        values.set(value, (values.get(value) ?? 0) + 1)
      })
    }
  }
  const calls = new Map<string, number>()
  for (const [values, inInterrupt] of [
    [counts.task, false],
    [counts.interrupt, true],
  ] as const) {
    for (const [value, count] of values) {
      const name = source.nameOf({ value, inInterrupt })
      if (name !== undefined) calls.set(name, (calls.get(name) ?? 0) + count)
    }
  }
  return Object.fromEntries([...calls].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function* pagesOf(file: string, size: number): AsyncGenerator<DataView> {
  const bytes = new Uint8Array(size)
  const page = new DataView(bytes.buffer)
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    for (let read = 0; ; read++) {
      try {
        if (readSync(descriptor, bytes) === 0) return
      } catch (error) {
        // EAGAIN: the buffer is empty. Without O_NONBLOCK this read would block.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return
        throw error
      }
      yield page
      if (read % pagesPerTurn === pagesPerTurn - 1) await pause()
    }
  } finally {
    closeSync(descriptor)
  }
}

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

// The script is constant: file and argv are positional parameters, so the shell does not interpret them.
const followScript = 'echo $$ >> "$0" && exec "$@"'

function tasksOf(group: string): number[] {
  return liveProcesses(group).flatMap((pid) => {
    try {
      return readdirSync(`/proc/${pid}/task`).map(Number)
    } catch {
      // It has already ended.
      return []
    }
  })
}

/**
 * Traces selected processes and their children in its own tracefs instance. See `docs/explanation/attack-profile.md`.
 */
export class Tracer implements AsyncDisposable {
  #recording = 0

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
    this.#write('tracing_on', '0')
    // Before anything is enabled, because an empty list selects every process of the host.
    this.clearTargets()
    this.#write(this.source.forks, '1')
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
    this.#write(...this.source.enable)
    return { [Symbol.dispose]: () => this.#write(...this.source.disable) }
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text)
  }

  /** Returns argv that is traced from its first instruction on. */
  wrapTraced(argv: HostArgv): HostArgv {
    return ['sh', '-c', followScript, join(this.folder, this.source.pids), ...argv]
  }

  /** Traces all tasks in a guest's cgroup: runtime, LXC monitor, gVisor sentry and gofer, VMM, and vhost workers. */
  traceCgroup(group: string): void {
    const file = join(this.folder, this.source.pids)
    // A task created at the same time is either a child of a traced task, or found by the second attempt.
    for (let attempt = 0; attempt < 2; attempt++) {
      const followed = new Set(readFileSync(file, 'utf8').split('\n'))
      const untraced = tasksOf(group).filter((pid) => !followed.has(String(pid)))
      // One write for all of them: after every write, the kernel waits until no CPU uses the old list.
      if (untraced.length > 0) appendFileSync(file, `${untraced.join(' ')}\n`)
    }
  }

  /** Traces nothing: the list contains only the highest pid, which is unused. */
  clearTargets(): void {
    const unusedPid = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) - 1
    this.#write(this.source.pids, String(unusedPid))
  }

  /** Starts recording. Recording ends after as many calls of `stop`. */
  start(): void {
    if (this.#recording++ === 0) this.#write('tracing_on', '1')
  }

  stop(): void {
    if (--this.#recording === 0) this.#write('tracing_on', '0')
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

  /**
   * Returns the calls that were recorded since the last time, by name.
   * @throws {TraceLossError} if the kernel lost events
   */
  async collect(): Promise<CallCounts> {
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
      return await countEvents(this.folder, this.source)
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
