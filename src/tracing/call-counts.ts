/** How often functions or system calls were called. Plain data, pure functions. */

import { type ProcessRole, processRoles } from '../dsl/process-roles.ts'

/** Calls by name. Every count is above 0. */
export type CallCounts = Readonly<Record<string, number>>

/** Returns the number of calls. */
export const totalCalls = (calls: CallCounts): number => Object.values(calls).reduce((sum, count) => sum + count, 0)

/** Calls by role and name. A role without calls is absent. */
export type CallsByRole = Readonly<Partial<Record<ProcessRole, CallCounts>>>

/**
 * Returns the Jaccard index of two sets of names: the size of their intersection over that of their union (Jaccard
 * 1901).
 */
export function jaccard(a: Iterable<string>, b: Iterable<string>): number {
  const [first, second] = [new Set(a), new Set(b)]
  const both = [...first].filter((name) => second.has(name)).length
  const either = first.size + second.size - both
  return either === 0 ? 1 : both / either
}

/** Adds up several counts. */
export function mergeCounts(profiles: readonly CallCounts[]): Record<string, number> {
  const all = new Map<string, number>()
  for (const calls of profiles) {
    for (const [name, count] of Object.entries(calls)) all.set(name, (all.get(name) ?? 0) + count)
  }
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Adds up several counts by role. */
export function mergeRoles(profiles: readonly CallsByRole[]): CallsByRole {
  return Object.fromEntries(
    processRoles.flatMap((role) => {
      const own = profiles.flatMap((calls) => (calls[role] ? [calls[role]] : []))
      return own.length > 0 ? [[role, mergeCounts(own)]] : []
    }),
  )
}
