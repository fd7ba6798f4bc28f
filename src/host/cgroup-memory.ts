/** What a guest costs the host, from what the kernel charges to cgroups. */

import { cpus } from 'node:os'
import type { GuestMemory } from '../dsl/guest.ts'
import { HostError } from '../util/errors.ts'
import { kernelMemoryV1, liveProcesses, memoryStatistics } from './cgroup.ts'

/** Memory that the kernel has charged to a cgroup and to all cgroups below it, in bytes. */
export type CgroupMemory = Omit<GuestMemory, 'daemons'>

const isBytes = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** The kernel memory of cgroup v2. The field `kernel` exists since Linux 5.18. */
function kernelMemoryV2(statistics: ReadonlyMap<string, number>): number | undefined {
  if (statistics.has('kernel')) return statistics.get('kernel')
  const parts = ['kernel_stack', 'pagetables', 'percpu', 'slab'].flatMap((name) => statistics.get(name) ?? [])
  return parts.length > 0 ? parts.reduce((sum, bytes) => sum + bytes, 0) : undefined
}

/** Bytes by which two fields may differ from each other: the kernel adds up to 64 pages per CPU later. */
const statisticsError = (): number => 64 * 4096 * cpus().length

/**
 * Splits the memory of a cgroup by kind. The sum excludes what the kernel has only charged in advance, which
 * `memory.usage_in_bytes` and `memory.current` include: up to 64 pages per CPU (MEMCG_CHARGE_BATCH in Linux). The
 * fields may be up to 2 s old (FLUSH_TIME in mm/memcontrol.c).
 * @param statistics the fields of `memory.stat`, in bytes
 * @param kernelV1 kernel memory of cgroup v1
 * @returns undefined if a field is missing or is no number of bytes
 * @throws {HostError} if there is more shared memory than page cache, which includes it
 */
export function splitMemory(statistics: ReadonlyMap<string, number>, kernelV1?: number): CgroupMemory | undefined {
  const isV1 = statistics.has('total_rss')
  const names = isV1 ? ['total_rss', 'total_cache', 'total_shmem'] : ['anon', 'file', 'shmem']
  const [anonymous, cache, shared] = names.map((name) => statistics.get(name))
  if (!isBytes(anonymous) || !isBytes(cache) || !isBytes(shared)) return undefined
  const counted = isV1 ? kernelV1 : kernelMemoryV2(statistics)
  // A process has at least a kernel stack, so 0 means that the kernel does not account for its memory.
  const kernel = isBytes(counted) && counted > 0 ? counted : undefined
  if (shared - cache > statisticsError())
    throw new HostError(
      `memory.stat of a guest's cgroup contradicts itself: ${shared} bytes of shared memory are part of ` +
        `${cache} bytes of cache.`,
      'measure again; if it stays, please report it with the version of the kernel',
    )
  const ofCache = Math.min(shared, cache)
  const total = anonymous + cache + (kernel ?? 0)
  return { total, anonymous, shared: ofCache, pageCache: cache - ofCache, ...(kernel !== undefined && { kernel }) }
}

/** Returns the memory of the cgroup `name`; undefined if it does not exist or the kernel does not account for it. */
export const cgroupMemory = (name: string): CgroupMemory | undefined =>
  splitMemory(memoryStatistics(name), kernelMemoryV1(name))

/** Adds up what one guest costs: its own cgroup, and the growth of the daemons that serve it. */
export class GuestMemoryMeter {
  readonly #daemons = new Map<string, number | undefined>()

  /** @param group the guest's cgroup */
  constructor(private readonly group: string) {}

  /** Adds the cgroup of a daemon, before the guest is booted. */
  addDaemon(group: string): void {
    if (!this.#daemons.has(group)) this.#daemons.set(group, cgroupMemory(group)?.total)
  }

  /**
   * Returns what the guest costs now. Daemons that have shrunk count as 0.
   * @throws {HostError} if the kernel does not account for memory
   */
  read(): GuestMemory {
    const own = cgroupMemory(this.group)
    if (!own) throw new HostError('the kernel does not account for the memory of cgroups.', 'use Linux 5.10 or later')
    const growth = [...this.#daemons].flatMap(([group, before]) => {
      const now = cgroupMemory(group)?.total
      // A folder that guests share has a cgroup without processes.
      return before === undefined || now === undefined || liveProcesses(group).length === 0 ? [] : [now - before]
    })
    return withDaemons(own, growth)
  }
}

/** @param growth of each daemon in bytes, negative if it has shrunk */
export function withDaemons(own: CgroupMemory, growth: readonly number[]): GuestMemory {
  if (growth.length === 0) return own
  const daemons = Math.max(
    0,
    growth.reduce((sum, bytes) => sum + bytes, 0),
  )
  return { ...own, total: own.total + daemons, daemons }
}
