import type { Metric } from '../../dsl/metric.ts'
import type { CpuMode } from '../../dsl/platform.ts'
import type { Plan } from '../model/plan.ts'
import { errorOf, isUnsupported, type Sample, valuesOf } from '../model/record.ts'
import { withTracedValues } from '../model/traced-calls.ts'
import type { Reason } from '../model/verdict.ts'
import { median } from '../stats/index.ts'

interface Platforms {
  readonly platforms: readonly (Plan['platforms'][number] & {
    readonly unable?: boolean
    readonly excluded?: boolean
  })[]
}

const find = (name: string, { platforms }: Platforms) => platforms.find((platform) => platform.name === name)

/** Why a platform has no samples; undefined if it was measured. */
export function unavailableReason(name: string, plan: Platforms): Reason | undefined {
  const platform = find(name, plan)
  if (platform?.available) return undefined
  if (platform?.unable) return { code: 'workload-unsupported', platforms: [name] }
  if (platform?.excluded) return { code: 'platform-excluded', platforms: [name] }
  if (name === 'native') return { code: 'no-native' }
  return { code: platform ? 'platform-unavailable' : 'platform-unknown', platforms: [name] }
}

/** The platforms among `names` that were not measured. */
export const unavailable = (names: readonly string[], plan: Platforms): string[] =>
  names.filter((name) => unavailableReason(name, plan) !== undefined)

/** The fewest platforms of a median. */
export const minMedianMembers = 2

/** The members of a median that were measured on hardware, without the platform itself. */
export const measuredMembers = (names: readonly string[], platform: string, plan: Platforms): string[] =>
  names.filter(
    (name) =>
      name !== platform && unavailableReason(name, plan) === undefined && find(name, plan)?.cpuMode === 'hardware',
  )

/** Returns how the platforms that are not on hardware execute guest code: `emulated` if one of them is, or null. */
export function cpuModeOf(names: readonly string[], plan: Platforms): Exclude<CpuMode, 'hardware'> | null {
  const modes = names.map((name) => find(name, plan)?.cpuMode)
  return (['emulated', 'nested'] as const).find((mode) => modes.includes(mode)) ?? null
}

/** Whether some of the platforms ran on hardware and some did not, so that they cannot be compared. */
export const mixesCpuModes = (names: readonly string[], plan: Platforms): boolean =>
  new Set(names.map((name) => find(name, plan)?.cpuMode ?? 'hardware')).size > 1

/** One metric of one case on one platform: the median of each round's samples. */
export interface Series {
  readonly rounds: ReadonlyMap<number, number>
  /** The rounds in which other processes had at least half of the CPUs. */
  readonly overloaded: ReadonlySet<number>
  /** More than one if the work changed while it was measured. */
  readonly digests: ReadonlySet<string>
  readonly errors: readonly string[]
  /** The platform cannot do this work. */
  readonly unsupported?: boolean
  /** Rounds up to the last one in which it was measured, failed ones included. */
  readonly visited: number
  /** Its round numbers only count, and pair with no other series. */
  readonly unpaired?: boolean
}

/** Why two series cannot be compared. */
export interface NotComparable {
  readonly why: 'different-work' | 'sample-errors' | 'too-few-rounds' | 'zero-value'
}

/** Share of the CPUs for other processes from which a sample describes them rather than the platform. */
const overloadedFrom = 0.5

function isOverloaded({ disturbed, load }: Sample): boolean {
  const others = Math.max(load?.steal ?? 0, load?.otherProcesses ?? 0, load?.otherProcessesOnClientCpus ?? 0)
  return disturbed === true && others >= overloadedFrom
}

/**
 * The samples of one case and platform that are judged: those with values, without warm-up rounds. A disturbed sample
 * was measured again, and then the second one counts, unless it was disturbed too.
 */
export function countedSamples(samples: readonly Sample[]): Sample[] {
  const withValues = samples.filter(({ outcome, warmup }) => outcome.ok && !warmup)
  const undisturbed = new Set(withValues.flatMap(({ round, disturbed }) => (disturbed ? [] : [round])))
  return withValues.filter(({ round, disturbed }) => !(disturbed && undisturbed.has(round)))
}

/** Whether samples have values, but none of them for this metric, because it could not be observed. */
export const lacksValues = ({ rounds, digests }: Series): boolean => rounds.size === 0 && digests.size > 0

/**
 * Why a claim has no values of some platforms although their samples succeeded; undefined if it has.
 * @param seriesOf one series for each case that the claim is about
 */
export function notObserved(
  names: readonly string[],
  seriesOf: (platform: string) => readonly Series[],
): Reason | undefined {
  const platforms = names.filter((name) => seriesOf(name).every(lacksValues))
  return platforms.length > 0 ? { code: 'not-observed', platforms } : undefined
}

/** Finds the samples of a case on a platform, without warm-up rounds. */
export class Samples {
  /** Every sample in the order of the record, with the metrics of attack profiles. */
  readonly all: readonly Sample[]
  readonly #results = new Map<string, Sample[]>()
  /** Results with samples of duet mode, each with the other platform. */
  readonly #duets = new Set<string>()
  /** Many claims ask for the same series. */
  readonly #series = new Map<string, Series>()

  constructor(samples: readonly Sample[]) {
    this.all = withTracedValues(samples)
    for (const sample of this.all) {
      // An unsupported workload is not tried again, so its only sample may be a warm-up.
      if (sample.warmup && !isUnsupported(sample)) continue
      const key = `${sample.case}\0${sample.platform}`
      if (sample.duetWith !== undefined) this.#duets.add(`${key}\0${sample.duetWith}`)
      const result = this.#results.get(key)
      if (result) result.push(sample)
      else this.#results.set(key, [sample])
    }
  }

