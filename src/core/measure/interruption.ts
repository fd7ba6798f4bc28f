import { InterruptedError } from '../../util/errors.ts'
import { handleStrayErrors, StrayError } from '../../util/stray-errors.ts'

/**
 * Returns a signal that SIGINT, SIGTERM and SIGHUP (the terminal is gone) abort until it is disposed. An error that no
 * code handles aborts it too; then it is the signal's reason.
 * @param onInterrupt called when the signal aborts, with what happened
 */
export function interruptSignal(
  onInterrupt: (what: 'interrupted' | 'an error that no code handles') => void,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const stop = (reason: Error) => {
    if (controller.signal.aborted) return
    onInterrupt(reason instanceof StrayError ? 'an error that no code handles' : 'interrupted')
    controller.abort(reason)
  }
  const interrupt = () => stop(new InterruptedError('interrupted'))
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, interrupt)
  const strayErrors = handleStrayErrors(stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      strayErrors[Symbol.dispose]()
      for (const name of signals) process.off(name, interrupt)
    },
  }
}
