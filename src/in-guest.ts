import { setImmediate as nextTurn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { Bench } from 'tinybench'
import { median } from './core/stats/quantile.ts'
import { loadRegistrations } from './dsl/registry.ts'

/**
 * Runs inside a guest: times one in-guest function of a bench file with tinybench and prints the outcome as one line.
 *
 * tinybench times batches of calls, because a clock shows nothing below its step and the cost of a reading: 10 ns and
 * 30 to 80 ns for `process.hrtime`, and far more for a clock that is a system call. tinybench reads the clock for every
 * call of its task, so the time of a fast function would be that of the clock (its README, "Timer Overhead
 * Correction": "the per-sample timer floor `C` is not amortized"). Google Benchmark (`PredictNumItersNeeded`)
 * and JMH (mode `avgt`) time as many calls as fill a whole run, and an outlier is then part of the mean. mitata 1
 * (`k_batch_threshold`) times 4,096 calls if one takes less than 66 us. Rust's libtest fills 1 ms. isobench also fills
 * 1 ms, or 1,000 ticks of a slow clock.
 *
 * The result is the median of the batches, each with the mean of its calls. A function that takes longer than a batch
 * is timed call by call. Nothing is subtracted.
 */

/** Nanoseconds of a clock that never goes back. */
type Clock = () => bigint

// Before user code may replace them.
const monotonic: Clock = process.hrtime.bigint
const print = process.stdout.write.bind(process.stdout)
const exit = process.exit.bind(process)

const ms = 1e6

/** Nanoseconds of warm-up, in which V8 compiles the function. */
const warmUp = 200 * ms
/** An empty function is compiled sooner. */
const emptyWarmUp = 50 * ms

/** Nanoseconds that a batch takes at least. */
const minBatch = ms
/** With so many, a step of the clock or the cost of a reading changes a batch by 0.1 %. */
const ticksOfBatch = 1000

/** As in pytest-benchmark. A slow function has so many calls, however short the sample is. */
const minBatches = 5
const emptyBatches = 20

/** mitata's limit, below which it says that a function "was likely optimized out". */
const likeEmpty = 1.42

/** What the guest prints. */
export type InGuestOutcome = { readonly throughput: number } | { readonly error: string; readonly fix?: string }

/** The function does nothing that can be measured. */
class UnmeasurableError extends Error {
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message)
  }
}

/** Expects argv: the bench's name, seconds to measure, and a word that starts the line of the outcome. */
export async function timeInGuest(load: () => Promise<unknown>): Promise<void> {
  const [name, seconds, marker] = process.argv.slice(2) as [string, string, string]
  let hasEnded = false
  const end = (outcome: InGuestOutcome) => {
    // A function that leaves one error behind leaves one per call.
    if (hasEnded) return
    hasEnded = true
    // Something that the function left open, such as a server, must not keep the process.
    print(`\n${marker}${JSON.stringify(outcome)}\n`, () => exit(0))
  }
  const fail = (error: unknown) => end(describeError(error))
  process.on('uncaughtException', fail)
  try {
    const { benches } = await loadRegistrations(load)
    const work = benches.findLast((bench) => bench.name === name)?.workload?.work
    if (work?.kind !== 'in-guest') throw new Error(`the bundle has no in-guest bench "${name}"`)
    end({ throughput: await measureThroughput(work.fn, Number(seconds)) })
  } catch (error) {
    fail(error)
  }
}

function describeError(error: unknown): InGuestOutcome {
  if (error instanceof UnmeasurableError) return { error: error.message, fix: error.fix }
  return { error: error instanceof Error ? `${error.name}: ${error.message}` : inspect(error) }
}

/** Calls per second. */
async function measureThroughput(fn: () => unknown, seconds: number): Promise<number> {
  const first = fn()
  const isAsync = typeof (first as PromiseLike<unknown> | null | undefined)?.then === 'function'
  await first
  const loop = isAsync ? awaitOften : callOften
  const empties = isAsync ? emptyAsync : empty
  // A call of more than one function stays a call: V8 inlines a function that is the only one of its kind, and removes
  // what has no effect over several calls.
  for (const one of empties) await loop(one, 1000)
  const timed = await timeCalls(loop, fn, { clock: monotonic, seconds, warmUp, batches: minBatches })
  if (timed.isBatched) {
    const nothing = { clock: monotonic, seconds: 0, warmUp: emptyWarmUp, batches: emptyBatches }
    refuseLikeEmpty(timed.fastest, (await timeCalls(loop, empties[0]!, nothing)).fastest)
  }
  return throughputOf(timed.median)
}

