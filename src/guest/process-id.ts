import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number
  /** Field 22 of /proc/PID/stat, clock ticks since boot; proc(5). */
  readonly started: string
}

interface Stat {
  readonly state: string
  readonly started: string
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command name, field 2, may hold anything, parentheses included: count from its end.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, started: fields[19]! }
  } catch {
    return undefined
  }
}

/** The identity of a running process, or undefined when there is none. */
export function processId(pid: number): ProcessId | undefined {
  const stat = statOf(pid)
  return stat && { pid, started: stat.started }
}

/** Whether that very process still runs. A zombie does not: it holds nothing but its number. */
export function isAlive(id: ProcessId): boolean {
  const stat = statOf(id.pid)
  return stat !== undefined && stat.started === id.started && stat.state !== 'Z' && stat.state !== 'X'
}
