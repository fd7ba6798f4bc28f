import { neededPlatforms, orderBenches, stepSeconds } from '../core/measure/bench-order.ts'
import { plannedSchedule } from '../core/measure/planned-schedule.ts'
import type { ScheduledStep } from '../core/measure/run-loop.ts'
import { canRun, type Plan, type ScheduledPlan } from '../core/model/plan.ts'
import { benchInfo } from '../core/model/suite.ts'
import { type ResolvedPlatform, unprobedPlatforms } from '../core/project/platforms.ts'
import { readStepDurations, stepDurations } from '../core/records/step-durations.ts'
import type { StopReason } from '../core/reporter.ts'
import { duration } from '../reporters/format.ts'
import { benchName } from '../reporters/summary.ts'
import { plural, sanitize } from '../util/text.ts'

/** What `isobench run --dry-run` prints. */

/** The time that a run has, and the project with the former records that say how long samples take. */
export interface TimeBudget {
  /** Milliseconds. */
  readonly maxDuration: number
  readonly root: string
}

/**
 * The text of `--dry-run`, and whether a run that is no shard would measure nothing. The text includes platforms that
 * may not work on this host, because nothing was probed.
 * @param budget with `--max-duration`
 */
export function showPlan(
  plan: Omit<Plan, 'platforms'>,
  platforms: readonly ResolvedPlatform[],
  budget?: TimeBudget,
): { readonly text: string; readonly isEmpty: boolean } {
  const { rounds, warmup, seconds } = plan.profile
  const planned = unprobedPlatforms(platforms)
  const whole = { ...plan, platforms: planned }
  const needed = plan.onlyFindings ? { ...whole, casePlatforms: neededPlatforms(whole) } : whole
  const { steps, notMeasured = [] } = simulate(needed, budget)
  const firstRound = steps.filter(({ round }) => round === 0)
  const ids = new Set(steps.map((step) => step.case.id))
  const cases = plan.cases.filter(({ id }) => ids.has(id))
  const measured = new Set(steps.flatMap(({ platform, duetWith }) => [platform, ...(duetWith ? [duetWith] : [])]))
  const names = planned.flatMap(({ name }) => (measured.has(name) ? [name] : []))
  const total = steps.reduce((sum, { duetWith }) => sum + (duetWith ? 2 : 1), 0)
  const lines = [
    `Would measure ${plural(cases.length, 'case')} on ${plural(names.length, 'platform')}: ` +
      `${plural(total, 'sample')} of about ${seconds} s`,
    ...(total === 0 ? [`Nothing to measure: ${whyNothing(needed, notMeasured)}.`] : []),
    `(${warmup} warm-up and ${plural(rounds, 'round')}, ` +
      `seed ${plan.seed}, profile ${plan.profileName}). No platform was probed.`,
    '',
    'Cases:',
    ...cases.map(({ id }) => `  ${sanitize(id)}`),
    '',
    ...(budget && notMeasured.length > 0 ? leftOutLines(plan, notMeasured, budget) : []),
    `Platforms: ${names.join(', ')}`,
    '',
    'Order of the first round:',
    ...firstRound.map(
      ({ case: { id }, platform, duetWith }) =>
        `  ${sanitize(id)}  on ${platform}${duetWith ? ` and ${duetWith}` : ''}`,
    ),
  ]
  return { text: `${lines.join('\n')}\n`, isEmpty: total === 0 && plan.shard === undefined }
}

/** Why a run would take no sample. */
function whyNothing(
  { benches, platforms, onlyFindings, shard }: Pick<ScheduledPlan, 'benches' | 'platforms' | 'onlyFindings' | 'shard'>,
  notMeasured: NonNullable<StopReason['notMeasured']>,
): string {
  if (benches.length === 0 && shard) return 'the shard has no bench'
  if (benches.length === 0) return 'no bench is left; isobench list shows all'
  if (notMeasured.length > 0) return 'no bench fits into --max-duration'
  const isAble =
    platforms.length === 0 || platforms.some((platform) => benches.some((bench) => canRun(platform, bench)))
  if (!isAble) return `${platforms.map(({ name }) => name).join(', ')} cannot run such workloads`
  return onlyFindings ? 'no claim of the findings is about these platforms' : 'no bench has a case for these platforms'
}

const leftOutLines = (
  plan: Pick<Plan, 'benches'>,
  left: NonNullable<StopReason['notMeasured']>,
  { maxDuration }: TimeBudget,
): string[] => [
  `Would not measure ${plural(left.length, 'bench', 'benches')}, which would not fit into ${duration(maxDuration)}:`,
  ...left.map(({ bench, seconds }) => {
    const { file } = benchInfo(bench, plan.benches)
    return `  ${sanitize(file)}  ${benchName(benchInfo(bench, plan.benches))}, about ${duration(1000 * seconds)}`
  }),
  '',
]

/** The steps of a run in which each sample takes as long as estimated, and no interim look decides anything. */
function simulate(
  whole: ScheduledPlan,
  budget: TimeBudget | undefined,
): { readonly steps: ScheduledStep[]; readonly notMeasured?: StopReason['notMeasured'] } {
  const durations = budget ? readStepDurations(budget.root, whole.profile) : stepDurations([], whole.profile)
  const blocks = orderBenches(whole, durations, budget !== undefined)
  const plan: ScheduledPlan = { ...whole, blocks, sequential: undefined }
  const seconds = stepSeconds(plan, durations)
  let now = 0
  const schedule = plannedSchedule(plan, { maxDuration: budget?.maxDuration, stepSeconds: seconds, now: () => now })
  const steps: ScheduledStep[] = []
  for (;;) {
    const next = schedule.next([])
    if ('stopped' in next) return { steps, notMeasured: next.stopped.notMeasured }
    steps.push(next)
    now += 1000 * seconds[next.block]!
  }
}
