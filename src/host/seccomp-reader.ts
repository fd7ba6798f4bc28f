/** Reads the seccomp filters that threads run under. */

import { programPath } from '../util/assets.ts'
import { runHostCommand } from './process.ts'
import { syscallNumber } from './syscall-names.ts'

/** The filters of a thread, the newest first; or why isobench could not read them. */
export type ThreadFilters = { readonly programs: readonly Buffer[] } | { readonly problem: string }

/** Parses what `programs/seccomp-filters.pl` prints. */
export function parseFilters(text: string): Map<number, ThreadFilters> {
  const filters = new Map<number, ThreadFilters>()
  for (const line of text.split('\n')) {
    const [, tid, kind, rest] = /^(\d+) (\d+|error) (.+)$/.exec(line) ?? []
    if (tid === undefined) continue
    const before = filters.get(Number(tid))
    if (kind === 'error') filters.set(Number(tid), { problem: rest! })
    else
      filters.set(Number(tid), {
        programs: [...(before && 'programs' in before ? before.programs : []), Buffer.from(rest!, 'hex')],
      })
  }
  return filters
}

/**
 * Returns the seccomp filters of threads as the kernel has them (PTRACE_SECCOMP_GET_FILTER). It stops each thread for
 * less than a millisecond, so call it only while nothing is measured. It needs CAP_SYS_ADMIN and a kernel with
 * CONFIG_CHECKPOINT_RESTORE. A thread that another process traces has a problem in its place.
 */
export async function seccompFiltersOf(tids: readonly number[]): Promise<ReadonlyMap<number, ThreadFilters>> {
  const numbers = ['ptrace', 'wait4'].map((name) => syscallNumber(name))
  if (tids.length === 0) return new Map()
  const everyThread = (problem: string) => new Map(tids.map((tid) => [tid, { problem }]))
  if (numbers.includes(undefined)) return everyThread(`isobench does not know the system calls of ${process.arch}`)
  const argv = ['perl', programPath('seccomp-filters.pl'), ...[...numbers, ...tids].map(String)]
  try {
    return parseFilters(await runHostCommand(argv, { label: 'reading seccomp filters', timeout: 5 + tids.length }))
  } catch (error) {
    return everyThread((error as Error).message)
  }
}
