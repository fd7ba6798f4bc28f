import { AsyncLocalStorage } from 'node:async_hooks'
import { Script } from 'node:vm'
import { explainByBuiltins, userChanges } from './builtins.ts'
import { IsobenchError, isError, messageOf, readableError } from './errors.ts'
import { allowOwnSignals, refuseOwnSignals } from './own-signals.ts'
import { leaveClosedTerminal } from './terminal.ts'
import { handleUncaughtErrors } from './uncaught-errors.ts'

/** Errors that code of bench files leaves behind: promises that nobody awaits, timers, and calls of `process.exit`. */

/** The fix of a definition error. A copy of `isobench` that the project resolves may have thrown it. */
const lateDefinitionFix = (thrown: unknown): string | undefined =>
  isError(thrown) && 'code' in thrown && thrown.code === 'ISOBENCH_DEFINITION' && 'fix' in thrown
    ? String(thrown.fix)
    : undefined

/** An error that nothing handles, outside of any sample. */
export class StrayError extends IsobenchError {
  readonly code = 'ISOBENCH_STRAY'

  /**
   * @param thrown has the stack of the code that failed, if it is an error
   * @param source the sample or reporter that left it behind and is over, if any
   */
  constructor(
    readonly thrown: unknown,
    source?: string,
  ) {
    super(
      `${source === undefined ? 'an error' : `${source} left an error`} that no code handles: ${messageOf(thrown)}`,
      // A bench that is registered late would vanish if its error was caught.
      lateDefinitionFix(thrown) ?? 'await every promise, and catch errors of timers and streams',
    )
  }
}

/** User code tried to end the process, which would leave guests on the host and end the run without a verdict. */
class ExitError extends Error {
  constructor(name: string, code?: unknown) {
    super(`it called process.${name}(${code === undefined ? '' : String(code)}); throw an error instead`)
  }
}

/** User code tried to end isobench by a signal. */
class OwnSignalError extends Error {
  constructor(call: string) {
    super(`it called ${call}, which reaches isobench; throw an error instead, or send the signal to a child process`)
  }
}

/** User code tried to become another user, who cannot remove what is on the host. */
class UserChangeError extends Error {
  constructor(name: string, id: unknown) {
    super(`it called process.${name}(${String(id)}); start a child process with another user instead`)
  }
}

/** What user code is part of. */
interface Source {
  readonly name: string | undefined
  /** Ends it with an error. Undefined when it is over. */
  end: ((error: Error) => void) | undefined
  /** Receives errors when it is over. Returns whether it handles them. */
  readonly late: ((error: StrayError) => boolean) | undefined
}

/** The source of everything that runs now, also of callbacks and promises that it has left behind. */
const current = new AsyncLocalStorage<Source>()

/** Work that its stray errors end, until it is disposed. */
export interface StrayErrorClaim extends Disposable {
  /** Runs a part of the work. */
  run<T>(work: () => T): T
}

/**
 * Claims the stray errors of some work: those of every callback and promise that it creates.
 * @param name for messages about errors that come after the end
 * @param late receives those, and returns whether it handles them
 */
export function claimStrayErrors(
  name: string,
  end: (error: Error) => void,
  late?: (error: StrayError) => boolean,
): StrayErrorClaim {
  const source: Source = { name, end, late }
  return {
    run: (work) => current.run(source, work),
    [Symbol.dispose]: () => {
      source.end = undefined
    },
  }
}

/**
 * Runs work that nothing ends.
 * @param late receives the stray errors of every callback and promise that the work creates, and returns whether it
 *   handles them
 * @param name for messages about those errors
 */
export const markStrayErrors = <T>(late: Source['late'], work: () => T, name?: string): T =>
  current.run({ name, end: undefined, late }, work)

/** Receivers of errors that nothing has claimed. The latest one gets them. */
const handlers: ((error: StrayError) => void)[] = []

/** The functions that end the process. `process.exit` calls `process.reallyExit`, which no types of Node have. */
const ending = process as unknown as Record<'exit' | 'reallyExit' | 'abort', (code?: number) => never>
const { exit, reallyExit, abort } = ending

