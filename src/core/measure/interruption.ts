import { InterruptedError } from '../../util/errors.ts'
import { endSignals } from '../../util/signals.ts'
import { handleStrayErrors, StrayError } from '../../util/stray-errors.ts'
import { interruptLeftLoops, leftSeconds } from '../../util/watchdog.ts'
import { sourceFrames } from '../project/error-location.ts'
import { failLoopingCall } from '../project/pending-calls.ts'

/**
 * Ends loops of code of the project that nothing else ends, until it is disposed. Each fails the call of a driver that
 * it is in, or else is an error that no code handles.
 */
export const handleLeftLoops = (report: (error: StrayError) => void): Disposable =>
  interruptLeftLoops((stack) => {
    if (failLoopingCall(stack, leftSeconds)) return
    const error = new Error('a timer, event or promise runs a loop without end')
    const frames = sourceFrames(stack.join('\n'))
    report(new StrayError(Object.assign(error, { stack: [`Error: ${error.message}`, ...frames].join('\n') })))
  })

/**
 * Returns a signal that SIGINT, SIGTERM and SIGHUP (the terminal is gone) abort until it is disposed. SIGHUP does not
 * if isobench was started to ignore it. An error that no code handles aborts it too; then it is the signal's reason.
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
  for (const name of endSignals) process.on(name, interrupt)
  const strayErrors = handleStrayErrors(stop)
  const leftLoops = handleLeftLoops(stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      leftLoops[Symbol.dispose]()
      strayErrors[Symbol.dispose]()
      for (const name of endSignals) process.off(name, interrupt)
    },
  }
}
