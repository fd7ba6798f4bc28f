import type { Reference } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import { groupBy } from '../../util/group-by.ts'
import type { BenchCase, ScheduledPlan } from '../model/plan.ts'
import {
  type Dependence,
  median,
  PlatformNoise,
  poolVariances,
  sampleVariance,
  testJointDependence,
  type VariancePrior,
} from '../stats/index.ts'
import {
  type Difference,
  hasCollapsed,
  measuredMembers,
  medianSeries,
  pairedDifferences,
  type Samples,
  type Series,
} from './samples.ts'

/**
 * Comparable cases: the same bench and metric, over platforms and parameters. The moderated t takes a variance from
 * them, and the test for dependent rounds looks at all of them together.
 *
 * If a bench has no comparable case, the median of the run's variances takes their place. The mean of the run would
 * hide a slowdown of a quiet bench behind the noise of another one.
 */

/** The fewest variances of a run for a median. */
const minRunSize = 3

/** What a comparison is about. */
export interface ComparisonQuery {
  readonly bench: string
  readonly metric: string
  readonly platform: string
  readonly case: string
  /** What the platform is compared with; `null`: a limit; a case: another value of a parameter. */
  readonly against: Reference | null | { readonly case: string }
}

/** The differences of one comparable case. */
interface Member {
  readonly platform: string
  /** The cases that it is about: one, or two of a series. */
  readonly cases: readonly string[]
  readonly rounds: readonly Difference[]
}

/** The variance of a comparable case after so many rounds. */
type Known = Pick<Member, 'platform' | 'cases'> & { readonly variance: number; readonly degrees: number }

/** What comparable cases have in common. */
interface Comparable {
  readonly against: ComparisonQuery['against']
  /** Emulated CPUs are far noisier than real ones. */
  readonly isHardware: boolean
}

type Bench = ScheduledPlan['benches'][number]

/** The prior of a comparison for the first so many rounds; undefined if there are too few comparable cases. */
export type PriorOf = (rounds: number) => VariancePrior | undefined

/** What the rounds of several comparisons show together. */
export interface JointDependence extends Dependence {
  readonly comparisons: number
}

export class ComparableCases {
  readonly #plan: ScheduledPlan
  readonly #samples: Samples
  readonly #benches: ReadonlyMap<string, Bench>
  /** By bench. */
  readonly #cases: ReadonlyMap<string, readonly BenchCase[]>
  readonly #members = new Map<string, readonly Member[]>()
  readonly #known = new Map<string, readonly Known[]>()
  readonly #runPriors = new Map<string, VariancePrior | undefined>()
  readonly #noises = new Map<string, ReadonlyMap<string, PlatformNoise>>()
  readonly #dependence = new Map<string, JointDependence | undefined>()

  constructor(plan: ScheduledPlan, samples: Samples) {
    this.#plan = plan
    this.#samples = samples
    this.#benches = new Map(plan.benches.map((bench) => [bench.id, bench]))
    this.#cases = groupBy(plan.cases, ({ bench }) => bench)
  }

  /**
   * The mean variance of the comparable cases, without the comparison itself, times the noise of its platform: how much
   * noisier than others the platform is in the other cases of the run.
   */
  prior({ bench, metric, platform, case: caseId, against }: ComparisonQuery): PriorOf {
    const about = { against, isHardware: this.#isHardware(platform) }
    const own = [caseId, ...(against && 'case' in against ? [against.case] : [])] as const
    const isOwn = ({ cases }: Pick<Known, 'cases'>) => own.every((id) => cases.includes(id))
    const found = this.#benches.get(bench)
    return (rounds) => {
      const comparable = found ? this.#variances(found, metric, about, rounds) : []
      const pool = poolVariances(comparable, (one) => one.platform === platform && isOwn(one))
      if (!pool) return this.#ofRun(about, rounds)
      const factor = this.#noise(about, rounds).get(platform)?.factorWithout(own, minRunSize)
      return factor === undefined ? pool : { variance: pool.variance * factor }
    }
  }

  /**
   * Whether the rounds of all comparable cases that have these rounds depend on each other, the comparison included;
   * undefined if there is only one or if the rounds are too few.
   */
  dependence(
    { bench, metric, platform, against }: ComparisonQuery,
    rounds: readonly number[],
  ): JointDependence | undefined {
    const about = { against, isHardware: this.#isHardware(platform) }
    const key = JSON.stringify([bench, metric, kindOf(about), rounds])
    if (!this.#dependence.has(key)) {
      const found = this.#benches.get(bench)
      const members = found ? this.#casesLike(found, metric, about) : []
      const all = members.flatMap((member) => {
        const wanted = member.rounds.filter(({ round }) => rounds.includes(round))
        return wanted.length === rounds.length ? [wanted.map(({ d }) => d)] : []
      })
      // The test of each comparison alone has the other half of the error rate.
      const tested = testJointDependence(all, 2)
      this.#dependence.set(key, tested && { ...tested, comparisons: all.length })
    }
    return this.#dependence.get(key)
  }

  /** How noisy each case of each platform is compared with its pool. */
  #noise(about: Comparable, rounds: number): ReadonlyMap<string, PlatformNoise> {
    const key = JSON.stringify([kindOf(about), rounds])
    const known = this.#noises.get(key)
    if (known) return known
    const byPlatform = new Map<string, PlatformNoise>()
    for (const bench of this.#plan.benches)
      for (const metric of Object.keys(bench.metrics)) {
        const group = this.#variances(bench, metric, about, rounds).filter(({ degrees }) => degrees >= 1)
        const degrees = group.reduce((sum, one) => sum + one.degrees, 0)
        const total = group.reduce((sum, one) => sum + one.degrees * one.variance, 0)
        for (const { platform, cases, variance, degrees: own } of group) {
          if (degrees === own) continue
          const pool = Math.max(0, total - own * variance) / (degrees - own)
          const noise = byPlatform.get(platform) ?? new PlatformNoise()
          byPlatform.set(platform, noise)
          noise.add(cases, variance, pool)
        }
      }
    this.#noises.set(key, byPlatform)
    return byPlatform
  }

  #ofRun(about: Comparable, rounds: number): VariancePrior | undefined {
    const key = JSON.stringify([kindOf(about), rounds])
    if (!this.#runPriors.has(key)) {
      const all = this.#plan.benches.flatMap((bench) =>
        Object.keys(bench.metrics).flatMap((metric) => this.#variances(bench, metric, about, rounds)),
      )
      const variances = all.flatMap(({ variance, degrees }) => (degrees >= 1 ? [variance] : []))
      this.#runPriors.set(key, variances.length >= minRunSize ? { variance: median(variances) } : undefined)
    }
    return this.#runPriors.get(key)
  }

  #variances(bench: Bench, metric: string, about: Comparable, rounds: number): readonly Known[] {
    const key = JSON.stringify([bench.id, metric, kindOf(about), rounds])
    const members = this.#casesLike(bench, metric, about)
    const known = this.#known.get(key) ?? members.map((member) => knownAfter(member, rounds))
    this.#known.set(key, known)
    return known
  }

