import type { PlatformFamily } from '../../dsl/platform.ts'
import type { ParamSpace, ParamValue } from '../../dsl/workload.ts'
import { UsageError } from '../../errors.ts'
import { closestMatch } from '../../nearest.ts'
import type { BenchData, FindingData, Suite, WorkKind } from '../collect/types.ts'
import type { ResolvedProfile } from '../project.ts'
import { seeded, shuffled } from '../stats/index.ts'

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
  /** Why its figures are not those of hardware: its guests run on an emulated CPU, or on a hypervisor inside another. */
  readonly cpuMode?: CpuMode
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

export type CpuMode = 'emulated' | 'nested'

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

// A text that reads like a number or a truth value is quoted, so that it is not taken for one.
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

/**
 * What the chosen files say, with every finding that is about one of their benches: a finding's other claims may be about
 * benches that this run leaves out, and are then undecidable. Problems of other files are not this run's.
 */
export function selectFiles(suite: Suite, files: readonly string[]): Suite {
  const benches = suite.benches.filter(({ file }) => files.includes(file))
  const ids = new Set(benches.map(({ id }) => id))
  const concerns = ({ claims, file }: FindingData) =>
    claims.length > 0 ? claims.some(({ bench }) => ids.has(bench)) : files.includes(file)
  return {
    benches,
    findings: suite.findings.filter(concerns).sort((a, b) => a.id - b.id),
    problems: suite.problems.filter(({ file }) => files.includes(file)),
  }
}

export interface Selection {
  /** Substrings of a bench's name. */
  readonly names?: readonly string[]
  readonly tags?: readonly string[]
  /** Benches with one of these tags are left out. */
  readonly without?: readonly string[]
  /** The profile's name: benches may have parameters of their own for it. */
  readonly profile?: string
}

/** The bench with the parameters that it has in a profile. */
export function withProfileParams({ profiles, ...bench }: BenchData, name: string | undefined): BenchData {
  return { ...bench, params: (name !== undefined && profiles?.[name]) || bench.params }
}

/** Splits the benches into those to measure and those that are left, with the reason. */
export function selectBenches(suite: Suite, selection: Selection): Pick<Plan, 'benches' | 'excluded'> {
  const onlySome = suite.benches.some(({ mode }) => mode === 'only')
  const why = ({ mode, name, tags }: BenchData): ExclusionReason | undefined => {
    if (mode === 'skip' || mode === 'todo') return mode
    if (onlySome && mode !== 'only') return 'only'
    const named = !selection.names?.length || selection.names.some((part) => name.includes(part))
    const tagged = !selection.tags?.length || selection.tags.some((tag) => tags.includes(tag))
    if (!named || !tagged) return 'filter'
    return tags.some((tag) => selection.without?.includes(tag)) ? 'profile' : undefined
  }
  return {
    benches: suite.benches
      .filter((bench) => why(bench) === undefined)
      .map((bench) => withProfileParams(bench, selection.profile)),
    excluded: suite.benches.flatMap((bench) => {
      const reason = why(bench)
      return reason ? [{ bench: bench.id, reason: reason }] : []
    }),
  }
}

/**
 * The names that `--platform` gives, or all.
 * @throws UsageError for a name that the config does not have, with the nearest that it has.
 */
export function selectPlatforms<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
): T[] {
  if (!names?.length) return [...all]
  const known = all.map(({ name }) => name)
  for (const name of names) {
    if (known.includes(name)) continue
    const close = closestMatch(name, known)
    throw new UsageError(
      `the config has no platform "${name}"`,
      close ? `did you mean "${close}"?` : `it has: ${known.join(', ')}`,
    )
  }
  return all.filter(({ name }) => names.includes(name))
}

/** The platforms that a point is measured on, on this machine. */
const measuredOn = (
  { platforms, benches }: Pick<Plan, 'platforms' | 'benches'>,
  { bench: id }: BenchCase,
): string[] => {
  const bench = benches.find((one) => one.id === id)!
  return platforms.filter((one) => isMeasuredOn(one, bench)).map(({ name }) => name)
}

/** The cells that a plan has on this machine: one sample of each is a round. */
export const plannedResults = (
  plan: Pick<Plan, 'cases' | 'platforms' | 'benches'>,
): { point: string; platform: string }[] =>
  plan.cases.flatMap((point) => measuredOn(plan, point).map((platform) => ({ point: point.id, platform })))

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

/** One of `count` parts of a suite, counted from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * The benches of one shard. A bench goes whole, so that a platform and native are always measured on the same machine; each
 * goes, largest first, to the shard with the fewest points so far. The same benches give the same shards everywhere.
 * @throws UsageError when the shard has none.
 */
export function selectShard(benches: readonly BenchData[], { index, count }: Shard): BenchData[] {
  const loads = Array.from({ length: count }, () => 0)
  const sizes = benches.map((bench) => ({ id: bench.id, size: combinations(bench.params).length }))
  const mine = new Set<string>()
  for (const { id, size } of sizes.sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1))) {
    const least = loads.indexOf(Math.min(...loads))
    loads[least]! += size
    if (least === index - 1) mine.add(id)
  }
  if (mine.size === 0)
    throw new UsageError(
      `shard ${index}/${count} has no bench: there are ${benches.length}`,
      `use at most ${benches.length} shards`,
    )
  return benches.filter(({ id }) => mine.has(id))
}
