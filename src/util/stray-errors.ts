import { IsobenchError, messageOf } from './errors.ts'

/** Errors that code of bench files leaves behind: promises that nobody awaits, timers, and calls of `process.exit`. */

/** An error that nothing handles, outside of any sample. The run ends, and everything on the host is released. */
export class StrayError extends IsobenchError {
  readonly code = 'ISOBENCH_STRAY'

  constructor(thrown: unknown) {
    super(
      `an error that no code handles: ${messageOf(thrown)}`,
      'await every promise in workloads, and catch errors of timers and streams',
    )
  }
}

/** A workload called `process.exit`, which would leave guests on the host and end the run without a verdict. */
class ExitError extends Error {
  constructor(code: unknown) {
    super(`it called process.exit(${code === undefined ? '' : String(code)}); throw an error instead`)
  }
}

/** What runs now and takes the blame for stray errors: the samples, two in duet mode. */
const running = new Set<(error: Error) => void>()

/** Ends what runs with a stray error, until it is disposed. */
export function claimStrayErrors(end: (error: Error) => void): Disposable {
  running.add(end)
  return { [Symbol.dispose]: () => void running.delete(end) }
}

/**
 * Handles stray errors until it is disposed: they end the samples that run. `process.exit` throws.
 * @param onUnclaimed receives an error while no sample runs
 */
export function handleStrayErrors(onUnclaimed: (error: StrayError) => void): Disposable {
  const handle = (thrown: unknown) => {
    if (running.size === 0) onUnclaimed(new StrayError(thrown))
    for (const end of running) end(new Error(`an error that the workload does not handle: ${messageOf(thrown)}`))
  }
  const events = ['uncaughtException', 'unhandledRejection'] as const
  for (const event of events) process.on(event, handle)
  const { exit } = process
  process.exit = (code) => {
    throw new ExitError(code)
  }
  return {
    [Symbol.dispose]: () => {
      process.exit = exit
      for (const event of events) process.off(event, handle)
    },
  }
}