const empty = [() => {}, () => 0, () => '']
const emptyAsync = [async () => {}, async () => 0, async () => '']

function callOften(fn: () => unknown, calls: number): void {
  for (let i = 0; i < calls; i++) fn()
}

async function awaitOften(fn: () => unknown, calls: number): Promise<void> {
  for (let i = 0; i < calls; i++) await fn()
}

/** Calls a function so many times. A promise if it awaits each call. */
type Loop = (fn: () => unknown, calls: number) => void | Promise<void>

interface TimeOptions {
  readonly clock: Clock
  /** How long to measure after the warm-up. */
  readonly seconds: number
  /** Nanoseconds. */
  readonly warmUp: number
  /** The fewest batches. */
  readonly batches: number
}

/** Nanoseconds of a call, by the batches. */
interface CallTime {
  readonly median: number
  readonly fastest: number
  /** Whether a batch had several calls. */
  readonly isBatched: boolean
}

/** Times a function. */
export async function timeCalls(
  loop: Loop,
  fn: () => unknown,
  { clock, seconds, warmUp, batches }: TimeOptions,
): Promise<CallTime> {
  let isAsync = false
  const batch = async (calls: number): Promise<number> => {
    const begin = clock()
    const running = loop(fn, calls)
    isAsync = running !== undefined
    if (isAsync) await running
    const took = Number(clock() - begin)
    await nextTurn()
    return took
  }
  const long = Math.max(minBatch, ticksOfBatch * tickOf(clock))
  const warm = clock() + BigInt(warmUp)
  let calls = 1
  // Twice, because the host may have stopped the guest during one of them.
  for (let enough = 0; enough < 2; ) {
    const took = await batch(calls)
    if (took >= long) enough += clock() >= warm ? 1 : 0
    else {
      calls *= 2
      enough = 0
    }
  }
  const bench = new Bench({
    now: () => Number(clock()) / ms,
    time: seconds * 1000,
    iterations: batches,
    warmup: false,
    throws: true,
  })
  // What the function left to do in the background, and its stray errors, do not wait for the end of the sample.
  bench.add('batches', () => loop(fn, calls), { async: isAsync, afterEach: () => nextTurn() })
  const [task] = await bench.run()
  const result = task!.result
  if (!('latency' in result)) throw new Error(`tinybench did not complete: ${result.state}`)
  const { p50, min } = result.latency
  return { median: (p50 * ms) / calls, fastest: (min * ms) / calls, isBatched: calls > 1 }
}

/** So many readings end an estimate of the clock, or so many nanoseconds. */
const readings = 10_000
const tickTime = 100 * ms

/**
 * The least time that a clock can show, in nanoseconds: its step, or the cost of a reading if that is more. Both are in
 * the time between two readings that differ (A. Shipilev, "Nanotrusting the Nanotime", granularity and latency).
 */
export function tickOf(clock: Clock): number {
  const ticks: number[] = []
  let last = clock()
  const until = last + BigInt(tickTime)
  while (ticks.length === 0 || (ticks.length < readings && last < until)) {
    const next = clock()
    if (next === last) continue
    ticks.push(Number(next - last))
    last = next
  }
  return median(ticks)
}

/**
 * Compares the fastest batches, because other processes make the others slower, and not both alike.
 * @param call nanoseconds of a call
 * @param nothing nanoseconds of a call of an empty function
 * @throws {UnmeasurableError} if the figure would be that of the call, and not of what the function does
 */
export function refuseLikeEmpty(call: number, nothing: number): void {
  if (call > likeEmpty * nothing) return
  throw new UnmeasurableError(
    `a call takes ${call.toFixed(1)} ns, and a call of an empty function ${nothing.toFixed(1)} ns: ` +
      'the work of the function cannot be measured',
    'let it do more in one call, such as a loop over many inputs, and return a result of all of it, because V8 ' +
      'removes work without an effect',
  )
}

/**
 * Calls per second.
 * @param call nanoseconds of a call
 * @throws {RangeError} if it is 0: the rate would be infinite, which is null in JSON, and null is a metric that the
 * platform does not show
 */
export function throughputOf(call: number): number {
  if (call > 0) return 1e9 / call
  throw new RangeError(`a call takes ${call} ns by the guest's clock, which cannot be`)
}
