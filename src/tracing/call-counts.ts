/** Profiles: how often each function, or each system call, was called. Plain data; pure. */

/** Calls by name; every count is above 0. */
export type CallCounts = Readonly<Record<string, number>>

export const totalCalls = (calls: CallCounts): number => Object.values(calls).reduce((sum, count) => sum + count, 0)

/** What idling does in a second, by name. */
export interface IdleRates {
  readonly mean: CallCounts
  /** The standard deviation from second to second, as measured. */
  readonly deviation: CallCounts
}

/** What was seen of everything but the work. */
export interface Background {
  readonly idling: IdleRates
  /** How long the work took. */
  readonly seconds: number
  /** Calls of going through the gates, as often as the work did. */
  readonly barrier: CallCounts
}

/**
 * What work reaches beyond its control: of each name the calls less those of the gates and of idling, and only names that have
 * more calls than the gates, and more than three standard deviations above twice those of idling. Counts of rare events that
 * come independently are Poisson distributed, with the root of the mean as their standard deviation; where idling was seen to
 * vary by more, because its calls come in bursts, it is that. Twice, because idling is not that regular: at the same load one
 * second has up to twice the calls of another. What the control never calls needs one call.
 */
export function subtractBackground(
  work: CallCounts,
  { idling, seconds, barrier: gates }: Background,
): Record<string, number> {
  const of = (calls: CallCounts, name: string) => (Object.hasOwn(calls, name) ? calls[name]! : 0)
  return Object.fromEntries(
    Object.entries(work).flatMap(([name, count]) => {
      const [expected, passing] = [of(idling.mean, name) * seconds, of(gates, name)]
      const deviation = Math.max(Math.sqrt(2 * expected), of(idling.deviation, name) * Math.sqrt(seconds))
      return count > passing + 2 * expected + 3 * deviation ? [[name, Math.round(count - passing - expected)]] : []
    }),
  )
}

/** Each name's calls `times` as often. */
export const scaleCounts = (calls: CallCounts, times: number): Record<string, number> =>
  Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, count * times]))

/** How alike two sets of names are: those of both over those of either; 1 for two empty ones (Jaccard 1901). */
export function jaccard(a: Iterable<string>, b: Iterable<string>): number {
  const [one, other] = [new Set(a), new Set(b)]
  const both = [...one].filter((name) => other.has(name)).length
  const either = one.size + other.size - both
  return either === 0 ? 1 : both / either
}

/** Several profiles as one. */
export function mergeCounts(profiles: readonly CallCounts[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const calls of profiles) {
    for (const [name, count] of Object.entries(calls)) all[name] = (Object.hasOwn(all, name) ? all[name]! : 0) + count
  }
  return all
}
