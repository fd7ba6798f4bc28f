/** What platforms do while idle, by all controls of a session: some calls come in bursts that one control may miss. */
import type { Calls } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'

/** Calls per second by name, for each platform, as one tracer has seen them. */
const seen = new WeakMap<Tracer, Map<string, Record<string, number>>>()

/** Adds a control of `seconds` to those of a platform. Returns the most that any had of each name, in calls per second. */
export function mostIdle(tracer: Tracer, platform: string, control: Calls, seconds: number): Calls {
  const platforms = seen.get(tracer) ?? new Map<string, Record<string, number>>()
  seen.set(tracer, platforms)
  const most = platforms.get(platform) ?? {}
  platforms.set(platform, most)
  for (const [name, calls] of Object.entries(control)) {
    const rate = calls / seconds
    if (rate > (Object.hasOwn(most, name) ? most[name]! : 0)) most[name] = rate
  }
  return most
}
