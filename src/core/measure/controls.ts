/** What platforms do without work, by all controls of a session: some calls come in bursts that one control may miss. */
import type { CallCounts, IdleRates } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'

/** Controls as one tracer has seen them of a platform: calls in a second of idling, and of going through a gate once, each. */
interface Seen {
  readonly idle: CallCounts[]
  readonly barrier: CallCounts[]
}

const seen = new WeakMap<Tracer, Map<string, Seen>>()

function seenOf(tracer: Tracer, platform: string): Seen {
  const platforms = seen.get(tracer) ?? new Map<string, Seen>()
  seen.set(tracer, platforms)
  const own = platforms.get(platform) ?? { idle: [], barrier: [] }
  platforms.set(platform, own)
  return own
}

/** Something of each name's counts, 0 where a control did not have it; names for which that is 0 are left out. */
function each(controls: readonly CallCounts[], of: (counts: readonly number[]) => number): Record<string, number> {
  const names = new Set(controls.flatMap((control) => Object.keys(control)))
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const value = of(controls.map((control) => (Object.hasOwn(control, name) ? control[name]! : 0)))
      return value > 0 ? [[name, value]] : []
    }),
  )
}

const mean = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length

/** Of a sample; 0 of one count alone. */
function deviation(counts: readonly number[]): number {
  const middle = mean(counts)
  return Math.sqrt(counts.reduce((sum, count) => sum + (count - middle) ** 2, 0) / Math.max(1, counts.length - 1))
}

/**
 * Adds a control to those of a platform, and returns what it does in a second of idling by all of them. Not the most of all: that
 * grows with the number of controls, so that a call which the work makes each time would be lost from the first control on in which
 * it happens to be.
 * @param perSecond the calls of idling, per second.
 * @param seconds how long that was looked at.
 */
export function addIdleTrace(tracer: Tracer, platform: string, perSecond: CallCounts, seconds: number): IdleRates {
  const { idle } = seenOf(tracer, platform)
  idle.push(perSecond)
  return {
    mean: each(idle, mean),
    // A count varies with the root of the time that it is taken in, a rate with the inverse of that root.
    deviation: each(idle, (counts) => deviation(counts) * Math.sqrt(seconds)),
  }
}

/** Of counts in order, what as large a share of them is at most. */
const quantile = (counts: readonly number[], share: number) => counts[Math.ceil(share * counts.length) - 1]!

/**
 * Adds passes of a gate to those of a platform, and returns the most calls of each name that one is thought to have: what nine in
 * ten times had at most, and three times as far above that as that is above the middle. Where each time is like the other, that is
 * what each had. A call that is rarer there is as rare in the work, and left to the rounds.
 */
export function addBarrierTraces(tracer: Tracer, platform: string, passes: readonly CallCounts[]): CallCounts {
  const { barrier: gate } = seenOf(tracer, platform)
  gate.push(...passes)
  return each(gate, (counts) => {
    const ordered = [...counts].sort((a, b) => a - b)
    const [middle, nearly] = [quantile(ordered, 0.5), quantile(ordered, 0.9)]
    return nearly + 3 * (nearly - middle)
  })
}
