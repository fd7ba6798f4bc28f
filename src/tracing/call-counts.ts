/** How often functions or system calls were called. Plain data, pure functions. */

/** Calls by name. Every count is above 0. */
export type CallCounts = Readonly<Record<string, number>>

/** Returns the number of calls. */
export const totalCalls = (calls: CallCounts): number => Object.values(calls).reduce((sum, count) => sum + count, 0)

/** Calls per second of an idle guest, by name. */
export interface IdleRates {
  readonly mean: CallCounts
  /** Measured standard deviation between seconds. */
  readonly deviation: CallCounts
}

/** The calls that are not part of the work. */
export interface Background {
  readonly idling: IdleRates
  /** Duration of the work in seconds. */
  readonly seconds: number
  /** Calls of passing the barriers as often as the work did. */
  readonly barrier: CallCounts
}

/**
 * Subtracts the background from the calls of the work. Keeps a name only if its count exceeds the barriers' calls plus
 * twice the idle calls by more than three standard deviations.
 *
 * Counts of rare, independent events are Poisson distributed, with the root of the mean as standard deviation. If
 * idling varied by more, because its calls come in bursts, the measured deviation is used. Twice, because idle activity
 * is irregular: at the same load, one second has up to twice as many calls as another. A name that the background never
 * calls needs one call.
 */
export function subtractBackground(work: CallCounts, { idling, seconds, barrier }: Background): Record<string, number> {
  const countOf = (calls: CallCounts, name: string) => (Object.hasOwn(calls, name) ? calls[name]! : 0)
  return Object.fromEntries(
    Object.entries(work).flatMap(([name, count]) => {
      const [expected, barrierCalls] = [countOf(idling.mean, name) * seconds, countOf(barrier, name)]
      const deviation = Math.max(Math.sqrt(2 * expected), countOf(idling.deviation, name) * Math.sqrt(seconds))
      return count > barrierCalls + 2 * expected + 3 * deviation
        ? [[name, Math.round(count - barrierCalls - expected)]]
        : []
    }),
  )
}

/** Multiplies all counts by `times`. */
export const scaleCounts = (calls: CallCounts, times: number): Record<string, number> =>
  Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, count * times]))

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
  const all: Record<string, number> = {}
  for (const calls of profiles) {
    for (const [name, count] of Object.entries(calls)) all[name] = (Object.hasOwn(all, name) ? all[name]! : 0) + count
  }
  return all
}
