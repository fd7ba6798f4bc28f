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
import type { HostArgv } from '../host/process.ts'
import { IsobenchError, messageOf } from '../util/errors.ts'
import type { CallCounts } from './call-counts.ts'
import { eachEvent, eventFormat, lostEvents, pageFormat } from './ring-buffer.ts'
import type { Instrument } from './sources.ts'

/** Empties the buffers of a tracefs instance into counts by name. */

/** Pages between two looks at what else there is to do: some milliseconds. */
const pagesAtOnce = 512

/** What the instance has recorded, by name, in order of the names. Nothing must be recorded meanwhile. */
export async function countEvents(folder: string, instrument: Instrument): Promise<CallCounts> {
  const text = (...file: string[]) => readFileSync(join(folder, 'events', ...file), 'utf8')
  const pages = pageFormat(text('header_page'))
  const events = eventFormat(text(instrument.event, 'format'), instrument.field)
  // By value first: a name takes longer to find than an event to count, and there are few values.
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
      const name = instrument.nameOf({ value, inInterrupt })
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
        // The buffer is empty: who does not say that he waits for nothing would wait for more.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return
        throw error
      }
      yield page
      if (read % pagesAtOnce === pagesAtOnce - 1) await pause()
    }
  } finally {
    closeSync(descriptor)
  }
}

/** The host kernel cannot be watched in the way that was asked for. */
export class TracerUnavailableError extends IsobenchError {
  readonly code = 'ISOBENCH_INSTRUMENT'
}

/** Events were lost, so nothing can be said of those that were not. */
export class TraceLossError extends IsobenchError {
  readonly code = 'ISOBENCH_TRACE_LOSS'
}

export interface TracerOptions {
  readonly journal: CleanupJournal
  /** The instance's name. */
  readonly name: string
  /** Where guests run: only their buffers have to be large. */
  readonly cpus: readonly number[]
}

// A constant text: the file and the argv come as positional parameters, and nothing of a user's is interpreted.
const follow = 'echo $$ >> "$0" && exec "$@"'

function tasksOf(group: string): number[] {
  return liveProcesses(group).flatMap((pid) => {
    try {
      return readdirSync(`/proc/${pid}/task`).map(Number)
    } catch {
      // It ended meanwhile.
      return []
    }
  })
}

/** Watches chosen processes and their children, in an instance of tracefs of its own; see `docs/attack-profile.md`. */
export class Tracer implements AsyncDisposable {
  #recording = 0

  private constructor(
    private readonly instrument: Instrument,
    private readonly folder: string,
    private readonly undo: AsyncDisposable,
  ) {}

  /**
   * Makes the instance and sets the instrument in it once, which is the only way to know that the kernel lets us.
   * @throws InstrumentError with the kernel's reason.
   */
  static async open(instrument: Instrument, { journal, name, cpus }: TracerOptions): Promise<Tracer> {
    let made: Awaited<ReturnType<typeof makeInstance>> | undefined
    try {
      made = await makeInstance(journal, name)
      const tracer = new Tracer(instrument, made.folder, made.undo)
      tracer.#prepare(cpus)
      return tracer
    } catch (error) {
      await made?.undo[Symbol.asyncDispose]()
      throw new TracerUnavailableError(
        `the kernel refuses to trace ${instrument.name}: ${refusal(error)}`,
        instrument.name === 'functions'
          ? 'a kernel in lockdown forbids it; trace by syscalls, or on a host without lockdown'
          : 'it needs root and tracefs (CONFIG_FTRACE_SYSCALLS)',
      )
    }
  }

  #prepare(cpus: readonly number[]): void {
    this.#write('tracing_on', '0')
    // Before anything is armed: an empty list means every process of the host.
    this.clearTargets()
    this.#write(this.instrument.forks, '1')
    // What is lost shall be counted, and what was recorded kept.
    this.#write('options/overwrite', '0')
    this.#write('buffer_size_kb', '4096')
    for (const cpu of cpus) this.#write(`per_cpu/cpu${cpu}/buffer_size_kb`, String(this.#bufferKiB(cpus.length)))
    this.enable()[Symbol.dispose]()
  }

  /** The instrument's wish, but no more than an eighth of the memory that is free, for all CPUs together. */
  #bufferKiB(cpus: number): number {
    const free = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0)
    return Math.max(4096, Math.min(this.instrument.bufferMiB * 1024, Math.floor(free / 8 / cpus)))
  }

  /** Sets the instrument until it is disposed: meanwhile all of the host is slower, whether anything is recorded or not. */
  enable(): Disposable {
    this.#write(...this.instrument.enable)
    return { [Symbol.dispose]: () => this.#write(...this.instrument.disable) }
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text)
  }

  /** Argv that is followed from its first instruction on. */
  wrapTraced(argv: HostArgv): HostArgv {
    return ['sh', '-c', follow, join(this.folder, this.instrument.pids), ...argv]
  }

  /** Follows every task of a guest: its runtime, monitor, sentry, gofer, VMM and vhost workers stand in its cgroup. */
  traceCgroup(group: string): void {
    const file = join(this.folder, this.instrument.pids)
    // One that is made while we look has a parent that is followed by the second look at the latest.
    for (let looks = 0; looks < 2; looks++) {
      const followed = new Set(readFileSync(file, 'utf8').split('\n'))
      const others = tasksOf(group).filter((pid) => !followed.has(String(pid)))
      // All in one: with each write the kernel waits until no CPU uses the list as it was.
      if (others.length > 0) appendFileSync(file, `${others.join(' ')}\n`)
    }
  }

  /** Follows nobody: the list has one number that is nobody's, the last that the kernel gives. */
  clearTargets(): void {
    const last = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) - 1
    this.#write(this.instrument.pids, String(last))
  }

  /** Records until as many calls of `stop`. */
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
   * What was recorded since the last time, by name.
   * @throws TraceLossError when the kernel could not record all of it.
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
          `${lost} events were lost: the buffer was full`,
          'measure for less time (--seconds), or free memory for larger buffers',
        )
      }
      return await countEvents(this.folder, this.instrument)
    } finally {
      this.#write('trace', '\n')
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.undo[Symbol.asyncDispose]())
  }
}

/** What the kernel said, and of which file of tracefs: where the instance was, which is gone again, tells nobody anything. */
function refusal(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  return code && path ? `${code} for ${basename(path)}` : messageOf(error)
}
