import { UsageError } from './errors.ts'

/** Time limits for code of the project, which the environment can change. */

/**
 * A time limit in seconds from an environment variable. An emulated host needs longer limits.
 * @throws {UsageError} if the variable is not a number up to 3600
 */
function secondsFrom(variable: string, defaultSeconds: number): number {
  const text = process.env[variable]
  if (!text) return defaultSeconds
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 3600) return seconds
  throw new UsageError(`${variable}="${text}" is no number of seconds`, 'write a number up to 3600: 120')
}

/** Seconds that the boot of a probe may take. Emulated CPUs need more. */
export const bootTimeout = (emulated: boolean): number => secondsFrom('ISOBENCH_PROBE_SECONDS', emulated ? 90 : 20)

/** Seconds that importing the config or one bench file may take, and a call of the config. */
export const importTimeout = (): number => secondsFrom('ISOBENCH_IMPORT_SECONDS', 10)

/** Seconds that a hook of a reporter, or a call of a driver other than its boot, may take. */
export const callTimeout = (): number => secondsFrom('ISOBENCH_CALL_SECONDS', 60)

/** Seconds past its limit for which code may stay in a native call. Nothing can interrupt that. */
export const nativeTimeout = (): number => secondsFrom('ISOBENCH_NATIVE_SECONDS', 120)

/**
 * Checks the limits of the environment at once, not only when the first of them is needed.
 * @throws {UsageError} if a variable is not a number up to 3600
 */
export function checkTimeLimits(): void {
  bootTimeout(false)
  importTimeout()
  callTimeout()
  nativeTimeout()
}

/** Parts of a limit. A loop of other code counts as one of them at most. */
const parts = 10

/**
 * Calls a function after some seconds in which the main thread could run, unless it is disposed before. So a call that
 * waits does not reach its limit because other code loops.
 */
export function afterRunningTime(seconds: number, act: () => void): Disposable {
  let left = parts
  let timer: NodeJS.Timeout
  const wait = () => {
    if (left-- === 0) act()
    else timer = setTimeout(wait, (seconds * 1000) / parts)
  }
  wait()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
