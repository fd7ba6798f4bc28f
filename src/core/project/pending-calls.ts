/** Calls of the project's code that have not ended, so that a limit that is reached can name one. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { type Location, parseStackFrames } from '../../dsl/errors.ts'
import { messageOf } from '../../util/errors.ts'
import { type InterruptedStack, inOwnJob } from '../../util/watchdog.ts'
import { sourceFrames, stackLocation } from './error-location.ts'
import { ProjectCodeError } from './project-code-error.ts'

/** A call of the project's code that has not ended. */
export interface PendingCall {
  /** `boot() of the driver of "mine"` */
  readonly what: string
  /** Where it is written. */
  locate(): Location | undefined
  /** The project's folder. */
  readonly root: string
  /** Fails the call. Its code never continues. */
  fail?(error: Error): void
}

const ofSample = new AsyncLocalStorage<Set<PendingCall>>()
const all = new Set<PendingCall>()
const current = new AsyncLocalStorage<PendingCall>()

/** Runs the code of a call. */
export const runCall = <T>(call: PendingCall, work: () => T): T => current.run(call, work)

/** The call that created the callback or promise that runs now, also if the call has ended. */
export const originCall = (): PendingCall | undefined => current.getStore()

/** Runs work that adds its calls of the project's drivers to `calls` until they end. */
export const trackCalls = <T>(calls: Set<PendingCall>, work: () => T): T => ofSample.run(calls, work)

/** Adds a call. Dispose of the returned object when the call has ended. */
export function addPendingCall(call: PendingCall): Disposable {
  const calls = ofSample.getStore()
  calls?.add(call)
  all.add(call)
  return {
    [Symbol.dispose]: () => {
      calls?.delete(call)
      all.delete(call)
    },
  }
}

/** Milliseconds that work of isobench gets to end after a loop in it was interrupted. */
const endMs = 5000

const works = new Set<PendingCall>()

/**
 * Does work of isobench that calls code of the project. An interrupted loop drops the promise jobs that wait behind it,
 * also those of this work, which would then never end. So the work fails if it does not end soon after the interrupt.
 * @param about the work, for the message about a loop of no known call
 */
export async function endAfterLoops<T>(about: Omit<PendingCall, 'fail'>, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let one: PendingCall | undefined
  const interrupted = new Promise<never>((_, reject) => {
    one = {
      ...about,
      fail: (error) => {
        timer ??= setTimeout(reject, endMs, error)
      },
    }
    works.add(one)
  })
  try {
    return await Promise.race([inOwnJob(work), interrupted])
  } finally {
    clearTimeout(timer)
    works.delete(one!)
  }
}

/** The call of the function that starts last before the loop, in its file. A loop elsewhere may be of other code. */
function loopingCall(stack: InterruptedStack): PendingCall | undefined {
  const frames = parseStackFrames(sourceFrames(stack.join('\n')).join('\n'))
  const calls = [...all].filter(({ fail }) => fail).map((call) => ({ call, at: call.locate() }))
  const line = (at: Location | undefined) => at?.line ?? 0
  const [latest] = calls
    .filter(({ at }) => frames.some(({ file, line }) => file === at?.file && line >= at.line))
    .sort((a, b) => line(b.at) - line(a.at))
  return latest?.call
}

/**
 * Fails the call of the project's code that looped until it was interrupted, and the work that such calls belong to.
 * @returns whether there is a call or work
 */
export function failLoopingCall(stack: InterruptedStack, seconds: number): boolean {
  const call = loopingCall(stack) ?? [...works].at(-1)
  if (!call) return false
  const place = stackLocation(stack.join('\n'), call.root) ?? call.locate()
  const message = `${call.what} ran a loop for more than ${seconds} s`
  const error = new ProjectCodeError(message, 'look for a loop in it', place)
  for (const one of new Set([call, ...works])) one.fail?.(error)
  return true
}

/**
 * The error for one that no code handles, and that a driver of the project left behind.
 * @param stray with the thrown value as its cause, and its stack
 * @param call that left it behind. An error of a sandbox states that itself
 */
export function strayCallError(
  { cause, stack }: Error,
  call: Pick<PendingCall, 'what' | 'root' | 'locate'> | undefined,
): ProjectCodeError {
  const fix = 'await every promise, and catch errors of timers and streams'
  if (cause instanceof ProjectCodeError || !call) {
    const location = cause instanceof ProjectCodeError ? cause.location : undefined
    return new ProjectCodeError(`${messageOf(cause).replace(/\.$/, '')}, and no code handles it`, fix, location, {
      cause,
    })
  }
  const message = `${call.what} left an error that no code handles: ${messageOf(cause)}`
  return new ProjectCodeError(message, fix, stackLocation(String(stack), call.root) ?? call.locate(), { cause })
}
