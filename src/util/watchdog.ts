import { createHook } from 'node:async_hooks'
import { type Debugger, Session, url } from 'node:inspector'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { bundlePath } from './assets.ts'
import { nativeTimeout } from './time-limits.ts'
import { watchdogCode, watchdogSettings } from './watchdog-code.ts'

/**
 * Interrupts code of the project that loops without end in the main thread, and would keep isobench from handling
 * signals and time limits. The main thread cannot do that itself, so a worker does. It sleeps in the kernel until then.
 */

/** What the main thread executed when it was interrupted, innermost first: lines of a stack trace. */
export type InterruptedStack = readonly string[]

/** A time limit for code that may loop. Disposing it lifts the limit. */
export interface LoopLimit extends Disposable {
  /** Where the latest loop was interrupted. Undefined if none was, or if its place is unknown. */
  stack(): InterruptedStack | undefined
}

/** The worker calls it in the main thread before it interrupts that. Otherwise Node.js finds its stack corrupted. */
const beforeInterrupt = Symbol.for('isobench.beforeInterrupt')

/** What Node.js has for its own handling of exceptions that nothing catches. */
interface AsyncWrap {
  clearAsyncIdStack(): void
  setPromiseHooks(...hooks: undefined[]): void
  readonly async_hook_fields: Uint32Array
  readonly constants: { readonly kTotals: number }
}

/** Undefined if this version of Node.js has no such parts. */
function asyncWrap(): AsyncWrap | undefined {
  const { noDeprecation } = process
  process.noDeprecation = true
  try {
    const { binding } = process as unknown as { binding(name: string): Partial<AsyncWrap> }
    const parts = binding('async_wrap')
    const isWhole = parts.clearAsyncIdStack && parts.setPromiseHooks && parts.async_hook_fields && parts.constants
    return isWhole ? (parts as AsyncWrap) : undefined
  } catch {
    return undefined
  } finally {
    Object.assign(process, { noDeprecation })
  }
}

/** Before user code can replace it. */
const later = setImmediate

/**
 * An interrupt leaves entries on the stack of async ids. With hooks, such as those of AsyncLocalStorage, Node.js aborts
 * after a callback if there are any. A loop of `process.nextTick` can add one between the pause and its end, when no
 * code can remove it. So Node.js believes that it has no hooks from the pause to the next callback of `setImmediate`.
 */
class AsyncIdStack {
  readonly #parts = asyncWrap()
  #isIgnored = false

