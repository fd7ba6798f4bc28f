/** Whom a claim is about, and whose samples that takes. */
import type { Claim } from '../../dsl/claim.ts'
import { matchesSelector } from '../../dsl/platform.ts'
import type { PlannedPlatform } from '../plan/plan.ts'

/** The names of those that a claim is about. What it compares them with is not among them. */
export function claimedPlatforms({ matcher, on }: Claim, platforms: readonly PlannedPlatform[]): string[] {
  if (matcher.kind === 'ranked') return [matcher.platforms.join(' > ')]
  if (matcher.kind === 'noStableOrder') return [matcher.platforms.join(', ')]
  const reference = matcher.kind === 'withinNative' ? 'native' : 'platform' in matcher ? matcher.platform : undefined
  const chosen = platforms
    .filter((platform) => matchesSelector(on, platform) && platform.name !== reference)
    .map(({ name }) => name)
  const unknown =
    on.by === 'name' ? on.names.filter((name) => !platforms.some((platform) => platform.name === name)) : []
  return [...chosen, ...unknown]
}

/** The platforms whose samples a claim about `names` rests on, those first. */
export function comparedPlatforms({ matcher }: Claim, names: readonly string[]): string[] {
  if ('platforms' in matcher) return [...matcher.platforms]
  if (matcher.kind === 'withinNative') return [...names, 'native']
  if (!('platform' in matcher)) return [...names]
  return [...new Set([...names, ...(matcher.medianOf ?? [matcher.platform])])]
}

/** Those of them without which it cannot be judged: of a median's members, any two will do. */
export function requiredPlatforms(
  claim: Claim,
  names: readonly string[],
  measured: (name: string) => boolean,
): string[] {
  const { matcher } = claim
  const medianOf = 'platform' in matcher ? matcher.medianOf : undefined
  if (!medianOf || medianOf.filter(measured).length < 2) return comparedPlatforms(claim, names)
  return [...names]
}