const changers = process as unknown as Record<(typeof userChanges)[number], (id: unknown) => void>
const originalChangers = Object.fromEntries(userChanges.map((name) => [name, changers[name]]))

/** An error of this function would end the process at once, and a thrown value may fail when it is read. */
function handle(error: unknown): void {
  const source = current.getStore()
  try {
    deliver(readableError(explainByBuiltins(error, 'code of the project')), source)
  } catch (failure) {
    reportStrayError(new StrayError(readableError(failure), source?.name))
  }
}

function deliver(thrown: unknown, source: Source | undefined): void {
  if (source?.end) {
    const ended = new Error(`an error that the workload does not handle: ${messageOf(thrown)}`, { cause: thrown })
    // It is where the workload failed.
    if (isError(thrown)) ended.stack = String(thrown.stack)
    source.end(ended)
    return
  }
  const stray = new StrayError(thrown, source?.name)
  if (!source?.late?.(stray)) reportStrayError(stray)
}

/** Passes an error that no code handles to the latest receiver. */
export const reportStrayError = (error: StrayError): void => handlers.at(-1)?.(error)

let ignoreErrors: (() => void) | undefined

/**
 * Makes the functions that end the process, signal it or change its user throw, and handles errors that nothing else
 * does.
 */
function intercept(): void {
  for (const name of ['exit', 'reallyExit', 'abort'] as const)
    ending[name] = (code) => {
      throw new ExitError(name, code)
    }
  for (const name of userChanges)
    changers[name] = (id) => {
      throw new UserChangeError(name, id)
    }
  refuseOwnSignals(
    (call) => {
      throw new OwnSignalError(call)
    },
    // Packages such as signal-exit handle a signal and then send it again. While code of the project runs, isobench
    // handles the signals, and they do not.
    () => !isEnding && (handlers.length > 1 || current.getStore() !== undefined),
  )
  ignoreErrors = handleUncaughtErrors(handle)
}

function restore(): void {
  Object.assign(ending, { exit, reallyExit, abort }, originalChangers)
  allowOwnSignals()
  ignoreErrors?.()
}

/**
 * Handles stray errors until it is disposed: they end the samples that left them behind. `process.exit` throws.
 * @param onUnclaimed receives an error of no sample, or of one that is over
 */
export function handleStrayErrors(onUnclaimed: (error: StrayError) => void): Disposable {
  if (handlers.length === 0) intercept()
  handlers.push(onUnclaimed)
  return {
    [Symbol.dispose]: () => {
      const at = handlers.lastIndexOf(onUnclaimed)
      if (at === -1) return
      handlers.splice(at, 1)
      if (handlers.length === 0) restore()
    },
  }
}

let isEnding = false

/** Whether `endProcess` ends the process now, with the code of its caller. */
export const endsProcess = (): boolean => isEnding

/** The exit code of a command that a signal ended: of a shell, 128 and the number of SIGINT. */
const interruptedCode = 130

/** Milliseconds that `exit` listeners of user code may take. */
const exitMs = 5000
const exitFunction = Symbol.for('isobench.exit')
const exitScript = new Script("globalThis[Symbol.for('isobench.exit')]()")

/**
 * Ends the process. Unlike `process.exit`, it works while stray errors are handled, and no `exit` listener of user code
 * can change the code or keep the process.
 * @param codeAtEnd called after those listeners, because their errors may change it
 */
export function endProcess(codeAtEnd: () => number): never {
  isEnding = true
  let isEmitted = false
  const finalCode = () => {
    const code = codeAtEnd()
    leaveClosedTerminal(code === interruptedCode)
    return code
  }
  // The last listener: those before it still get the function that throws.
  process.once('exit', () => {
    process.exitCode = finalCode()
    ending.reallyExit = reallyExit
  })
  // User code may have replaced process.emit, so that no listener is called.
  process.prependListener('exit', () => {
    isEmitted = true
  })
  try {
    Object.defineProperty(globalThis, exitFunction, { value: () => exit(codeAtEnd()), configurable: true })
    return exitScript.runInThisContext({ timeout: exitMs, displayErrors: false }) as never
  } catch (error) {
    if (isEmitted) handle(error)
    return reallyExit.call(process, finalCode())
  }
}
