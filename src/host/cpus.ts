/** Which CPUs guests and load generators run on. */

import { existsSync, readFileSync } from 'node:fs'
import { HostError } from '../util/errors.ts'

/** Parses a CPU list such as `0-3,8` (cpuset(7)). */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number) as [number, number?]
      return Array.from({ length: last! - first + 1 }, (_, offset) => first + offset)
    })
}

/** The CPUs that this process may use. */
function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  return parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1]!)
}

/** The CPUs of guests and of the load generator. */
export interface CpuAssignment {
  readonly guest: readonly number[]
  /** CPUs of the load generator. Equal to `guest` if the host has no other CPUs. */
  readonly client: readonly number[]
}

/** The CPUs of two guests that run at the same time. They share no physical core. */
export type DuetCpus = readonly [readonly number[], readonly number[]]

/** The hardware threads of the CPU's core, including the CPU itself. */
function coreThreads(cpu: number): number[] {
  const file = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`
  return existsSync(file) ? parseCpuList(readFileSync(file, 'utf8')) : [cpu]
}

/**
 * Assigns CPUs to two guests that run at the same time. Uses whole cores, the last ones first, because two threads of
 * one core would compete and distort the measurement.
 * @throws {HostError} if there are too few cores
 */
export function assignDuetCpus(
  count: number,
  allowed: readonly number[] = allowedCpus(),
  siblings: (cpu: number) => readonly number[] = coreThreads,
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
  const [first, second] = [take(), take()]
  if (second.length === count) return [first, second]
  const available = `this host has ${allowed.length} on ${cores.size} ${cores.size === 1 ? 'core' : 'cores'}`
  const needed = `${count} ${count === 1 ? 'CPU' : 'CPUs'} each`
  throw new HostError(
    `duet mode runs two guests at once on separate cores, with ${needed}, but ${available}.`,
    'omit --duet, or lower guest.cpus in isobench.config.ts',
  )
}

/** Returns the CPUs of a duet, and the remaining ones for the load generator (all of the duet's if none remain). */
export function duetAssignment([first, second]: DuetCpus, allowed: readonly number[] = allowedCpus()): CpuAssignment {
  const guest = [...first, ...second]
  const client = allowed.filter((cpu) => !guest.includes(cpu))
  return { guest, client: client.length > 0 ? client : guest }
}

/**
 * Assigns the last CPUs to guests, because interrupts and other processes tend to use the first ones.
 * @throws {HostError} if there are too few CPUs
 */
export function assignCpus(count: number, allowed: readonly number[] = allowedCpus()): CpuAssignment {
  if (count > allowed.length) {
    throw new HostError(
      `guest.cpus is ${count}, but this host has ${allowed.length} ${allowed.length === 1 ? 'CPU' : 'CPUs'}.`,
      'lower guest.cpus in isobench.config.ts',
    )
  }
  const guest = allowed.slice(-count)
  const rest = allowed.slice(0, -count)
  return { guest, client: rest.length > 0 ? rest : guest }
}

/** Splits CPUs into sets of `count` each, in their order. CPUs that do not fill a set are in none. */
export const cpuSetsOf = (cpus: readonly number[], count: number): number[][] =>
  Array.from({ length: Math.floor(cpus.length / count) }, (_, at) => cpus.slice(at * count, (at + 1) * count))
