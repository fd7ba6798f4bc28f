import { exitCodes } from '../core/judge/exit-code.ts'
import { wantsColor } from '../util/terminal.ts'
import { describeFailure } from './errors.ts'

/**
 * Errors that code of the project leaves behind and that stop nothing: those of reporters, and all after the command
 * has ended.
 */

let isAny = false
/** The code of the command, once it has ended. */
let ended: number | undefined
let isStated = false

/** The codes that come before 5 if several apply. */
const first: readonly number[] = [exitCodes.interrupted, exitCodes.failed]

/** The exit code of the process, by that of its command. */
export const finalExitCode = (code: number): number => (isAny && !first.includes(code) ? exitCodes.invalid : code)

/** Prints an error that was left behind. The process does not end with 0. */
export function printLeftError(error: unknown, err: NodeJS.WriteStream): void {
  err.write(describeFailure(error, wantsColor(err)).text)
  isAny = true
  if (ended !== undefined) stateExitCode(ended, err)
}

/** States the code of the process once, if it is not the one that the command has stated. */
export function stateExitCode(code: number, err: NodeJS.WriteStream): void {
  ended = code
  if (isStated || finalExitCode(code) === code) return
  isStated = true
  err.write(`exit code ${finalExitCode(code)}: code of the project left an error that no code handles\n`)
}
