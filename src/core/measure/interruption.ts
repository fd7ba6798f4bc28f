import { InterruptedError } from '../../util/errors.ts'
import { endSignals } from '../../util/signals.ts'
import { handleStrayErrors, reportStrayError, StrayError } from '../../util/stray-errors.ts'
import { mayHaveDroppedJobs } from '../../util/watchdog.ts'

/** Milliseconds that a command gets to end after a loop was interrupted. Some of its work may never continue. */
const endMs = 30_000

/**
 * Returns a signal that SIGINT, SIGTERM and SIGHUP (the terminal is gone) abort until it is disposed. SIGHUP does not
 * if isobench was started to ignore it. An error that no code handles aborts it too; then it is the signal's reason.
 * @param onInterrupt called when the signal aborts, with what happened
 */
export function interruptSignal(
  onInterrupt: (what: 'interrupted' | 'an error that no code handles') => void,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  // The command has not ended by itself. The cleanup process of its session removes what is left.
  const end = (reason: InterruptedError | StrayError) => {
    if (!mayHaveDroppedJobs()) return
    strayErrors[Symbol.dispose]()
    reportStrayError(reason instanceof StrayError ? reason : new StrayError(reason))
  }
  const stop = (reason: InterruptedError | StrayError) => {
    if (controller.signal.aborted) return
    timer = setTimeout(end, endMs, reason).unref()
    onInterrupt(reason instanceof StrayError ? 'an error that no code handles' : 'interrupted')
    controller.abort(reason)
  }
  const interrupt = () => stop(new InterruptedError('interrupted'))
  for (const name of endSignals) process.on(name, interrupt)
  const strayErrors = handleStrayErrors(stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      strayErrors[Symbol.dispose]()
      for (const name of endSignals) process.off(name, interrupt)
    },
  }
}
