import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** Signals of user code to isobench itself: they would end it without a verdict, or stop it for ever. */

/** The function under `process.kill`, which no types of Node have. An import of `kill` by its name calls it, too. */
export type SendSignal = (pid: number, signal: number) => number

const signaller = process as unknown as { _kill: SendSignal }
const original = signaller._kill

let ownGroup: number | undefined

/** The process group of this process: the fifth field of proc_pid_stat(5), after a name in parentheses. */
function readOwnGroup(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
  return Number(fields.slice(fields.lastIndexOf(')') + 2).split(' ')[2])
}

/** The target of a signal as user code may have written it, if isobench or the process that started it gets it. */
function ownTarget(pid: number): string | undefined {
  if (pid === process.pid) return 'process.pid'
  if (pid === process.ppid) return 'process.ppid'
  if (pid === 0 || pid === -1) return String(pid)
  if (pid > 0) return undefined
  ownGroup ??= readOwnGroup()
  return pid === -ownGroup ? String(pid) : undefined
}

const nameOf = (signal: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? String(signal)

/**
 * Makes `process.kill` refuse signals that reach isobench or the process that started it.
 * @param refuse throws the error
 * @param applies whether user code may run now
 */
export function refuseOwnSignals(refuse: (call: string) => never, applies: () => boolean = () => true): void {
  signaller._kill = (pid, signal) => {
    // Signal 0 only asks whether a process exists.
    // Node.js also takes a pid as a text.
    const target = signal !== 0 && applies() ? ownTarget(Number(pid)) : undefined
    if (target !== undefined) refuse(`process.kill(${target}, '${nameOf(signal)}')`)
    return original.call(process, pid, signal)
  }
}

/** Undoes `refuseOwnSignals`. */
export function allowOwnSignals(): void {
  signaller._kill = original
}
