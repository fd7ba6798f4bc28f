/** Counts the events of a tracefs instance by the role of the process and by name. */

import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as pause } from 'node:timers/promises'
import type { ProcessRole } from '../dsl/process-roles.ts'
import { type CallsByRole, mergeRoles } from './call-counts.ts'
import { byInterface, type CallEvents, CallPairs } from './call-interface.ts'
import type { ObservedProcess, ProcessTable } from './process-table.ts'
import {
  commonFormat,
  EventReader,
  eventType,
  offsetOf,
  type PageFormat,
  pageFormat,
  type TraceEvent,
} from './ring-buffer.ts'
import { processEvents, type TraceSourceSpec } from './sources.ts'

/** Processes as `/proc` showed them at a time of the clock of `process.hrtime`, in nanoseconds. */
export interface Observation {
  readonly time: number
  readonly processes: readonly ObservedProcess[]
}

/** Pages to read before yielding to other tasks: some milliseconds. */
const pagesPerTurn = 512

/** The events of one CPU in the order of their time. */
class CpuEvents implements Disposable {
  readonly #descriptor: number
  readonly #bytes: Uint8Array
  readonly #page: DataView

  constructor(
    file: string,
    format: PageFormat,
    readonly reader: EventReader,
  ) {
    // Without O_NONBLOCK, reading an empty buffer would block.
    this.#descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    this.#bytes = new Uint8Array(format.bytes)
    this.#page = new DataView(this.#bytes.buffer)
  }

  /** Goes to the next event, and returns false if there is none. @param onPage called for each page that was read */
  next(onPage: () => void): boolean {
    while (!this.reader.next()) {
      try {
        if (readSync(this.#descriptor, this.#bytes) === 0) return false
      } catch (error) {
        // The buffer is empty.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false
        throw error
      }
      onPage()
      this.reader.load(this.#page)
    }
    return true
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
  }
}

/** Adds the events of an instance to the table in the order of their time. */
async function replay(
  cpus: readonly CpuEvents[],
  observations: readonly Observation[],
  table: ProcessTable,
  onEvent: (reader: EventReader) => void,
): Promise<void> {
  let pages = 0
  const onPage = () => void pages++
  let waiting = cpus.filter((cpu) => cpu.next(onPage))
  let observed = 0
  const observeUntil = (time: number) => {
    for (; observed < observations.length && observations[observed]!.time <= time; observed++)
      for (const process of observations[observed]!.processes) table.observe(process)
  }
  while (waiting.length > 0) {
    const first = waiting.reduce((a, b) => (b.reader.time < a.reader.time ? b : a))
    // Until another CPU has an earlier event, so that the CPUs need not be compared for each one.
    const until = Math.min(
      ...waiting.flatMap((cpu) => (cpu === first ? [] : cpu.reader.time)),
      observations[observed]?.time ?? Number.POSITIVE_INFINITY,
    )
    observeUntil(first.reader.time)
    let isThere = true
    do {
      onEvent(first.reader)
      isThere = first.next(onPage)
    } while (isThere && first.reader.time <= until && pages < pagesPerTurn)
    if (!isThere) waiting = waiting.filter((cpu) => cpu !== first)
    if (pages >= pagesPerTurn) {
      pages = 0
      await pause()
    }
  }
  observeUntil(Number.POSITIVE_INFINITY)
}

// Counters of the table: calls of the task, those in an interrupt, and those without an event of the call itself.
const [ofTask, ofInterrupt, ofUnpaired] = [0, 1, 2]

/** What a tracer knows beside the events. */
export interface Recording {
  readonly observations: readonly Observation[]
  /** Nanoseconds before and after each end of the recording. */
  readonly stops: readonly (readonly [before: number, after: number])[]
  /** The events of the calls themselves, if the source has interfaces. */
  readonly callEvents: CallEvents | undefined
}

/**
 * Counts the events that an instance has recorded, sorted by name. Stop recording before.
 * @param table knows what the followed processes executed before
 */
export async function countEvents(
  folder: string,
  source: TraceSourceSpec,
  table: ProcessTable,
  { observations, stops, callEvents }: Recording,
): Promise<CallsByRole> {
  const text = (...file: string[]) => readFileSync(join(folder, 'events', ...file), 'utf8')
  const format = pageFormat(text('header_page'))
  const counted = text(source.event, 'format')
  const common = commonFormat(counted)
  const [type, value] = [eventType(counted), offsetOf(counted, source.field, '8')]
  const [fork, exec] = processEvents.map((event) => text(event, 'format')) as [string, string]
  const [forkType, execType] = [eventType(fork), eventType(exec)]
  const [parent, child] = [offsetOf(fork, 'parent_pid', '4'), offsetOf(fork, 'child_pid', '4')]
  const [file, pid, oldPid] = [
    offsetOf(exec, 'filename', '4'),
    offsetOf(exec, 'pid', '4'),
    offsetOf(exec, 'old_pid', '4'),
  ]
  const pairs =
    callEvents &&
    new CallPairs(stops, (task, call, isPaired) => table.count(task, isPaired ? ofTask : ofUnpaired, call))
  const cpus: CpuEvents[] = []
  try {
    for (const cpu of readdirSync(join(folder, 'per_cpu'))) {
      const reader = new EventReader(format, common)
      cpus.push(new CpuEvents(join(folder, 'per_cpu', cpu, 'trace_pipe_raw'), format, reader))
    }
    await replay(cpus, observations, table, (event) => {
      if (event.type === type) {
        if (pairs) pairs.enter(event.task, event.long(value), event.time)
        else table.count(event.task, event.inInterrupt ? ofInterrupt : ofTask, event.long(value))
      } else if (callEvents?.types.has(event.type)) {
        pairs?.confirm(event.task)
      } else if (event.type === forkType) {
        pairs?.settle(event.int(child))
        table.fork(event.int(parent), event.int(child))
      } else if (event.type === execType) {
        const [id, task] = [event.int(pid), event.int(oldPid)]
        // The thread that asked gets the id of the first thread. The last call of either is of the program before.
        for (const one of [id, task]) pairs?.settle(one)
        table.exec(id, task, event.text(file), event.time)
      }
    })
    pairs?.settleAll()
  } finally {
    for (const cpu of cpus) cpu[Symbol.dispose]()
  }
  const none = new Map<bigint, number>()
  return mergeRoles(
    table.take().map(({ role, counts }) => {
      const calls = new Map<string, number>()
      const add = (values: ReadonlyMap<bigint, number>, of: Omit<TraceEvent, 'value'>) => {
        // Names after counts: looking up a name takes longer than counting an event, and there are few values.
        for (const [value, count] of values) {
          const name = source.nameOf({ value, ...of })
          if (name !== undefined) calls.set(name, (calls.get(name) ?? 0) + count)
        }
      }
      const [paired, unpaired] = [counts[ofTask] ?? none, counts[ofUnpaired] ?? none]
      const { native, compat } = callEvents
        ? byInterface(paired, unpaired, callEvents.has)
        : { native: paired, compat: none }
      add(native, { inInterrupt: false, isCompat: false })
      add(compat, { inInterrupt: false, isCompat: true })
      add(counts[ofInterrupt] ?? none, { inInterrupt: true, isCompat: false })
      return calls.size === 0 ? {} : { [role as ProcessRole]: Object.fromEntries(calls) }
    }),
  )
}
