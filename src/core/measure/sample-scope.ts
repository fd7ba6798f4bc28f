import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../util/errors.ts'
import { raceAbort, settleWithin } from '../../util/race-abort.ts'
import { claimStrayErrors, type StrayError, type StrayErrorClaim } from '../../util/stray-errors.ts'
import { type InterruptedStack, inOwnJob, interruptLoopAfter, type LoopLimit } from '../../util/watchdog.ts'
import { stackLocation } from '../project/error-location.ts'
import { originCall, type PendingCall, strayCallError, trackCalls } from '../project/pending-calls.ts'
import { ProjectCodeError } from '../project/project-code-error.ts'
import type { CommandBounds, Exec } from '../session/exec-target.ts'

/** Milliseconds past its limit after which a workload is abandoned. A command's own limit comes first and says more. */
const graceMs = 5000
/** Milliseconds that a boot gets to fail by itself after its sample was abandoned or interrupted. */
export const bootGraceMs = 5000
/** Milliseconds that the commands of an ended sample get to disappear. */
const settleMs = 10_000
/** Milliseconds after which each call but the first fails if the time of its sample is up. */
const refusalMs = 1000

/** The error of a sample that waits for a driver of the project. */
function lateCall(
  { what, root, locate }: PendingCall,
  limit: number,
  detail: string,
  stack: InterruptedStack | undefined,
): ProjectCodeError {
  return new ProjectCodeError(
    `${what} did not end within the ${limit} s of the sample${detail}`,
    stack ? 'look for a loop in it' : 'look for an await in it that never ends',
    (stack && stackLocation(stack.join('\n'), root)) ?? locate(),
  )
}

/**
 * The time limit of one sample, and the commands that run on its behalf.
 *
 * Disposing it ends the commands that still run and waits until they are gone, so that they do not disturb the next
 * sample.
 */
export class SampleScope implements CommandBounds, AsyncDisposable {
  readonly until: number
  /** Ends commands. Aborted when the run is interrupted, and when the sample has ended or was abandoned. */
  readonly signal: AbortSignal
  /** Aborted when the time is up, too: the signal that a workload gets. */
  readonly workloadSignal: AbortSignal
  readonly #ending = new AbortController()
  readonly #timeUp = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #strayErrors: StrayErrorClaim
  readonly #loopLimit: LoopLimit
  /** Calls of a driver of the project that have not ended. */
  readonly #calls = new Set<PendingCall>()
  /** How many calls of the workload were refused. */
  #refused = 0

  /**
   * @param name of the sample, for errors that its code leaves behind
   * @param limit seconds
   * @param start starts host processes
   * @param latestFailure what failed last, for the message of an abandoned sample
   * @param late receives errors that its code leaves behind after its end, and returns whether it handles them
   */
  constructor(
    name: string,
    limit: number,
    interrupted: AbortSignal,
    private readonly start: Exec,
    latestFailure: () => unknown = () => undefined,
    late?: (error: StrayError) => boolean,
  ) {
    this.#strayErrors = claimStrayErrors(name, (error) => this.#ending.abort(this.#strayOf(error)), late)
    this.until = performance.now() + limit * 1000
    this.signal = AbortSignal.any([interrupted, this.#ending.signal])
    this.workloadSignal = AbortSignal.any([this.signal, this.#timeUp.signal])
    setMaxListeners(0, this.signal, this.workloadSignal)
    const message = `the workload did not end within its ${limit} s`
    this.#loopLimit = interruptLoopAfter(limit + graceMs / 1000, name)
    const abandon = () => {
      using loop = this.#loopLimit
      const stack = loop.stack()
      const failure = latestFailure()
      const detail = failure === undefined ? '' : `; its latest failure: ${messageOf(failure)}`
      const pending = [...this.#calls].at(-1)
      if (pending) return this.#ending.abort(lateCall(pending, limit, detail, stack))
      const error = new Error(message + detail)
      this.#ending.abort(stack ? Object.assign(error, { stack: [message, ...stack].join('\n') }) : error)
    }
    // The timers also keep Node from ending while a workload waits for something that holds no handle.
    this.#timers = [
      setTimeout(() => this.#timeUp.abort(new Error(message)), limit * 1000),
      setTimeout(abandon, limit * 1000 + graceMs),
    ]
  }

  /**
   * An error that no code handles: of a driver of the project if one of its calls left it behind, or if its file threw
   * it in a call that has not ended.
   */
  #strayOf(error: Error): Error {
    const isThrownIn = ({ root, locate }: PendingCall) => {
      const at = stackLocation(String(error.stack), root)
      return at !== undefined && at.file === locate()?.file
    }
    const call = originCall() ?? [...this.#calls].findLast(isThrownIn)
    return call || error.cause instanceof ProjectCodeError ? strayCallError(error, call) : error
  }

  /** Whether commands still run. */
  get isBusy(): boolean {
    return this.#running.size > 0
  }

  readonly exec: Exec = (argv, options) => this.#track(this.start(argv, options))

  /**
   * Makes a call that the workload asks for, and counts it as running until it settles. After the time of the sample,
   * the call does nothing and fails: the first one at once, the others late. Otherwise code that tries again whenever a
   * call fails would leave no time to the timers and signals of isobench, and would create guests after their sample.
   * @throws the reason of `workloadSignal`
   */
  async call<T>(work: () => Promise<T>): Promise<T> {
    if (!this.workloadSignal.aborted) return this.#track(work())
    await sleep(this.#refused++ === 0 ? 0 : refusalMs, undefined, { ref: false })
    throw this.workloadSignal.reason as Error
  }

  /** Wraps `call` around the functions of an object. All of them return promises. */
  calls<T extends object>(api: T): T {
    const wrapped = Object.entries(api).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'function' ? (...given: unknown[]) => this.call(async () => value(...given) as unknown) : value,
    ])
    return Object.fromEntries(wrapped) as T
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    const done = () => void this.#running.delete(work)
    work.then(done, done)
    return work
  }

  /** Runs all code of the sample, so that errors of what it leaves behind are known as its own. */
  run<T>(work: (scope: this) => T): T {
    return this.#strayErrors.run(() => trackCalls(this.#calls, () => work(this)))
  }

  /**
   * Calls the workload's own code. Rejects when the sample is abandoned or interrupted, even if the code never returns.
   */
  race<T>(work: () => T | Promise<T>): Promise<T> {
    return raceAbort(inOwnJob(work), this.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#loopLimit[Symbol.dispose]()
    this.#ending.abort(new Error('the sample has ended'))
    using _strayErrors = this.#strayErrors
    await settleWithin(this.#running, settleMs)
  }
}
