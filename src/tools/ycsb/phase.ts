import { Connection, type Status } from './connection.ts'
import { keyOf, type Random, recordOf, scrambledZipfian, seeded, uniform } from './keys.ts'

/** The times of one kind of operation. Stores all of them with four bytes each, so that percentiles are exact. */
export class Latencies {
  #times = new Float32Array(1 << 16)
  #count = 0
  readonly returns: Record<string, number> = {}

  add(microseconds: number, returned: string): void {
    if (this.#count === this.#times.length) {
      const more = new Float32Array(this.#count * 2)
      more.set(this.#times)
      this.#times = more
    }
    this.#times[this.#count++] = microseconds
    this.returns[returned] = (this.returns[returned] ?? 0) + 1
  }

  get count(): number {
    return this.#count
  }

  /** Returns mean, minimum, maximum and percentiles (nearest rank) in us. Throws a RangeError if there is no time. */
  summary(percentiles: readonly number[]): { mean: number; least: number; most: number; at: number[] } {
    if (this.#count === 0) throw new RangeError('there is no operation to sum up')
    const sorted = this.#times.slice(0, this.#count).sort()
    const at = percentiles.map((percent) => sorted[Math.max(0, Math.ceil((percent / 100) * this.#count) - 1)]!)
    const mean = sorted.reduce((sum, time) => sum + time, 0) / this.#count
    return { mean, least: sorted[0]!, most: sorted.at(-1)!, at }
  }
}

/** Options of YCSB's load and run phase: a closed loop, or an open loop with a target rate. */

export type Operation = 'INSERT' | 'READ' | 'UPDATE'

export interface PhaseOptions {
  readonly phase: 'load' | 'run'
  readonly host: string
  readonly port: number
  /** Connections, each with one request in flight. */
  readonly connections: number
  readonly records: number
  readonly fields: { readonly count: number; readonly length: number }
  /** Share of reads. The other operations update a whole record. */
  readonly reads: number
  readonly distribution: 'zipfian' | 'uniform'
  /** Duration of the run phase. */
  readonly seconds: number
  /**
   * Operations per second on all connections together: an open loop. Every operation has an intended start, from which
   * its time counts, so a stalled server also delays later operations. Without it, a closed loop: every operation waits
   * for the previous one, and times are service times.
   */
  readonly target?: number
  readonly seed: number
}

export interface PhaseResult {
  readonly milliseconds: number
  readonly operations: ReadonlyMap<Operation, Latencies>
}

/** An operation to send. */
interface Intent {
  readonly operation: Operation
  readonly request: Uint8Array
}

/**
 * Number of different values that updates use in turn. Creating 1000 random bytes per update would dominate the result.
 */
const values = 251

/** Creates a function that returns the next operation, or `undefined` after the last one. */
export function operationsOf(options: PhaseOptions, random: Random): () => Intent | undefined {
  const { records, phase } = options
  const pool = Array.from({ length: values }, () => recordOf(random, options.fields))
  const keys = Array.from({ length: records }, (_, record) => keyOf(record))
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  const store = (how: string, record: number, value: string) =>
    bytes(`${how} ${keys[record]} 0 0 ${value.length}\r\n${value}\r\n`)
  if (phase === 'load') {
    let next = 0
    return () => {
      if (next === records) return undefined
      const value = pool[next % values]!
      return { operation: 'INSERT', request: store('set', next++, value) }
    }
  }
  const gets = keys.map((key) => bytes(`get ${key}\r\n`))
  const choose = options.distribution === 'zipfian' ? scrambledZipfian(records, random) : uniform(records, random)
  let updates = 0
  return () => {
    const record = choose()
    return random() < options.reads
      ? { operation: 'READ', request: gets[record]! }
      : { operation: 'UPDATE', request: store('replace', record, pool[updates++ % values]!) }
  }
}

/** Runs one phase. Throws if a connection fails or memcached sends an invalid response. */
export async function runPhase(options: PhaseOptions): Promise<PhaseResult> {
  const next = operationsOf(options, seeded(options.seed))
  const operations = new Map<Operation, Latencies>()
  const took = (operation: Operation, microseconds: number, returned: Status) => {
    const latencies = operations.get(operation) ?? new Latencies()
    operations.set(operation, latencies)
    latencies.add(microseconds, returned)
  }
  const clients: Client[] = []
  try {
    return await new Promise<PhaseResult>((resolve, reject) => {
      for (let n = 0; n < options.connections; n++) clients.push(new Client(options, took, reject))
      Promise.all(clients.map(({ opened }) => opened))
        .then(() =>
          options.target === undefined
            ? closedLoop(clients, next, options)
            : openLoop(clients, next, options, options.target),
        )
        .then((milliseconds) => resolve({ milliseconds, operations }))
        .catch(reject)
    })
  } finally {
    for (const client of clients) client.close()
  }
}

/** A connection that remembers its current operation and when it started. */
class Client {
  readonly #connection: Connection
  readonly opened: Promise<void>
  #operation: Operation = 'READ'
  #since = 0
  idle: () => void = () => {}

  constructor(
    address: { host: string; port: number },
    took: (operation: Operation, microseconds: number, returned: Status) => void,
    onError: (error: Error) => void,
  ) {
    const onResponse = (returned: Status) => {
      took(this.#operation, (performance.now() - this.#since) * 1000, returned)
      this.idle()
    }
    this.#connection = new Connection(address, onResponse, onError)
    this.opened = this.#connection.opened
  }

  /** @param since start of the measured time, of performance.now() */
  start({ operation, request }: Intent, since: number): void {
    this.#operation = operation
    this.#since = since
    this.#connection.send(request)
  }

  close(): void {
    this.#connection.close()
  }
}

/** Every connection sends its next request after the response. Returns the milliseconds from the first to the last. */
function closedLoop(
  clients: readonly Client[],
  next: () => Intent | undefined,
  options: PhaseOptions,
): Promise<number> {
  const started = performance.now()
  const until = options.phase === 'load' ? Infinity : started + options.seconds * 1000
  let busy = clients.length
  return new Promise((resolve) => {
    for (const client of clients) {
      client.idle = () => {
        const now = performance.now()
        const intent = now < until ? next() : undefined
        if (intent) client.start(intent, now)
        else if (--busy === 0) resolve(now - started)
      }
      client.idle()
    }
  })
}

/**
 * Operations start at their intended time on any idle connection. Operations that are due before the end are completed.
 */
function openLoop(
  clients: readonly Client[],
  next: () => Intent | undefined,
  options: PhaseOptions,
  target: number,
): Promise<number> {
  const started = performance.now()
  const interval = 1000 / target
  const last = options.phase === 'load' ? Infinity : Math.floor(options.seconds * target)
  let begun = 0
  let over = false
  const idle = [...clients]
  return new Promise((resolve) => {
    const begin = () => {
      const now = performance.now()
      while (idle.length > 0 && !over) {
        const due = started + begun * interval
        if (due > now && begun < last) break
        const intent = begun < last ? next() : undefined
        if (!intent) over = true
        else {
          begun++
          idle.pop()!.start(intent, due)
        }
      }
      if (over && idle.length === clients.length) resolve(now - started)
    }
    for (const client of clients) {
      client.idle = () => {
        idle.push(client)
        begin()
      }
    }
    // Timers are up to 1 ms late, which would dominate a latency. So poll when the next operation is close.
    const wait = () => {
      begin()
      if (over) return
      const left = started + begun * interval - performance.now()
      if (left > 2) setTimeout(wait, left - 2)
      else setImmediate(wait)
    }
    wait()
  })
}
