import { reportStrayError, StrayError } from '../../util/stray-errors.ts'
import { interruptLeftLoops, leftSeconds } from '../../util/watchdog.ts'
import { sourceFrames } from './error-location.ts'
import { failLoopingCall } from './pending-calls.ts'

/**
 * Ends loops of code of the project that no other limit ends, until it is disposed: in timers, events and promises,
 * such as after an `await`. Each fails the call that it is in, or else is an error that no code handles.
 */
export const handleLeftLoops = (): Disposable =>
  interruptLeftLoops((stack) => {
    if (failLoopingCall(stack, leftSeconds)) return
    const error = new Error('a timer, event or promise runs a loop without end')
    const frames = sourceFrames(stack.join('\n'))
    reportStrayError(new StrayError(Object.assign(error, { stack: [`Error: ${error.message}`, ...frames].join('\n') })))
  })
