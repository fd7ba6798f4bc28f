/** What platforms do without work, by all controls of a session: some calls come in bursts that one control may miss. */
import type { Calls } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'

/** `idle`: calls per second while nothing is asked. `gate`: calls of going through a gate once. */
export type ControlKind = 'idle' | 'gate'

const seen = new WeakMap<Tracer, Map<string, Record<string, number>>>()

/** Adds controls to those of a platform that one tracer has seen. Returns the most that any had of each name. */
export function mostOf(tracer: Tracer, platform: string, kind: ControlKind, controls: readonly Calls[]): Calls {
  const all = seen.get(tracer) ?? new Map<string, Record<string, number>>()
  seen.set(tracer, all)
  const key = `${kind} ${platform}`
  const most = all.get(key) ?? {}
  all.set(key, most)
  for (const control of controls) {
    for (const [name, calls] of Object.entries(control))
      if (calls > (Object.hasOwn(most, name) ? most[name]! : 0)) most[name] = calls
  }
  return most
}
