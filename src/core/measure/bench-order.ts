import { groupBy } from '../../util/group-by.ts'
import { type FinalClaim, judgeClaims } from '../judge/judge.ts'
import { type BenchCase, measuredOn, type Plan, plannedResults, type ScheduledPlan } from '../model/plan.ts'
import { type BenchData, benchById } from '../model/suite.ts'
import { isStartup, type StepDurations } from '../records/step-durations.ts'

/** In which order a run measures its benches, and which benches share their rounds. */

/** Whether samples could decide a claim on this host. */
const isDecidable = ({ final }: FinalClaim): boolean =>
  final.outcome === 'not-evaluated' && final.reason?.code === 'too-few-rounds'

/** The claims that samples of this plan could decide on this host: all that they need works here. */
export const decidableClaims = (plan: ScheduledPlan): FinalClaim[] => judgeClaims(plan, []).filter(isDecidable)

/**
 * By the id of a case, the platforms that the decidable claims of a plan need, and native. A claim that replaces others
 * is needed only if none of them is decidable.
 */
export function neededPlatforms(plan: ScheduledPlan): Record<string, string[]> {
  const claims = decidableClaims(plan)
  const decided = new Set(claims.flatMap(({ claim, finding }) => (claim.fallbackLabel === undefined ? [finding] : [])))
  const needed = new Map<string, Set<string>>()
  for (const { claim, finding, cases, needs } of claims) {
    if (claim.fallbackLabel !== undefined && decided.has(finding)) continue
    for (const id of cases) needed.set(id, new Set(['native', ...(needed.get(id) ?? []), ...needs]))
  }
  return Object.fromEntries([...needed].map(([id, names]) => [id, [...names]]))
}

/**
 * What the decisions of each bench are worth. Each finding counts 1, divided among its decidable claims. The claims of
 * a bench that can fail the run count 1 together. Claims that only warn, and claims about guests that do not run on
 * hardware, decide nothing.
 */
function benchValues(claims: readonly FinalClaim[]): Map<string, number> {
  const deciding = claims.filter(({ claim, cpuMode }) => claim.severity === 'fail' && cpuMode === null)
  const sourceOf = ({ claim, finding }: FinalClaim) => finding ?? claim.bench
  const sizes = new Map<number | string, number>()
  for (const one of deciding) sizes.set(sourceOf(one), (sizes.get(sourceOf(one)) ?? 0) + 1)
  const values = new Map<string, number>()
  for (const one of deciding)
    values.set(one.claim.bench, (values.get(one.claim.bench) ?? 0) + 1 / sizes.get(sourceOf(one))!)
  return values
}

/** A case with its place in the plan. */
type PlacedCase = readonly [at: number, benchCase: BenchCase]

/** The cases of each bench, by the list that has them all: a plan may have thousands of benches. */
const casesByBench = new WeakMap<readonly BenchCase[], ReadonlyMap<string, readonly PlacedCase[]>>()

/** The cases of some benches, in the order of the plan. */
function casesOfBenches({ cases }: Pick<Plan, 'cases'>, benches: Iterable<string>): BenchCase[] {
  let byBench = casesByBench.get(cases)
  if (!byBench) {
    byBench = groupBy(
      cases.map((benchCase, at): PlacedCase => [at, benchCase]),
      ([, { bench }]) => bench,
    )
    casesByBench.set(cases, byBench)
  }
  const found = [...new Set(benches)].flatMap((id) => byBench.get(id) ?? [])
  return found.sort(([a], [b]) => a - b).map(([, benchCase]) => benchCase)
}

/** Seconds of the samples of one round, and of the boots of its guests if these benches share them. */
export interface RoundSeconds {
  readonly samples: number
  readonly boots: number
}

/** Seconds of the samples of one round, and the platforms with guests that its samples share. */
interface RoundParts {
  readonly samples: number
  readonly booted: ReadonlySet<string>
}

function partsOfRound(plan: Plan, benches: Iterable<string>, durations: StepDurations): RoundParts {
  const platforms = new Map(plan.platforms.map((platform) => [platform.name, platform]))
  const booted = new Set<string>()
  let samples = 0
  for (const benchCase of casesOfBenches(plan, benches)) {
    const bench = benchById(plan.benches, benchCase.bench)!
    for (const name of measuredOn(plan, benchCase)) {
      const { sample, boot } = durations(benchCase, bench, platforms.get(name)!)
      samples += sample
      if (bench.workload.lifecycle === 'round' && !isStartup(bench)) booted.add(name)
      // Each sample of such a bench boots a guest.
      else if (bench.workload.lifecycle === 'sample' && !isStartup(bench)) samples += boot
    }
  }
  return { samples, booted }
}

const bootSeconds = ({ platforms }: Plan, names: ReadonlySet<string>, durations: StepDurations): number =>
  platforms.reduce((sum, platform) => sum + (names.has(platform.name) ? durations.boot(platform) : 0), 0)

/** How long one round of some benches takes, by former samples or by estimate. */
export function roundSeconds(plan: Plan, benches: ReadonlySet<string>, durations: StepDurations): RoundSeconds {
  const { samples, booted } = partsOfRound(plan, benches, durations)
  return { samples, boots: bootSeconds(plan, booted, durations) }
}

/** The largest share of a round that booting its guests may take. */
const bootShare = 0.25

/**
 * The blocks of a plan: its benches in the order of their value per second. A round visits the benches of one block. A
 * block is one bench, so that its verdicts fall early. If booting guests would then take more than a quarter of the
 * time, the next benches join the block and share the guests.
 * @param isolated makes each bench a block
 */
export function orderBenches(plan: ScheduledPlan, durations: StepDurations, isolated: boolean): string[][] {
  const values = benchValues(decidableClaims(plan))
  const parts = new Map(plan.benches.map(({ id }) => [id, partsOfRound(plan, [id], durations)]))
  const secondsOf = new Map([...parts].map(([id, one]) => [id, one.samples + bootSeconds(plan, one.booted, durations)]))
  const rate = ({ id }: BenchData) => (values.get(id) ?? 0) / Math.max(1e-3, secondsOf.get(id)!)
  const benches = plan.benches.filter(({ id }) => secondsOf.get(id)! > 0).sort((a, b) => rate(b) - rate(a))
  const blocks: string[][] = []
  let open: string[] = []
  let samples = 0
  let booted = new Set<string>()
  for (const { id } of benches) {
    const one = parts.get(id)!
    open.push(id)
    samples += one.samples
    for (const name of one.booted) booted.add(name)
    const boots = bootSeconds(plan, booted, durations)
    if (isolated || boots <= bootShare * (samples + boots)) {
      blocks.push(open)
      open = []
      samples = 0
      booted = new Set()
    }
  }
  if (open.length > 0) blocks.push(open)
  return blocks
}

/** Seconds of one step of each block of a plan, with its share of the boots. */
export const stepSeconds = (plan: ScheduledPlan, durations: StepDurations): number[] =>
  (plan.blocks ?? []).map((ids) => {
    const benches = new Set(ids)
    const { samples, boots } = roundSeconds(plan, benches, durations)
    const steps = plannedResults({ ...plan, cases: casesOfBenches(plan, benches) }).length
    return (samples + boots) / Math.max(1, steps)
  })

/** The plan of one of several blocks. Its order of steps differs from that of other blocks. */
export function planOfBlock(plan: Plan, block: number): Plan {
  const ids = plan.blocks?.[block]
  if (!ids || plan.blocks.length === 1) return plan
  return { ...plan, seed: `${plan.seed}/${ids[0]}`, cases: casesOfBenches(plan, ids) }
}
