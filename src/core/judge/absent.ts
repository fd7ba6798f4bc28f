/** What a claim lacks: the platforms that were not measured, and why. */
import type { CpuMode, Plan } from '../plan/plan.ts'

interface Platforms {
  readonly platforms: readonly (Plan['platforms'][number] & { readonly unable?: boolean })[]
}

const find = (name: string, { platforms }: Platforms) => platforms.find((one) => one.name === name)

/** Why a platform has no samples, as a reason; undefined when it was measured. */
export function unavailableReason(name: string, plan: Platforms): string | undefined {
  const platform = find(name, plan)
  if (platform?.available) return undefined
  if (platform?.unable) return `workload-unsupported:${name}`
  if (name === 'native') return 'no-native'
  return `${platform ? 'platform-unavailable' : 'platform-unknown'}:${name}`
}

/** Those of `names` that were not measured. */
export const unavailable = (names: readonly string[], plan: Platforms): string[] =>
  names.filter((name) => unavailableReason(name, plan) !== undefined)

/** `needs osv, osv-firecracker: no OSv image; kata: not in this run`. */
export function needsText(names: readonly string[], plan: Platforms): string {
  const byReason = new Map<string, string[]>()
  for (const name of new Set(names)) {
    const reason = find(name, plan)?.reason ?? 'not in this run'
    // "firecracker is not installed" need not name it again.
    const why = reason.startsWith(`${name} is `) ? reason.slice(name.length + 4) : reason
    byReason.set(why, [...(byReason.get(why) ?? []), name])
  }
  return `needs ${[...byReason].map(([why, those]) => `${those.join(', ')}: ${why}`).join('; ')}`
}

/** The fewest platforms that a median is taken over. */
export const minMedianMembers = 2

/** Of those that a median is over, the ones that were measured on hardware, without the platform itself. */
export const measuredMembers = (names: readonly string[], platform: string, plan: Platforms): string[] =>
  names.filter((name) => name !== platform && unavailableReason(name, plan) === undefined && !find(name, plan)?.cpuMode)

/** Whether one of the platforms is not on hardware, and how. */
export function cpuModeOf(names: readonly string[], plan: Platforms): CpuMode | null {
  const ways = names.map((name) => find(name, plan)?.cpuMode)
  return ways.find((way) => way === 'emulated') ?? ways.find((way) => way !== undefined) ?? null
}

/** Whether some of the platforms are on hardware and some are not, so that they cannot be compared. */
export const mixesCpuModes = (names: readonly string[], plan: Platforms): boolean =>
  new Set(names.map((name) => find(name, plan)?.cpuMode ?? 'hardware')).size > 1