  of(caseId: string, platform: string): readonly Sample[] {
    return this.#results.get(`${caseId}\0${platform}`) ?? []
  }

  /** @param comparedWith if the two ran at the same time (duet mode), only those samples count */
  series(caseId: string, platform: string, metric: string, comparedWith?: string): Series {
    // Without duet mode, the series is the same whatever it is compared with.
    const isDuet = comparedWith !== undefined && this.#duets.has(`${caseId}\0${platform}\0${comparedWith}`)
    const key = `${caseId}\0${platform}\0${metric}\0${isDuet ? comparedWith : ''}`
    const known = this.#series.get(key)
    if (known) return known
    const all = this.of(caseId, platform)
    const series = seriesOf(isDuet ? all.filter(({ duetWith }) => duetWith === comparedWith) : all, metric)
    this.#series.set(key, series)
    return series
  }
}

function seriesOf(samples: readonly Sample[], metric: string): Series {
  const byRound = new Map<number, number[]>()
  const notOverloaded = new Set(samples.flatMap((one) => (one.outcome.ok && !isOverloaded(one) ? [one.round] : [])))
  for (const sample of countedSamples(samples)) {
    const value = valuesOf(sample)?.[metric]
    if (value !== undefined) byRound.set(sample.round, [...(byRound.get(sample.round) ?? []), value])
  }
  return {
    rounds: new Map([...byRound].map(([round, values]) => [round, median(values)])),
    overloaded: new Set([...byRound.keys()].filter((round) => !notOverloaded.has(round))),
    digests: new Set(samples.filter(({ outcome }) => outcome.ok).map(({ workDigest }) => workDigest)),
    errors: samples.flatMap((one) => errorOf(one) ?? []),
    unsupported: samples.some(isUnsupported),
    unpaired: samples.some((one) => one.unpaired && valuesOf(one)?.[metric] !== undefined),
    visited: samples.reduce((most, { round }) => Math.max(most, round + 1), 0),
  }
}

/** The median of several series, over the rounds that all of them have. */
export function medianSeries(all: readonly Series[]): Series {
  const [first, ...rest] = all
  const common = [...(first?.rounds.keys() ?? [])].filter((round) => rest.every(({ rounds }) => rounds.has(round)))
  return {
    rounds: new Map(common.map((round) => [round, median(all.map(({ rounds }) => rounds.get(round)!))])),
    overloaded: new Set(common.filter((round) => all.some(({ overloaded }) => overloaded.has(round)))),
    digests: new Set(all.flatMap(({ digests }) => [...digests])),
    errors: all.flatMap(({ errors }) => errors),
    visited: Math.min(...all.map(({ visited }) => visited)),
    unpaired: all.some(({ unpaired }) => unpaired),
  }
}

/** +1 if a higher value of the metric is worse, -1 if a lower one is. */
export const worseSign = (metric: Pick<Metric, 'better'>): 1 | -1 => (metric.better === 'lower' ? 1 : -1)

/** The difference of one round. */
export interface Difference {
  readonly round: number
  readonly d: number
}

/**
 * A ratio of 0 has no logarithm. This one stands for it: it is below every ratio of real values, so ranks are those of
 * minus infinity, and it is finite, so a few rounds with 0 widen a variance instead of making it undefined.
 */
const collapsedRatio = 1e-300
/** No two real values differ by so much, but averages of `collapsedRatio` with other ratios do. */
const smallestRatio = 1e-100

/** A ratio from differences, which is 0 if it rests on a value of 0. */
export const plainRatio = (ratio: number): number => (ratio < smallestRatio ? 0 : ratio)

/** The logarithm of a ratio, or of a value, that may have collapsed to 0. */
export const logOrCollapsed = (ratio: number): number => Math.log(ratio || collapsedRatio)

/** Whether a value of 0 can be compared with positive ones: it is worse if higher values are better. */
export const isCollapse = (metric: Pick<Metric, 'better'>): boolean => metric.better === 'higher'

/** Whether rounds have a value of 0. They say nothing about the noise of other comparisons. */
export const hasCollapsed = (rounds: readonly Difference[]): boolean =>
  rounds.some(({ d }) => Math.abs(d) >= -Math.log(smallestRatio))

/**
 * The rounds' differences s * ln(a / b), in the order of the rounds: positive if `a` is worse. Only rounds with both
 * values count, because the two were measured within seconds of each other. If higher values are better, a value of 0
 * is worse than any other; with 0 in the denominator there is no ratio.
 */
export function pairedDifferences(a: Series, b: Series, metric: Pick<Metric, 'better'>): Difference[] | NotComparable {
  if (new Set([...a.digests, ...b.digests]).size > 1) return { why: 'different-work' }
  const pairs = [...a.rounds].flatMap(([round, value]) => {
    const other = b.rounds.get(round)
    return other === undefined ? [] : [{ round, value, other }]
  })
  if (pairs.length === 0) return { why: a.errors.length + b.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }
  const hasNoRatio = pairs.some(({ value, other }) => other === 0 || (value === 0 && !isCollapse(metric)))
  if (hasNoRatio) return { why: 'zero-value' }
  const log = (value: number, other: number) => (value === 0 ? logOrCollapsed(0) : Math.log(value) - Math.log(other))
  return pairs
    .map(({ round, value, other }) => ({ round, d: worseSign(metric) * log(value, other) }))
    .sort((one, next) => one.round - next.round)
}

/** The differences without the rounds' numbers. */
export function differences(a: Series, b: Series, metric: Pick<Metric, 'better'>): number[] | NotComparable {
  const rounds = pairedDifferences(a, b, metric)
  return Array.isArray(rounds) ? rounds.map(({ d }) => d) : rounds
}