  /**
   * Called while the loop is paused. It must not end in a promise hook, so those are removed.
   * @param ends whether the loop ends now. If it continues, its code needs the stack.
   */
  ignore(ends: boolean): void {
    if (!this.#parts) return
    const { async_hook_fields: fields, constants } = this.#parts
    this.#isIgnored = true
    this.#parts.setPromiseHooks(undefined, undefined, undefined, undefined)
    if (!ends) return
    this.#parts.clearAsyncIdStack()
    fields[constants.kTotals] = 0
  }

  /** Called by the first code that runs after an interrupt. Removes what the interrupt has left, if there was one. */
  restore(): void {
    if (!this.#parts || !this.#isIgnored) return
    this.#isIgnored = false
    const { async_hook_fields: fields, constants, clearAsyncIdStack } = this.#parts
    later(() => {
      clearAsyncIdStack()
      // The hooks of each kind precede their total.
      fields[constants.kTotals] = fields.subarray(0, constants.kTotals).reduce((sum, count) => sum + count, 0)
      // Node.js has its promise hooks again.
      createHook({ init() {} })
        .enable()
        .disable()
    })
  }
}

let asyncIds: AsyncIdStack | undefined

/** When a limit ends. */
interface LimitEnd {
  /** In nanoseconds of the monotonic clock. */
  from: bigint
  at: bigint
  readonly name: string
  /**
   * `loop`: what the main thread executes is interrupted. `left`: only code that the project has left behind is.
   * `native`: nothing is, because something else ends loops, and only a native call can still last.
   */
  readonly kind: 'loop' | 'left' | 'native'
}

/** The ends of all limits. */
const deadlines = new Set<LimitEnd>()

const { hrtime } = process

function within(seconds: number): Pick<LimitEnd, 'at' | 'from'> {
  const from = hrtime.bigint()
  return { from, at: from + BigInt(Math.ceil(seconds * 1e9)) }
}

/** Before user code can replace it. */
const repeat = setInterval
/** One element: the earliest end. */
let earliest: BigInt64Array | undefined
const { port1: port, port2: portOfWorker } = new MessageChannel()
const { port1: leftPort, port2: portOfLeft } = new MessageChannel()
port.unref()
leftPort.unref()

function publish(): void {
  const all = [...deadlines]
  // No code of the project was called yet: its import has a limit. Commands without such code need no worker.
  if (!earliest && all.every(({ kind }) => kind === 'left')) return
  earliest ??= startWatchdog()
  // Something else ends loops of such a call. An interrupt would also end the code of isobench that makes the call.
  const isInCall = all.some(({ kind }) => kind === 'native')
  let first: LimitEnd | undefined
  for (const one of all) if (!(isInCall && one.kind === 'left') && (!first || one.at < first.at)) first = one
  if (first) port.postMessage({ name: first.name, kind: first.kind, from: first.from })
  Atomics.store(earliest, 0, first?.at ?? 0n)
  Atomics.notify(earliest, 0)
}

function startWatchdog(): BigInt64Array {
  const ids = new AsyncIdStack()
  asyncIds = ids
  Object.defineProperty(globalThis, beforeInterrupt, { value: (ends: boolean) => ids.ignore(ends) })
  const cell = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  const ports = { portOfWorker, portOfLeft }
  const ownFolder = new URL('.', import.meta.url).href
  const workerData = { deadline: cell, ...ports, ...watchdogSettings, nativeMs: nativeTimeout() * 1000, ownFolder }
  const worker = new Worker(watchdogCode, { eval: true, workerData, transferList: Object.values(ports) })
  worker.unref()
  return cell
}

/**
 * Interrupts an endless loop in the main thread after some seconds, unless it is disposed before. The interrupted code
 * and everything that called it never continues, so call the code with `inOwnJob`.
 *
 * The caller needs a separate limit for code that merely waits, and must dispose this when that limit is reached.
 * @param name of the code, for the warning about a call that nothing can interrupt
 */
export function interruptLoopAfter(seconds: number, name: string): LoopLimit {
  // A debugger stops the main thread for as long as its user looks at it.
  if (url() !== undefined) return { stack: () => undefined, [Symbol.dispose]: () => {} }
  const deadline: LimitEnd = { ...within(seconds), name, kind: 'loop' }
  deadlines.add(deadline)
  publish()
  let latest: InterruptedStack | undefined
  return {
    stack: () => {
      asyncIds?.restore()
      for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) latest = next.message
      return latest
    },
    [Symbol.dispose]: () => {
      asyncIds?.restore()
      if (deadlines.delete(deadline)) publish()
    },
  }
}

/** Seconds that the main thread may be in code that the project has left behind. */
export const leftSeconds = 20

let hasDroppedJobs = false

/** Whether an interrupt may have dropped promise jobs of isobench, so that some of its work never continues. */
export const mayHaveDroppedJobs = (): boolean => hasDroppedJobs

/** Renews the limit of code that the project has left behind. */
let renewLeft: (() => void) | undefined

/** Milliseconds of a call after which the limit of code that was left behind is renewed. */
const longCallMs = 1000

/**
 * Ends this process some time after a limit, if the call that the caller makes now is in native code. The caller ends
 * a loop of it by other means. Until this is disposed, `interruptLeftLoops` interrupts nothing.
 * @param name of the code, for messages
 */
export function endNativeCallAfter(seconds: number, name: string): Disposable {
  if (url() !== undefined) return { [Symbol.dispose]: () => {} }
  const started = performance.now()
  const deadline: LimitEnd = { ...within(seconds), name, kind: 'native' }
  deadlines.add(deadline)
  publish()
  return {
    [Symbol.dispose]: () => {
      deadlines.delete(deadline)
      if (renewLeft && performance.now() - started > longCallMs) renewLeft()
      else publish()
    },
  }
}

/**
 * Interrupts endless loops of code that the project has left behind, such as a callback of a timer, until it is
 * disposed. No other limit covers such code between two samples.
 * @param report receives where a loop was interrupted
 */
export function interruptLeftLoops(report: (stack: InterruptedStack) => void): Disposable {
  if (url() !== undefined) return { [Symbol.dispose]: () => {} }
  const deadline: LimitEnd = { ...within(0), name: 'code of the project', kind: 'left' }
  deadlines.add(deadline)
  const renew = () => {
    const interrupted = receiveMessageOnPort(leftPort)
    if (interrupted) {
      asyncIds?.restore()
      hasDroppedJobs = true
      report(interrupted.message as InterruptedStack)
    }
    Object.assign(deadline, within(leftSeconds))
    publish()
  }
  renew()
  renewLeft = renew
  const timer = repeat(renew, leftSeconds * 100).unref()
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
      renewLeft = undefined
      if (deadlines.delete(deadline)) publish()
    },
  }
}

