import { existsSync, readFileSync } from 'node:fs'
import { HostError } from '../util/errors.ts'

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
export interface CpuAssignment {
  readonly guest: readonly number[]
  /** Of the clients; the guest's own where there are no others. */
  readonly client: readonly number[]
}

/** Two guests' CPUs, no physical core of one among the other's. */
export type DuetCpus = readonly [readonly number[], readonly number[]]

/** The hardware threads of the core that a CPU is one of, itself included. */
function siblingsOf(cpu: number): number[] {
  const file = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`
  return existsSync(file) ? parseCpuList(readFileSync(file, 'utf8')) : [cpu]
}

/**
 * CPUs for two guests that run at the same time: whole cores, the last ones first, as two threads of one core would contend
 * for what is measured.
 * @throws MachineError when there are too few cores.
 */
export function assignDuetCpus(
  count: number,
  allowed: readonly number[] = allowedCpus(),
  siblings: (cpu: number) => readonly number[] = siblingsOf,
): DuetCpus {
  const cores = new Map<number, number[]>()
  for (const cpu of allowed) {
    const core = Math.min(...siblings(cpu))
    cores.set(core, [...(cores.get(core) ?? []), cpu])
  }
  const free = [...cores.values()]
  const take = (): number[] => {
    const taken: number[] = []
    while (taken.length < count && free.length > 0) taken.push(...free.pop()!)
    return taken.slice(0, count).sort((a, b) => a - b)
  }
  const [one, other] = [take(), take()]
  if (other.length === count) return [one, other]
  const have = `this machine has ${allowed.length} on ${cores.size} ${cores.size === 1 ? 'core' : 'cores'}`
  throw new HostError(
    `duet mode runs two guests at once on cores of their own, ${count} ${count === 1 ? 'CPU' : 'CPUs'} each, and ${have}`,
    'leave --duet out, or lower guest.cpus in the config',
  )
}

/** The CPUs of a pair, and those that are left for clients: the pair's own where there are no others. */
export function duetAssignment([one, other]: DuetCpus, allowed: readonly number[] = allowedCpus()): CpuAssignment {
  const guest = [...one, ...other]
  const client = allowed.filter((cpu) => !guest.includes(cpu))
  return { guest, client: client.length > 0 ? client : guest }
}

/**
 * The last CPUs are the guest's, because interrupts and other people's work tend to be on the first.
 * @throws MachineError when there are too few.
 */
export function assignCpus(count: number, allowed: readonly number[] = allowedCpus()): CpuAssignment {
  if (count > allowed.length) {
    throw new HostError(
      `the config gives guests ${count} CPUs and this machine has ${allowed.length}`,
      'lower guest.cpus in the config',
    )
  }
  const guest = allowed.slice(-count)
  const others = allowed.slice(0, -count)
  return { guest, client: others.length > 0 ? others : guest }
}
