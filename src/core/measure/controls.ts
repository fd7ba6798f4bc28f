/** What platforms do without work, by all controls of a session: some calls come in bursts that one control may miss. */
import type { Calls } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'

/** Controls as one tracer has seen them. `idle`: calls in a second, each. `gate`: calls of going through a gate once, each. */
type Seen = Record<'idle' | 'gate', Calls[]>

const seen = new WeakMap<Tracer, Map<string, Seen>>()

/** The share of a platform's controls that have at most as many calls as are taken away. */
const shares = { idle: 1, gate: 0.9 } as const

/**
 * Adds controls to those of a platform. Returns, of each name, the most calls that any of those had that idled, or that nine of
 * ten had that went through a gate: a rarer call there is as rare in the work, and rounds are there to tell it from that.
 */
export function without(tracer: Tracer, platform: string, kind: keyof Seen, controls: readonly Calls[]): Calls {
  const platforms = seen.get(tracer) ?? new Map<string, Seen>()
  seen.set(tracer, platforms)
  const own = platforms.get(platform) ?? { idle: [], gate: [] }
  platforms.set(platform, own)
  own[kind].push(...controls)
  const all = own[kind]
  const at = Math.ceil(shares[kind] * all.length) - 1
  const names = new Set(all.flatMap((control) => Object.keys(control)))
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const counts = all.map((control) => (Object.hasOwn(control, name) ? control[name]! : 0)).sort((a, b) => a - b)
      return counts[at]! > 0 ? [[name, counts[at]!]] : []
    }),
  )
}