/** Promise jobs until code of the project is called. The caller has queued its jobs by the first, and few follow. */
const jobsBefore = 10

/**
 * Calls code of the project in a separate promise job, so that an interrupt ends no code of isobench.
 *
 * The interrupt also drops all other promise jobs that wait then, such as the one of a promise that an async function
 * returns. So those run first.
 */
export async function inOwnJob<T>(work: () => T | Promise<T>): Promise<T> {
  for (let left = jobsBefore; left > 0; left--) await undefined
  return work()
}

/** Milliseconds that workers get to report where they are, and between two tries. One that waits reports nothing. */
const pauseMs = { all: 2000, try: 50 }

/** How the URLs of isobench's own code begin, such as that of its async hooks, which Node.js calls within a loop. */
const ownCode = `${pathToFileURL(dirname(bundlePath('collector'))).href}/`

/** What the inspector of a worker sends. */
type WorkerMessage =
  | { readonly method: 'Debugger.scriptParsed'; readonly params: Debugger.ScriptParsedEventDataType }
  | { readonly method: 'Debugger.paused'; readonly params: Debugger.PausedEventDataType }
  | { readonly method?: undefined; readonly params?: undefined }

/**
 * Pauses the workers of this process, and returns where the first one that executes code is. The caller must terminate
 * that worker. Undefined if all of them wait, or if a debugger is attached.
 */
export async function stackOfLoopingWorker(): Promise<InterruptedStack | undefined> {
  if (url() !== undefined) return undefined
  const session = new Session()
  session.connect()
  const urls = new Map<string, string>()
  const sessions: string[] = []
  const send = (sessionId: string, method: string) =>
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id: 1, method }) })
  const timers: NodeJS.Timeout[] = []
  const paused = new Promise<InterruptedStack | undefined>((resolve) => {
    timers.push(setTimeout(resolve, pauseMs.all, undefined))
    session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
      const { method, params } = JSON.parse(message) as WorkerMessage
      const key = (scriptId: string) => `${sessionId} ${scriptId}`
      if (method === 'Debugger.scriptParsed') urls.set(key(params.scriptId), params.url)
      if (method !== 'Debugger.paused') return
      const frames = params.callFrames.map(({ functionName, location: { scriptId, lineNumber, columnNumber = 0 } }) => {
        const place = `${urls.get(key(scriptId)) ?? ''}:${lineNumber + 1}:${columnNumber + 1}`
        return `at ${functionName || '<anonymous>'} (${place})`
      })
      if (frames.some((frame) => frame.includes('(file:') && !frame.includes(ownCode))) resolve(frames)
      // In code of Node.js or isobench that the loop calls.
      else send(sessionId, 'Debugger.resume')
    })
  })
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    // The watchdog waits in the kernel. Paused, it would keep the process from ending.
    if (!workerInfo.url.startsWith('file:')) return
    sessions.push(sessionId)
    send(sessionId, 'Debugger.enable')
  })
  const pauseAll = () => {
    for (const one of sessions) send(one, 'Debugger.pause')
  }
  timers.push(setInterval(pauseAll, pauseMs.try))
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  try {
    return await paused
  } finally {
    for (const timer of timers) clearTimeout(timer)
    for (const one of sessions) send(one, 'Debugger.disable')
    session.disconnect()
  }
}
