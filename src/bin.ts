import { main } from './cli.ts'
import { finalExitCode } from './commands/left-errors.ts'
import { exitCodes } from './core/judge/exit-code.ts'
import { hasBlockedThread, killProcess } from './util/blocked-threads.ts'
import { ChangedBuiltinsError, explainByBuiltins } from './util/builtins.ts'
import { messageOf } from './util/errors.ts'
import { keepInheritedDescriptors } from './util/inherited-descriptors.ts'
import { ignoreSignals } from './util/signals.ts'
import { flushed } from './util/standard-output.ts'
import { endProcess, endsProcess } from './util/stray-errors.ts'

// As root, isobench writes files that it trusts later. No other user may write to them.
if (process.getuid?.() === 0) process.umask(process.umask() | 0o022)

keepInheritedDescriptors()
ignoreSignals()

/** Whether standard output could not be written. */
let isBroken = false

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that goes away (`isobench list | head`, or a terminal: EIO) is no fault.
  if (error.code === 'EPIPE' || error.code === 'EIO' || isBroken) return
  isBroken = true
  process.stderr.write(`error  standard output cannot be written: ${messageOf(error)}\n`)
  // A run ends as if it were interrupted, and releases everything on the host.
  process.emit('SIGTERM')
})

// Results never go to standard error, and the exit code says that a command failed. Node emits this error even if the
// text is empty, as when `flushed` waits.
process.stderr.on('error', () => {})

// The code of a process that ends without a verdict, for example because nothing is left to wait for. User code may set
// process.exitCode, too.
let exitCode: number | undefined
process.on('exit', () => {
  if (endsProcess()) return
  process.exitCode = isBroken ? exitCodes.invalid : (exitCode ?? exitCodes.invalid)
  if (exitCode !== undefined) return
  const waits = new Error('isobench waits for something that never happens, and ends')
  // Without the timers of Node.js, isobench waits forever.
  const error = explainByBuiltins(waits, 'code of the project')
  const fix =
    error instanceof ChangedBuiltinsError
      ? error.fix
      : 'look in the config, drivers and reporters of the project for a promise that never settles'
  process.stderr.write(`error  ${messageOf(error)}.\n       fix: ${fix}\n`)
})
const codeOfCommand = await main(process.argv.slice(2))
exitCode = codeOfCommand
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
// Node reports a failed write in a later turn.
await new Promise((resolve) => setImmediate(resolve))
if (await hasBlockedThread()) {
  const what = 'code of the project waits for something that never ends, such as a FIFO that no process writes'
  process.stderr.write(
    `error  ${what}.\n       isobench has released everything on the host, and kills itself: code 137.\n`,
  )
  killProcess()
}
// Timers and servers of user code must not keep the process.
endProcess(() => (isBroken ? exitCodes.invalid : finalExitCode(codeOfCommand)))
