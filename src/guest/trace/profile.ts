/** Profiles: how often each function, or each system call, was called. Plain data; pure. */

/** Calls by name; every count is above 0. */
export type Calls = Readonly<Record<string, number>>

export const totalOf = (calls: Calls): number => Object.values(calls).reduce((sum, count) => sum + count, 0)

/**
 * What work reaches beyond idling: of each name the calls less those of idling in the same time, and only names whose calls
 * lie more than three standard deviations above twice that. Counts of rare events that come independently are Poisson
 * distributed, with the root of the mean as their standard deviation. Twice, because idling is not that regular: the timers
 * of a runtime's own threads come in bursts, and at the same load one second has up to twice the calls of another. What
 * idling never calls needs one call.
 *
 * @param share the time of the work over the time of idling.
 */
export function beyond(work: Calls, idle: Calls, share: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(work).flatMap(([name, count]) => {
      const expected = (idle[name] ?? 0) * share
      return count > 2 * expected + 3 * Math.sqrt(2 * expected) ? [[name, Math.round(count - expected)]] : []
    }),
  )
}

/** How alike two sets of names are: those of both over those of either; 1 for two empty ones (Jaccard 1901). */
export function jaccard(a: Iterable<string>, b: Iterable<string>): number {
  const [one, other] = [new Set(a), new Set(b)]
  const both = [...one].filter((name) => other.has(name)).length
  const either = one.size + other.size - both
  return either === 0 ? 1 : both / either
}

/** Several profiles as one. */
export function sum(profiles: readonly Calls[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const calls of profiles) {
    for (const [name, count] of Object.entries(calls)) all[name] = (Object.hasOwn(all, name) ? all[name]! : 0) + count
  }
  return all
}
