import type { TraceSource } from '../dsl/traced.ts'
import { IsobenchError, messageOf } from '../errors.ts'
import { instruments } from '../guest/trace/index.ts'
import type { Plan } from './plan/plan.ts'
import type { Session } from './session.ts'

/** An instrument, and whether this machine's kernel lets us set it. */
export interface TraceSourceProbe {
  readonly name: TraceSource
  readonly about: string
  readonly available: boolean
  readonly reason?: string
  readonly fix?: string
}

/** Sets each instrument: that a kernel lists a tracer says nothing. */
export async function probeInstruments(
  session: Session,
  names: readonly TraceSource[] = Object.keys(instruments) as TraceSource[],
): Promise<TraceSourceProbe[]> {
  const probes: TraceSourceProbe[] = []
  for (const name of names) {
    const { about } = instruments[name]
    try {
      await session.tracer(name)
      probes.push({ name, about, available: true })
    } catch (error) {
      const fix = error instanceof IsobenchError ? error.fix : undefined
      probes.push({ name, about, available: false, reason: messageOf(error), ...(fix && { fix }) })
    }
  }
  return probes
}

/** The plan without the benches whose instrument this machine lacks: claims on those are undecidable, with its reason. */
export async function excludeUntraceable<P extends Pick<Plan, 'benches' | 'cases' | 'excluded'>>(
  plan: P,
  session: Session,
  tell: (what: string) => void,
): Promise<P> {
  const wanted = [...new Set(plan.benches.flatMap(({ workload }) => workload.traced ?? []))]
  if (wanted.length === 0) return plan
  const absent = (await probeInstruments(session, wanted)).filter(({ available }) => !available)
  for (const { name, reason } of absent) tell(`benches traced by ${name} are left out: ${reason}`)
  const lacking = ({ workload }: Plan['benches'][number]) => absent.find(({ name }) => name === workload.traced)
  const benches = plan.benches.filter((bench) => !lacking(bench))
  const left = plan.benches.flatMap((bench) => {
    const probe = lacking(bench)
    return probe ? [{ bench: bench.id, why: 'tracer-unavailable' as const, reason: probe.reason ?? '' }] : []
  })
  return {
    ...plan,
    benches,
    cases: plan.cases.filter(({ bench }) => benches.some(({ id }) => id === bench)),
    excluded: [...plan.excluded, ...left],
  }
}
