import type { CpuMode, PlatformFamily } from '../../dsl/platform.ts'
import type { ParamSpace, ParamValue } from '../../dsl/workload.ts'
import { type SequentialPlan, seeded, shuffled } from '../stats/index.ts'
import type { PublishedResult, WeightsSource } from './plan-schema.ts'
import type { BenchData, FindingData, WorkKind } from './suite.ts'

/** What the same platform twice differed by on this host: see `core/noise`. */
export interface NoiseFloor {
  /** The point's id. */
  readonly case: string
  readonly metric: string
  /** As a difference of logarithms, ≥ 0. */
  readonly logRatio: number
}

/** A plan with what its judging needs to know, so that a record is judged as its run was. */
export interface ScheduledPlan extends Plan {
  /** The looks at the growing data; left out: one, after the last round. */
  readonly sequential?: SequentialPlan | undefined
  readonly noiseFloors?: readonly NoiseFloor[]
  /** What weighted scores are made of, where the project has imported that. */
  readonly weights?: WeightsSource
  /** What an imported source states without samples; there, what is neither stated nor sampled needs its figures. */
  readonly published?: readonly PublishedResult[]
}

/** For each case (by id), the platforms to measure it on. */
export type CasesToMeasure = ReadonlyMap<string, ReadonlySet<string>>

export type Params = Readonly<Record<string, ParamValue>>

/** A platform of the config, and whether it works on this machine. */
export interface PlannedPlatform {
  readonly name: string
  readonly kind: string
  readonly family: PlatformFamily
  readonly tags: readonly string[]
  readonly available: boolean
  /** As the platform itself says it; empty when it cannot be asked. */
  readonly version: string
  /** Why it is not available. */
  readonly reason?: string
  /** How to make it so. */
  readonly fix?: string
  /** How it executes the code of its guests on this host. */
  readonly cpuMode: CpuMode
  /** Kinds of workload that it cannot run: it has no cells of them. */
  readonly unsupportedWorkloads?: readonly WorkKind[]
  /** Kinds that it runs all the same where it is not available. */
  readonly supportedWorkloads?: readonly WorkKind[]
}

/** Whether a bench has a cell on this platform, if that works. */
export const canRun = (
  { unsupportedWorkloads: lacks }: Pick<PlannedPlatform, 'unsupportedWorkloads'>,
  { workload }: Pick<BenchData, 'workload'>,
): boolean => !lacks?.includes(workload.kind)

/** Whether a bench is measured on this platform, on this machine. */
export const isMeasuredOn = (
  platform: Pick<PlannedPlatform, 'available' | 'unsupportedWorkloads' | 'supportedWorkloads'>,
  bench: Pick<BenchData, 'workload'>,
): boolean =>
  canRun(platform, bench) && (platform.available || platform.supportedWorkloads?.includes(bench.workload.kind) === true)

/** One bench with one set of parameters; with a platform it is a cell. */
export interface BenchCase {
  /** `<bench id>` or `<bench id> [rw=read]`. */
  readonly id: string
  readonly bench: string
  readonly params: Params
}

/**
 * Why a bench is left out of a run. `profile`: it has a tag that the profile leaves out; `shard`: it is another shard's;
 * `passed`: it did not fail in the latest run, and only what failed was asked for; `instrument`: this machine's kernel cannot
 * be watched in the way that it asks for.
 */
export type ExclusionReason =
  | 'skip'
  | 'todo'
  | 'only'
  | 'filter'
  | 'profile'
  | 'shard'
  | 'not-failed-before'
  | 'tracer-unavailable'

/** A bench that is there and not measured. */
export interface ExcludedBench {
  readonly bench: string
  readonly reason: ExclusionReason
  /** What the machine said, where it is the reason. */
  readonly detail?: string
}

/** What a run is going to do. Plain data. */
export interface Plan {
  readonly seed: string
  readonly profileName: string
  readonly profile: ResolvedProfile
  readonly platforms: readonly PlannedPlatform[]
  readonly benches: readonly BenchData[]
  readonly cases: readonly BenchCase[]
  readonly findings: readonly FindingData[]
  /** The benches, by id, that native and a platform run at the same time. */
  readonly duet?: readonly string[]
  /** Benches that are there and not measured, and why. */
  readonly excluded: readonly ExcludedBench[]
}

/** One step of a round: one point on one platform. */
export interface Step {
  readonly case: BenchCase
  readonly platform: string
  /** The platform that is measured at the same time, on other cores: native, in duet mode. */
  readonly duetWith?: string | undefined
}

/** Every combination of the parameters' values, in the order that they are written. */
export function combinations(space: ParamSpace): Params[] {
  return Object.entries(space).reduce<Params[]>(
    (sofar, [name, values]) => sofar.flatMap((params) => values.map((value) => ({ ...params, [name]: value }))),
    [{}],
  )
}

/** A string that looks like a number or a boolean is quoted. */
const describeValue = (value: ParamValue): string =>
  typeof value === 'string' && (['true', 'false'].includes(value) || !Number.isNaN(Number(value)))
    ? JSON.stringify(value)
    : String(value)

/** How a point is called in reports: `rw=read depth=32`, or nothing. */
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
export const measuredOn = (
  { platforms, benches }: Pick<Plan, 'platforms' | 'benches'>,
  { bench: id }: BenchCase,
): string[] => {
  const bench = benches.find((candidate) => candidate.id === id)!
  return platforms.filter((platform) => isMeasuredOn(platform, bench)).map(({ name }) => name)
}

/** The cells that a plan has on this machine: one sample of each is a round. */
export const plannedResults = (
  plan: Pick<Plan, 'cases' | 'platforms' | 'benches'>,
): { case: string; platform: string }[] =>
  plan.cases.flatMap((point) => measuredOn(plan, point).map((platform) => ({ case: point.id, platform })))

/**
 * One round: every point in random order, and for each the platforms in random order of their own, one after the other, so
 * that what is compared is measured within seconds of each other. In duet mode native has no steps of its own, but is beside
 * each of the others. The same seed and round give the same order.
 */
export function stepsOfRound(
  plan: Pick<Plan, 'seed' | 'cases' | 'platforms' | 'benches' | 'duet'>,
  round: number,
): Step[] {
  const random = seeded(`${plan.seed}/${round}`)
  return shuffled(plan.cases, random).flatMap((point) => {
    const working = measuredOn(plan, point)
    const platforms = shuffled(working, random)
    const others = platforms.filter((platform) => platform !== 'native')
    if (!plan.duet?.includes(point.bench) || others.length === 0 || others.length === working.length)
      return platforms.map((platform) => ({ case: point, platform }))
    return others.map((platform) => ({ case: point, platform, duetWith: 'native' }))
  })
}

/** How much is measured; see `Profile`. */
export interface ResolvedProfile {
  readonly rounds: number
  readonly warmup: number
  readonly seconds: number
  readonly timeout: number
  /**
   * Benches with one of these tags take no part, unless the command line asks for benches by path, name or tag. `emulated`:
   * neither do platforms whose CPUs are emulated in software, unless it names platforms.
   */
  readonly skipTags?: readonly string[]
  readonly skipEmulated?: boolean
}
