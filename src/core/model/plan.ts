import type * as z from 'zod'
import type { CpuMode, PlatformFamily } from '../../dsl/platform.ts'
import type { ParamSpace, ParamValue } from '../../dsl/workload.ts'
import { type SequentialPlan, seeded, shuffled } from '../stats/index.ts'
import type { PublishedResult, securitySchema } from './plan-schema.ts'
import { type BenchData, benchById, type FindingData, type WorkKind } from './suite.ts'
import type { exclusionReasonSchema } from './vocabulary.ts'

/** The difference that this host measured between native and native; see `core/records/noise.ts`. */
export interface NoiseFloor {
  /** The case's id. */
  readonly case: string
  readonly metric: string
  /** Difference of logarithms, >= 0. */
  readonly logRatio: number
}

/** A plan with everything that judging needs, so that a stored record is judged as its run was. */
export interface ScheduledPlan extends Plan {
  /** Interim looks at the growing data; if it is missing, there is one look after the last round. */
  readonly sequential?: SequentialPlan | undefined
  readonly noiseFloors?: readonly NoiseFloor[]
  /** Results that an imported source states without samples. */
  readonly published?: readonly PublishedResult[]
}

/** For each case (by id), the platforms to measure it on. */
export type CasesToMeasure = ReadonlyMap<string, ReadonlySet<string>>

export type Params = Readonly<Record<string, ParamValue>>

/** A platform of the config, and whether it works on this host. */
export interface PlannedPlatform {
  readonly name: string
  readonly kind: string
  readonly family: PlatformFamily
  readonly tags: readonly string[]
  readonly available: boolean
  /** The version that the platform itself reports; empty if it reports none. */
  readonly version: string
  /** Why the platform is not available. */
  readonly reason?: string
  /** How to make it available. */
  readonly fix?: string
  /** How it executes the code of its guests on this host. */
  readonly cpuMode: CpuMode
  /** What confines the first process of a guest. Absent: the guest does not report it. */
  readonly security?: z.infer<typeof securitySchema> | undefined
  /** Kinds of workload that the platform cannot run. */
  readonly unsupportedWorkloads?: readonly WorkKind[]
  /** Kinds of workload that it runs although it is not available. */
  readonly supportedWorkloads?: readonly WorkKind[]
}

/** Whether the platform, if it works, can run the bench. */
export const canRun = (
  { unsupportedWorkloads }: Pick<PlannedPlatform, 'unsupportedWorkloads'>,
  { workload }: Pick<BenchData, 'workload'>,
): boolean => !unsupportedWorkloads?.includes(workload.kind)

/** Whether the bench is measured on this platform, on this host. */
export const isMeasuredOn = (
  platform: Pick<PlannedPlatform, 'available' | 'unsupportedWorkloads' | 'supportedWorkloads'>,
  bench: Pick<BenchData, 'workload'>,
): boolean =>
  canRun(platform, bench) && (platform.available || platform.supportedWorkloads?.includes(bench.workload.kind) === true)

/** One bench with one set of parameters. */
export interface BenchCase {
  /** `<bench id>` or `<bench id> [rw=read]`. */
  readonly id: string
  readonly bench: string
  readonly params: Params
}

/** Why a run does not measure a bench. */
export type ExclusionReason = z.infer<typeof exclusionReasonSchema>

/** A bench that the run does not measure. */
export interface ExcludedBench {
  /** The bench's id. */
  readonly bench: string
  readonly reason: ExclusionReason
  /** The message of the host's tracer, or the shard (`3/8`), if that is the reason. */
  readonly detail?: string
  /** If the time budget is the reason: about how many seconds it takes, and how many claims that could decide. */
  readonly seconds?: number
  readonly claims?: number
}

/** The shards without samples of some benches, such as `3/8`, in their order. */
export function lostShards(
  excluded: readonly { readonly reason: ExclusionReason; readonly detail?: string | undefined }[],
): string[] {
  const names = excluded.flatMap(({ reason, detail }) => (reason === 'shard-missing' && detail ? [detail] : []))
  return [...new Set(names)].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
}

/** A platform of the config that the run does not have, because of its tags. */
export type ExcludedPlatform = Pick<PlannedPlatform, 'name' | 'family' | 'tags'>

/** Which part of a suite a record has. */
export interface ShardOfPlan {
  /** Id of the plan file, or a hash of the parts: equal for all shards of one suite. */
  readonly plan: string
  /** What only the records of one run share, so that a second record of a shard is a retry. Null: unknown. */
  readonly run: string | null
  readonly count: number
  /** The shards in the record, from 1. A merged record has several. */
  readonly indices: readonly number[]
  /** Ids of the benches of each shard. */
  readonly benches: readonly (readonly string[])[]
  /** The benches of the other shards. */
  readonly others: readonly BenchData[]
}

/** Whether a plan file states the shards: such a file makes one run. */
export const isOfPlanFile = ({ plan, run }: Pick<ShardOfPlan, 'plan' | 'run'>): boolean => run === plan

