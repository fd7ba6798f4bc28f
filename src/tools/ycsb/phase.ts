import { Connection, type Status } from './connection.ts'
import { keyOf, type Random, recordOf, scrambledZipfian, seeded, uniform } from './keys.ts'

/** The times of one kind of operation. All are kept, four bytes each, so percentiles are exact. */
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

  /** Mean, least, most and percentiles (nearest rank) in µs. @throws RangeError without a time */
  summary(percentiles: readonly number[]): { mean: number; least: number; most: number; at: number[] } {
    if (this.#count === 0) throw new RangeError('there is no operation to sum up')
    const sorted = this.#times.slice(0, this.#count).sort()
    const at = percentiles.map((percent) => sorted[Math.max(0, Math.ceil((percent / 100) * this.#count) - 1)]!)
    const mean = sorted.reduce((sum, time) => sum + time, 0) / this.#count
    return { mean, least: sorted[0]!, most: sorted.at(-1)!, at }
  }
}

/** YCSB's load and run phase against memcached: closed loop, or open loop at a target rate. */

export type Operation = 'INSERT' | 'READ' | 'UPDATE'

export interface PhaseOptions {
  readonly phase: 'load' | 'run'
  readonly host: string
  readonly port: number
  /** Connections, each with one request in flight. */
  readonly connections: number
  readonly records: number
  readonly fields: { readonly count: number; readonly length: number }
  /** Share of reads; the others are updates of a whole record. */
  readonly reads: number
  readonly distribution: 'zipfian' | 'uniform'
  /** Seconds of the run phase. */
  readonly seconds: number
  /**
   * Operations a second, all connections together: an open loop. Each operation has its intended start, and its time counts
   * from there, so that a server that stalls pays for those that had to wait too. Without it, a closed loop: the next one
   * waits for the last one, and the times are service times.
   */
  readonly target?: number
  readonly seed: number
}

export interface PhaseResult {
  readonly milliseconds: number
  readonly operations: ReadonlyMap<Operation, Latencies>
}

/** An operation that is to be sent. */
interface Intent {
  readonly operation: Operation
  readonly request: Uint8Array
}

/** Different values that updates rotate through: making 1000 random bytes each time would be what is measured. */
const values = 251

/** What operations come, one after the other; undefined after the last. */
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

/** Runs one phase to its end. @throws Error when a connection fails or memcached sends what is no answer */
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

/** A connection that knows what it asked, and since when. */
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

  /** @param since what the time counts from, by performance.now() */
  start({ operation, request }: Intent, since: number): void {
    this.#operation = operation
    this.#since = since
    this.#connection.send(request)
  }

  close(): void {
    this.#connection.close()
  }
}

/** Each connection asks again as soon as it is answered. Resolves with the milliseconds from the first to the last. */
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

/** Operations start when they are due, on any idle connection. What was due before the end is done, however late. */
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
    // A timer comes up to a millisecond late, which would be most of a latency; so close to the next one, it asks again.
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
