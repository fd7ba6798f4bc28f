import { readFileSync } from 'node:fs'
import { MachineError } from '../errors.ts'

/** Reads a list such as `0-3,8`; the format is in cpuset(7). */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number) as [number, number?]
      return Array.from({ length: last! - first + 1 }, (_, at) => first + at)
    })
}

/** The CPUs that this process may use. */
function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  return parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1]!)
}

/** Who gets which CPUs. */
export interface Cores {
  readonly guest: readonly number[]
  /** Of the clients; the guest's own where there are no others. */
  readonly client: readonly number[]
}

/**
 * The last CPUs are the guest's, because interrupts and other people's work tend to be on the first.
 * @throws MachineError when there are too few.
 */
export function assignCores(count: number, allowed: readonly number[] = allowedCpus()): Cores {
  if (count > allowed.length) {
    throw new MachineError(
      `the config gives guests ${count} CPUs and this machine has ${allowed.length}`,
      'lower guest.cpus in the config',
    )
  }
  const guest = allowed.slice(-count)
  const others = allowed.slice(0, -count)
  return { guest, client: others.length > 0 ? others : guest }
}