/** What a run is going to do. Plain data. */
export interface Plan {
  readonly seed: string
  readonly profileName: string
  readonly profile: ResolvedProfile
  readonly platforms: readonly PlannedPlatform[]
  readonly benches: readonly BenchData[]
  readonly cases: readonly BenchCase[]
  readonly findings: readonly FindingData[]
  /** Ids of the benches that native and a platform run at the same time. */
  readonly duet?: readonly string[]
  readonly excluded: readonly ExcludedBench[]
  /** Number of damaged lines that were left out of the record, or of those that it was merged from; absent if none. */
  readonly damagedLines?: number
  /** Number of records that a merge left out because it could not read them; absent if none. */
  readonly unreadableRecords?: number
  /** Whether the run has only the findings, without the benches' own expectations. */
  readonly onlyFindings?: boolean
  /** Names of platforms that a claim is about only if it names them, because of their tags. */
  readonly onlyNamed?: readonly string[]
  /** The platforms that the command line named. */
  readonly namedPlatforms?: readonly string[]
  /** By the id of a case, the platforms to measure it on. Absent: every case on every platform. */
  readonly casePlatforms?: Readonly<Record<string, readonly string[]>>
  /**
   * Ids of the benches of each block, in the order of measuring. A round visits the benches of one block. Absent: one
   * block.
   */
  readonly blocks?: readonly (readonly string[])[]
  /** Which part of the suite it is. Absent: not sharded. */
  readonly shard?: ShardOfPlan
  /** The platforms that `skipPlatformTags` of the config excludes. */
  readonly excludedPlatforms?: readonly ExcludedPlatform[]
}

/** One step of a round: one case on one platform. */
export interface Step {
  readonly case: BenchCase
  readonly platform: string
  /** In duet mode: native, which is measured at the same time on other CPUs. */
  readonly duetWith?: string | undefined
}

/** Every combination of the parameters' values, in the order in which they are written. */
export function combinations(space: ParamSpace): Params[] {
  return Object.entries(space).reduce<Params[]>(
    (sofar, [name, values]) => sofar.flatMap((params) => values.map((value) => ({ ...params, [name]: value }))),
    [{}],
  )
}

// A text that reads like a number or a truth value is quoted, so that the two stay different.
const describeValue = (value: ParamValue): string =>
  typeof value === 'string' && (['true', 'false'].includes(value) || !Number.isNaN(Number(value)))
    ? JSON.stringify(value)
    : String(value)

/** The parameters as text: `rw=read depth=32`, or an empty text. */
export const describeParams = (params: Params): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${describeValue(value)}`)
    .join(' ')

export function casesOf(bench: BenchData): BenchCase[] {
  return combinations(bench.params).map((params) => {
    const text = describeParams(params)
    return { id: text ? `${bench.id} [${text}]` : bench.id, bench: bench.id, params }
  })
}

/** The bench with the parameters that it has in a profile. */
export function withProfileParams({ profiles, ...bench }: BenchData, name: string | undefined): BenchData {
  return { ...bench, params: (name !== undefined && profiles?.[name]) || bench.params }
}

/** The platforms that a case is measured on, on this host. */
export function measuredOn(
  { platforms, benches, casePlatforms }: Pick<Plan, 'platforms' | 'benches' | 'casePlatforms'>,
  { id, bench: benchId }: BenchCase,
): string[] {
  const bench = benchById(benches, benchId)!
  const names = platforms.filter((platform) => isMeasuredOn(platform, bench)).map(({ name }) => name)
  return casePlatforms ? names.filter((name) => casePlatforms[id]?.includes(name)) : names
}

/** Every case and platform that the plan measures on this host: one round takes one sample of each. */
export const plannedResults = (
  plan: Pick<Plan, 'cases' | 'platforms' | 'benches' | 'casePlatforms'>,
): { case: string; platform: string }[] =>
  plan.cases.flatMap((benchCase) => measuredOn(plan, benchCase).map((platform) => ({ case: benchCase.id, platform })))

/**
 * One round: every case in random order, and for each case its platforms in random order, one after the other. So
 * compared platforms are measured within seconds of each other. In duet mode native has no own steps: every
 * other platform runs together with it. The same seed and round give the same order.
 */
export function stepsOfRound(
  plan: Pick<Plan, 'seed' | 'cases' | 'platforms' | 'benches' | 'casePlatforms' | 'duet'>,
  round: number,
): Step[] {
  const random = seeded(`${plan.seed}/${round}`)
  return shuffled(plan.cases, random).flatMap((benchCase) => {
    const working = measuredOn(plan, benchCase)
    const platforms = shuffled(working, random)
    const others = platforms.filter((platform) => platform !== 'native')
    if (!plan.duet?.includes(benchCase.bench) || others.length === 0 || others.length === working.length)
      return platforms.map((platform) => ({ case: benchCase, platform }))
    return others.map((platform) => ({ case: benchCase, platform, duetWith: 'native' }))
  })
}

/** How much a run measures; see `Profile`. */
export interface ResolvedProfile {
  readonly rounds: number
  /** Number of warm-up rounds. */
  readonly warmup: number
  /** Seconds per sample. */
  readonly seconds: number
  /** Seconds. */
  readonly timeout: number
  /** Tags of the benches that the profile skips, unless the command line selects benches by path, name or tag. */
  readonly skipTags?: readonly string[]
  /** Whether the profile skips platforms with emulated CPUs, unless the command line selects platforms. */
  readonly skipEmulated?: boolean
}

/**
 * `quick` gives a first verdict in minutes: a one-sided rank test at 5 % needs at least five rounds (2⁻⁵ < 0.05). It
 * leaves out long benches and emulated platforms. `paper` has the durations of the paper and twice its repetitions.
 */
export const defaultProfiles: Readonly<Record<string, ResolvedProfile>> = {
  quick: { rounds: 5, warmup: 1, seconds: 1, timeout: 60, skipTags: ['slow'], skipEmulated: true },
  full: { rounds: 10, warmup: 1, seconds: 1, timeout: 60 },
  paper: { rounds: 20, warmup: 2, seconds: 10, timeout: 300 },
}
