import { type Plan, stepsOfRound } from '../core/plan/plan.ts'
import type { ResolvedPlatform } from '../core/probe.ts'
import { platformFamily } from '../platforms/driver.ts'

/** What a run would do, for `--dry-run`. Nothing was probed: platforms that turn out not to work cost nothing. */
export function showPlan(plan: Omit<Plan, 'platforms'>, platforms: readonly ResolvedPlatform[]): string {
  const { rounds, warmup, seconds } = plan.profile
  const all = platforms.map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
    tags: spec.tags,
    available: true,
    version: '',
  }))
  const steps = stepsOfRound({ ...plan, platforms: all }, 0)
  const total = steps.reduce((sum, { duetWith: beside }) => sum + (beside ? 2 : 1), 0) * (rounds + warmup)
  const lines = [
    `Would measure ${plan.cases.length} points on ${platforms.length} platforms, ${warmup} warm-up and ${rounds} rounds: ${total} samples`,
    `of about ${seconds} s, with the seed ${plan.seed} (profile ${plan.profileName}). Nothing was probed.`,
    '',
    'Points:',
    ...plan.cases.map(({ id }) => `  ${id}`),
    '',
    `Platforms: ${platforms.map(({ spec }) => spec.name).join(', ')}`,
    '',
    'Order of the first round:',
    ...steps.map(
      ({ case: point, platform, duetWith: beside }) => `  ${point.id}  on ${platform}${beside ? ` and ${beside}` : ''}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
