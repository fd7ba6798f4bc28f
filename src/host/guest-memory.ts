/** What the kernel reports about the memory of a guest's host processes. */

import { readFileSync } from 'node:fs'
import { liveProcesses, memoryStatistics } from './cgroup.ts'

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    // The process has ended, or the kernel is too old.
    return ''
  }
}

/**
 * Parses `Pss:` of /proc/PID/smaps_rollup (proc(5)): the memory that a process maps, of which each page counts one n-th
 * if n processes map it.
 * @returns bytes, or undefined if the text has no such line
 */
export function parsePss(text: string): number | undefined {
  const kib = /^Pss:\s+(\d{1,15}) kB$/m.exec(text)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

/**
 * Returns the sum of the PSS of a guest's host processes in bytes. Pages that two of them map count once.
 * Undefined if the guest has no process, or if the kernel does not report it (before Linux 4.14).
 * @param group the cgroup of the guest's sandbox
 */
export function proportionalBytes(group: string): number | undefined {
  const known = liveProcesses(group).flatMap((pid) => parsePss(read(`/proc/${pid}/smaps_rollup`)) ?? [])
  return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0)
}

/**
 * Returns how many page faults the processes of a guest had so far. Faults inside of a VM count if the host handles
 * them. Undefined if the kernel does not count them.
 * @param group the cgroup of the guest's sandbox
 */
export const pageFaults = (group: string): number | undefined => pageFaultsIn(memoryStatistics(group))

/** The page faults in the fields of `memory.stat`, with those of child cgroups. Undefined if there is no number. */
export function pageFaultsIn(statistics: ReadonlyMap<string, number>): number | undefined {
  const count = statistics.get('total_pgfault') ?? statistics.get('pgfault')
  return count !== undefined && Number.isSafeInteger(count) ? count : undefined
}

/**
 * Returns how many bytes of a guest are shared by all of `count` alike guests. If each maps `a` bytes alone, and `s`
 * bytes together with the others, the proportional size of one guest is a + s, and that of all guests is count * a + s.
 * @param alone the proportional size of a guest in bytes while it is the only one
 * @param together the sum of the proportional sizes of all guests in bytes
 * @returns null if the guests are larger together than as many alone: then they are not alike, and `s` is unknown
 */
export function sharedBytes(alone: number, together: number, count: number): number | null {
  const shared = (count * alone - together) / (count - 1)
  return shared < 0 ? null : shared
}
