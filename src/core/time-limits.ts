/** Time limits that a machine which is itself emulated needs to be longer, each by a variable of the environment. */
import { UsageError } from '../errors.ts'

/**
 * Seconds as the variable has them, or as usual where it is not set.
 * @throws UsageError when it is no number of seconds up to 3600.
 */
function secondsOf(variable: string, usual: number): number {
  const given = process.env[variable]
  if (!given) return usual
  const seconds = Number(given)
  if (seconds > 0 && seconds <= 3600) return seconds
  throw new UsageError(`${variable}="${given}" is no number of seconds`, 'write a number up to 3600: 120')
}

/** Seconds that booting one process may take before a platform counts as not working; emulated CPUs need more. */
export const bootTimeout = (emulated: boolean): number => secondsOf('ISOBENCH_PROBE_SECONDS', emulated ? 90 : 20)

/** Seconds that importing the config, or one bench file, may take. */
export const importTimeout = (): number => secondsOf('ISOBENCH_IMPORT_SECONDS', 10)
