import type { Metric } from '../../dsl/metric.ts'
import type { CpuMode } from '../../dsl/platform.ts'
import type { Plan } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { ReasonCode } from '../model/verdict.ts'
import { median } from '../stats/index.ts'

/** What a claim lacks: the platforms that were not measured, and why. */

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
  names.filter(
    (name) =>
      name !== platform && unavailableReason(name, plan) === undefined && find(name, plan)?.cpuMode === 'hardware',
  )

/** Returns how the platforms that are not on hardware execute guest code: `emulated` if one of them is, or null. */
export function cpuModeOf(names: readonly string[], plan: Platforms): Exclude<CpuMode, 'hardware'> | null {
  const modes = names.map((name) => find(name, plan)?.cpuMode)
  return (['emulated', 'nested'] as const).find((mode) => modes.includes(mode)) ?? null
}

/** Whether some of the platforms are on hardware and some are not, so that they cannot be compared. */
export const mixesCpuModes = (names: readonly string[], plan: Platforms): boolean =>
  new Set(names.map((name) => find(name, plan)?.cpuMode ?? 'hardware')).size > 1

/** One metric of one cell: the median of each round's samples. */
export interface Series {
  readonly rounds: ReadonlyMap<number, number>
  /** Those of its rounds in which others had at least half of the CPUs. */
  readonly overloaded: ReadonlySet<number>
  /** More than one when the work changed while it was measured. */
  readonly digests: ReadonlySet<string>
  readonly errors: readonly string[]
  /** The platform cannot do this work. */
  readonly unsupported?: boolean
  /** Rounds up to the last that it was visited in, failed ones included. */
  readonly visited: number
  /** Its rounds are not those of other series: they may be counted, but not paired. */
  readonly unpaired?: boolean
}

/** Why two series cannot be compared. */
export interface NotComparable {
  readonly reason: ReasonCode
}

/** Share of the CPUs that others had, from which a sample says more of them than of the platform. */
const overloadedFrom = 0.5

function isOverloaded({ disturbed, load }: Sample): boolean {
  const others = Math.max(load?.steal ?? 0, load?.otherProcesses ?? 0, load?.otherProcessesOnClientCpus ?? 0)
  return disturbed === true && others >= overloadedFrom
}

/** Finds the samples of a cell. Warm-up rounds are not among them. */
export class Samples {
  readonly #cells = new Map<string, Sample[]>()

  constructor(samples: readonly Sample[]) {
    for (const sample of samples) {
      // One that a platform cannot take is not tried again, and may be a warm-up's.
      if (sample.warmup && !sample.unsupported) continue
      const key = `${sample.case}\0${sample.platform}`
      const cell = this.#cells.get(key)
      if (cell) cell.push(sample)
      else this.#cells.set(key, [sample])
    }
  }

  of(point: string, platform: string): readonly Sample[] {
    return this.#cells.get(`${point}\0${platform}`) ?? []
  }

  /** @param beside the platform that it is to be compared with: where the two ran at the same time, those samples count alone. */
  series(point: string, platform: string, metric: string, beside?: string): Series {
    const all = this.of(point, platform)
    const together = all.filter((sample) => sample.duetWith !== undefined && sample.duetWith === beside)
    const samples = together.length > 0 ? together : all
    const byRound = new Map<number, number[]>()
    const undisturbed = new Set(samples.flatMap((one) => (one.values && !one.disturbed ? [one.round] : [])))
    const notOverloaded = new Set(samples.flatMap((one) => (one.values && !isOverloaded(one) ? [one.round] : [])))
    for (const { round, values, disturbed } of samples) {
      const value = values?.[metric]
      // A disturbed sample was taken again: the second one counts, unless that was disturbed too.
      if (value !== undefined && !(disturbed && undisturbed.has(round)))
        byRound.set(round, [...(byRound.get(round) ?? []), value])
    }
    return {
      rounds: new Map([...byRound].map(([round, values]) => [round, median(values)])),
      overloaded: new Set([...byRound.keys()].filter((round) => !notOverloaded.has(round))),
      digests: new Set(samples.filter(({ values }) => values).map(({ digest }) => digest)),
      errors: samples.flatMap(({ error }) => error ?? []),
      unsupported: samples.some(({ unsupported }) => unsupported),
      unpaired: samples.some(({ unpaired, values }) => unpaired && values?.[metric] !== undefined),
      visited: samples.reduce((most, { round }) => Math.max(most, round + 1), 0),
    }
  }
}

/** The median of several series, of the rounds that all of them have. */
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

/** +1 where more of the metric is worse, −1 where less is. */
export const worseSign = (metric: Pick<Metric, 'better'>): 1 | -1 => (metric.better === 'lower' ? 1 : -1)

/** The difference of one round. */
export interface Difference {
  readonly round: number
  readonly d: number
}

/**
 * The rounds' differences s·ln(a/b), in the order of the rounds: above 0 where `a` is worse. Only rounds that have both
 * count, because the two were measured within seconds of each other.
 */
export function pairedDifferences(a: Series, b: Series, metric: Pick<Metric, 'better'>): Difference[] | NotComparable {
  if (new Set([...a.digests, ...b.digests]).size > 1) return { reason: 'different-work' }
  const pairs = [...a.rounds].flatMap(([round, value]) => {
    const other = b.rounds.get(round)
    return other === undefined ? [] : [{ round, value, other }]
  })
  if (pairs.length === 0) return { reason: a.errors.length + b.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }
  if (pairs.some(({ value, other }) => value === 0 || other === 0)) return { reason: 'zero-value' }
  return pairs
    .map(({ round, value, other }) => ({ round, d: worseSign(metric) * Math.log(value / other) }))
    .sort((one, next) => one.round - next.round)
}

/** The same without the rounds' numbers. */
export function differences(a: Series, b: Series, metric: Pick<Metric, 'better'>): number[] | NotComparable {
  const rounds = pairedDifferences(a, b, metric)
  return Array.isArray(rounds) ? rounds.map(({ d }) => d) : rounds
}