  #casesLike(bench: Bench, metric: string, about: Comparable): readonly Member[] {
    const key = JSON.stringify([bench.id, metric, kindOf(about)])
    const members = this.#members.get(key) ?? this.#comparableCases(bench, metric, about)
    this.#members.set(key, members)
    return members
  }

  #isHardware(name: string): boolean {
    return (this.#plan.platforms.find((one) => one.name === name)?.cpuMode ?? 'hardware') === 'hardware'
  }

  #comparableCases(bench: Bench, metricName: string, { against, isHardware }: Comparable): readonly Member[] {
    const metric = bench.metrics[metricName]
    if (!metric) return []
    const platforms = this.#plan.platforms.filter(({ name }) => this.#isHardware(name) === isHardware)
    const cases = this.#cases.get(bench.id) ?? []
    return platforms.flatMap(({ name }) =>
      against && 'case' in against
        ? pairsOf(cases).flatMap((pair) => this.#pair(metricName, metric, name, pair))
        : cases.flatMap((one) => this.#against(metricName, metric, name, one, against)),
    )
  }

  #against(
    metricName: string,
    metric: Metric,
    name: string,
    one: BenchCase,
    against: Reference | null,
  ): readonly Member[] {
    const series = (platform: string, comparedWith?: string) =>
      this.#samples.series(one.id, platform, metricName, comparedWith)
    if (!against) return memberOf(name, [one.id], series(name), null, metric)
    const others = against.medianOf
      ? measuredMembers(against.medianOf, name, this.#plan)
      : [against.platform].filter((other) => other !== name)
    if (others.length === 0) return []
    const reference = against.medianOf ? medianSeries(others.map((other) => series(other))) : series(others[0]!, name)
    return memberOf(name, [one.id], series(name, against.medianOf ? undefined : others[0]), reference, metric)
  }

  #pair(metricName: string, metric: Metric, name: string, [a, b]: readonly [BenchCase, BenchCase]): Member[] {
    // The parameter is part of the work, so two points never have the same digest.
    const points = [a, b].map(({ id }) => ({
      ...this.#samples.series(id, name, metricName),
      digests: new Set<string>(),
    }))
    return memberOf(name, [a.id, b.id], points[0]!, points[1]!, metric)
  }
}

function knownAfter({ platform, cases, rounds }: Member, count: number): Known {
  const d = rounds.filter(({ round }) => round < count).map((one) => one.d)
  return { platform, cases, variance: sampleVariance(d), degrees: d.length - 1 }
}

const kindOf = ({ against, isHardware }: Comparable) => [
  against === null ? 'limit' : 'case' in against ? 'series' : (against.medianOf ?? [against.platform]),
  isHardware,
]

/** The differences of a platform from a reference, or from a constant; none if they are not comparable. */
function memberOf(
  platform: string,
  cases: readonly string[],
  series: Series,
  reference: Series | null,
  metric: Metric,
): Member[] {
  if (series.unpaired || reference?.unpaired) return []
  const other = reference ?? { ...series, rounds: new Map([...series.rounds].map(([round]) => [round, 1])) }
  const rounds = pairedDifferences(series, other, metric)
  return Array.isArray(rounds) && !hasCollapsed(rounds) ? [{ platform, cases, rounds }] : []
}

const pairsOf = <T>(all: readonly T[]): [T, T][] =>
  all.flatMap((one, at) => all.slice(at + 1).map((other): [T, T] => [one, other]))
