import { constants, fstatSync, readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { flagsOf } from './inherited-descriptors.ts'

/**
 * Whether the process that started isobench ignores SIGHUP, so that isobench inherited that. Node.js resets inherited
 * signals before any code runs (`ResetSignalHandlers` in src/node.cc), so /proc/self does not show it.
 */
function parentIgnoresHangup(): boolean {
  const [, ignored = '0'] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${process.ppid}/status`, 'utf8')) ?? []
  // Bit 0 is signal 1: proc_pid_status(5).
  return (BigInt(`0x${ignored}`) & 1n) === 1n
}

/** Whether standard input is /dev/null and cannot be read, as nohup(1) makes it if it is a terminal. */
function hasInputOfNohup(): boolean {
  const [input, nothing] = [fstatSync(0), statSync('/dev/null')]
  const mode = flagsOf(0) & (constants.O_WRONLY | constants.O_RDWR)
  return input.rdev === nothing.rdev && mode === constants.O_WRONLY
}

/** nohup(1) executes isobench, so it is not the parent. Shells put the command that they start into `_`. */
const isStartedByNohup = (): boolean => basename(process.env._ ?? '') === 'nohup' || hasInputOfNohup()

function isHangupIgnored(): boolean {
  try {
    return isStartedByNohup() || parentIgnoresHangup()
  } catch {
    // Without /proc, or without a standard input.
    return false
  }
}

const isIgnored = isHangupIgnored()

/** The signals at which isobench releases the host and ends. Not SIGHUP if isobench was started to ignore it. */
export const endSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', ...(isIgnored ? [] : (['SIGHUP'] as const))]

/**
 * Ignores SIGUSR1, at which Node.js would listen for a debugger on this host, and SIGHUP if isobench was started to
 * ignore it, as by `nohup isobench run`. `node --inspect` works as before.
 */
export function ignoreSignals(): void {
  process.on('SIGUSR1', () => {})
  if (isIgnored) process.on('SIGHUP', () => {})
}
