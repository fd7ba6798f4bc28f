import type { ProcessRole } from '../../dsl/process-roles.ts'
import { type Confinement, combineConfinement } from '../model/confinement.ts'
import type { RunRecord } from '../model/record.ts'
import { usedByRole } from '../model/traced-calls.ts'

/** What confines the host processes of a platform, and which system calls they use. */
export interface PlatformConfinement {
  readonly platform: string
  readonly confinement: readonly Confinement[]
  /** The system calls that the work used in every round of a case, by role. Empty if only functions were traced. */
  readonly used: Readonly<Partial<Record<ProcessRole, readonly string[]>>>
}

/** Joins the calls of several cases. */
export const joinUsed = (cases: readonly PlatformConfinement['used'][]): PlatformConfinement['used'] => {
  const used: Partial<Record<ProcessRole, string[]>> = {}
  for (const one of cases)
    for (const [role, names] of Object.entries(one) as [ProcessRole, readonly string[]][])
      used[role] = [...new Set([...(used[role] ?? []), ...names])].sort()
  return used
}

/**
 * Returns what confined the host processes of each platform during traced work, over all rounds. Pure.
 * @param texts only benches with one of these texts in the id of their case
 * @param names only these platforms; all if empty
 */
export function confinementOf(
  { plan, samples }: Pick<RunRecord, 'plan' | 'samples'>,
  texts: readonly string[],
  names: readonly string[] = [],
): PlatformConfinement[] {
  const cases = plan.cases.filter(({ id }) => texts.length === 0 || texts.some((text) => id.includes(text)))
  return plan.platforms.flatMap(({ name }) => {
    if (names.length > 0 && !names.includes(name)) return []
    const outcomes = cases.map(({ id }) =>
      samples.flatMap(({ case: benchCase, platform, warmup, outcome }) =>
        benchCase === id && platform === name && !warmup && outcome.ok ? [outcome] : [],
      ),
    )
    const entries = outcomes.flat().flatMap(({ confinement = [] }) => confinement)
    if (entries.length === 0) return []
    const used = outcomes.map((own) => usedByRole(own.flatMap(({ attackProfile = [] }) => attackProfile)))
    return [{ platform: name, confinement: combineConfinement(entries), used: joinUsed(used) }]
  })
}
