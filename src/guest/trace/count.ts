/** Empties the buffers of a tracefs instance into counts by name. */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as pause } from 'node:timers/promises'
import type { Instrument } from './instrument.ts'
import { eachEvent, eventFormat, pageFormat } from './pages.ts'
import type { CallCounts } from './profile.ts'

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
