import { Script } from 'node:vm'
import { isThenable } from '../../dsl/checked.ts'
import type { Location } from '../../dsl/errors.ts'
import { afterRunningTime, callTimeout, importTimeout } from '../../util/time-limits.ts'
import { endNativeCallAfter, inOwnJob, interruptLoopAfter } from '../../util/watchdog.ts'
import { stackLocation } from './error-location.ts'
import type { PendingCall } from './pending-calls.ts'
import { ProjectCodeError } from './project-code-error.ts'

/** Time limits for code of the project. Nothing that an author exports may keep isobench from ending. */

/** How to find code that never ends. */
export const neverEnds = 'look for a loop, or an await that never ends, at its top level'

/** Code of the project did not end in time. Its location is the line that a loop was at, if it is known. */
export class TimeLimitError extends ProjectCodeError {
  override readonly code = 'ISOBENCH_TIME_LIMIT'
}

/** Code of the project that must end in time. */
export interface LimitedCode {
  readonly root: string
  /** Relative to `root`, for messages. */
  readonly file: string
  /** What it does, for the message: `importing it`. */
  readonly what: string
  readonly fix: string
  /** Where to look if the code waits. Called only then, because it reads the file. */
  readonly location?: () => Location | undefined
}

/**
 * Calls code of the project within the limit of an import. Interrupts it if it loops, and abandons it if it waits.
 * @throws {TimeLimitError} if it does not end in time
 */
export async function withinLimit<T>(code: LimitedCode, work: () => T | Promise<T>): Promise<T> {
  const { root, file, what, fix, location } = code
  const seconds = importTimeout()
  using loop = interruptLoopAfter(seconds, file)
  let timer: NodeJS.Timeout | undefined
  // The timer also keeps Node from ending if the code waits for something that holds no handle.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const stack = loop.stack()
      loop[Symbol.dispose]()
      const at = (stack && stackLocation(stack.join('\n'), root)) ?? location?.()
      reject(new TimeLimitError(`${what} took longer than ${seconds} s`, fix, at))
    }, seconds * 1000)
  })
  return await Promise.race([inOwnJob(work), late]).finally(() => clearTimeout(timer))
}

const calledFunction = Symbol.for('isobench.calledFunction')
const script = new Script("globalThis[Symbol.for('isobench.calledFunction')]()")

/**
 * Calls a function of the project at once. Ends its part that is not asynchronous, and abandons its promise, when the
 * time is up. Unlike `withinLimit`, it does not know the line of a loop.
 * @param what the function, for messages: `onFinish()`
 * @param locate where it is written. Called only if it does not return in time
 * @throws {TimeLimitError} if it does not return in time
 */
export function callWithinLimit<T>(what: string, call: () => T, locate?: () => Location | undefined): T {
  const seconds = callTimeout()
  const late = (fix: string) => new TimeLimitError(`${what} took longer than ${seconds} s`, fix, locate?.())
  Object.defineProperty(globalThis, calledFunction, { value: call, configurable: true })
  let result: unknown
  try {
    using _native = endNativeCallAfter(seconds, what)
    result = script.runInThisContext({ timeout: Math.ceil(seconds * 1000), displayErrors: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw late('look for a loop in it')
  }
  if (!isThenable(result)) return result as T
  let limit: Disposable | undefined
  const isLate = new Promise<never>((_, reject) => {
    limit = afterRunningTime(seconds, () => reject(late('look for an await in it that never ends')))
  })
  return Promise.race([result, isLate]).finally(() => limit?.[Symbol.dispose]()) as T
}

/**
 * Calls a function of the project, which may wait without a limit. Ends a loop before its first `await` when the time
 * is up.
 * @param what the function, for messages: `boot()`
 * @throws {TimeLimitError} if it loops
 */
export function callInOwnJob<T>(
  what: string,
  call: () => T | Promise<T>,
  { root, locate }: Pick<PendingCall, 'root' | 'locate'>,
): Promise<T> {
  const seconds = callTimeout()
  const loop = interruptLoopAfter(seconds, what)
  let timer: NodeJS.Timeout | undefined
  const isLate = new Promise<never>((_, reject) => {
    const end = () => {
      const stack = loop.stack()
      loop[Symbol.dispose]()
      const at = (stack && stackLocation(stack.join('\n'), root)) ?? locate()
      reject(new TimeLimitError(`${what} took longer than ${seconds} s`, 'look for a loop in it', at))
    }
    timer = setTimeout(end, seconds * 1000)
  })
  const start = () => {
    try {
      return call()
    } finally {
      clearTimeout(timer)
      loop[Symbol.dispose]()
    }
  }
  return Promise.race([inOwnJob(start), isLate])
}
