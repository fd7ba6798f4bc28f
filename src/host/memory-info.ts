/** How much memory the host has, and how much of it guests may have together. */

import { readFileSync } from 'node:fs'
import { UnsupportedError } from '../util/errors.ts'

/** Memory of the host in bytes. */
export interface HostMemory {
  readonly total: number
  /** What the kernel can give to processes without swapping. */
  readonly available: number
}

/** Reads the text of `/proc/meminfo` (proc_meminfo(5)). A missing line counts as 0 bytes. */
export function parseMemory(text: string): HostMemory {
  const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
  return { total: bytes('MemTotal'), available: bytes('MemAvailable') }
}

/** The memory of this host, now. */
export const readMemory = (): HostMemory => parseMemory(readFileSync('/proc/meminfo', 'utf8'))

/** The least that stays for the host: a gibibyte, or a tenth of its memory if that is more. */
const hostReserve = (total: number): number => Math.max(1024 ** 3, total / 10)

/** Bytes that all guests of a sample may have together, so that the host survives guests that take all they can. */
export const memoryForGuests = ({ total, available }: HostMemory): number =>
  Math.max(0, Math.floor(available - hostReserve(total)))

const gibibytes = (bytes: number): string => `${Number((bytes / 1024 ** 3).toPrecision(3))} GiB`

/**
 * Checks that guests fit into memory, before the first of them starts.
 * @param each the memory limit of a guest in bytes
 * @param available bytes that all of them may have together
 * @throws {UnsupportedError} if their limits add up to more
 */
export function checkMemoryOfGuests(count: number, each: number, available: number): void {
  if (count * each <= available) return
  throw new UnsupportedError(
    `${count} guests with ${gibibytes(each)} each may use more than the ${gibibytes(available)} that this host can ` +
      'give to guests',
    'lower guest.memory in isobench.config.ts, or start fewer guests',
  )
}
