/** What platforms do without work, by all controls of a session: some calls come in bursts that one control may miss. */
import type { Calls } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'

/** Controls as one tracer has seen them. `idle`: calls in a second, each. `gate`: calls of going through a gate once, each. */
type Seen = Record<'idle' | 'gate', Calls[]>

const seen = new WeakMap<Tracer, Map<string, Seen>>()

/** Of counts in order, what as large a share of them is at most. */
const quantile = (counts: readonly number[], share: number) => counts[Math.ceil(share * counts.length) - 1]!

/**
 * The most calls of a name that a control is thought to have.
 * Idling: the most that any had.
 * A gate: what nine in ten times had at most, and three times as far above that as that is above the middle. Where each time is
 * like the other, that is what each had. A call that is rarer there is as rare in the work, and left to the rounds.
 */
const most = {
  idle: (counts: readonly number[]) => counts.at(-1)!,
  gate: (counts: readonly number[]) => {
    const [middle, nearly] = [quantile(counts, 0.5), quantile(counts, 0.9)]
    return nearly + 3 * (nearly - middle)
  },
}

/** Adds controls to those of a platform, and returns the most calls that one such control is thought to have, by name. */
export function without(tracer: Tracer, platform: string, kind: keyof Seen, controls: readonly Calls[]): Calls {
  const platforms = seen.get(tracer) ?? new Map<string, Seen>()
  seen.set(tracer, platforms)
  const own = platforms.get(platform) ?? { idle: [], gate: [] }
  platforms.set(platform, own)
  own[kind].push(...controls)
  const names = new Set(own[kind].flatMap((control) => Object.keys(control)))
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const counts = own[kind].map((control) => (Object.hasOwn(control, name) ? control[name]! : 0))
      const calls = most[kind](counts.sort((a, b) => a - b))
      return calls > 0 ? [[name, calls]] : []
    }),
  )
}
