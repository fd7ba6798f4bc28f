/** Synthetic data for one claim alone: costs of platforms that make it true, found by moving what violates it. */
import { claimedPlatforms } from '../../../src/core/judge/claim.ts'
import { logMargin } from '../../../src/core/judge/rules.ts'
import { type BenchCase, casesOf, type Plan, type PlannedPlatform } from '../../../src/core/model/plan.ts'
import type { Sample } from '../../../src/core/model/record.ts'
import type { BenchData, FindingData } from '../../../src/core/model/suite.ts'
import { median, seeded } from '../../../src/core/stats/index.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import type { Metric } from '../../../src/dsl/metric.ts'
import { aPlan, aSample, withValues } from '../core/judge/builders.ts'

/** ln cost by platform, of one metric at one point: 0 is `base`, above 0 is worse. */
export type Costs = Map<string, number>
/** The cost of a round where it is not the same in all: added to `Costs`. */
export type Shift = (platform: string, round: number) => number

export const base = 100
export const rounds = 10

/** The cost of `platform`, less the median cost of `to` (of nothing: 0), lies between `low` and `high`. */
interface Bound {
  readonly platform: string
  readonly to: readonly string[]
  readonly low: number
  readonly high: number
}

/** Inside by this much, so that noise leaves it there; of a region that is narrower, a fifth of it. */
const slack = 0.015

export function boundsOf(
  claim: Claim,
  metric: Metric,
  platforms: readonly PlannedPlatform[],
  subjects: readonly string[] = claimedPlatforms(claim, platforms).flat().slice(0, claim.onAtLeast),
): Bound[] {
  const { matcher } = claim
  const sign = metric.better === 'lower' ? 1 : -1
  const each = (to: readonly string[], low: number, high: number): Bound[] =>
    subjects.map((platform) => inside({ platform, to: to.filter((name) => name !== platform), low, high }))
  switch (matcher.kind) {
    case 'withinNative':
      return each(['native'], -Infinity, logMargin(matcher.percent, metric))
    case 'notWorseThan':
    case 'peakWithin':
      return each(matcher.medianOf ?? [matcher.platform], -Infinity, logMargin(matcher.percent, metric))
    case 'equivalentTo': {
      const margin = logMargin(matcher.percent, metric)
      return each(matcher.medianOf ?? [matcher.platform], -margin, margin)
    }
    case 'betterThan':
      return each(matcher.medianOf ?? [matcher.platform], -Infinity, -Math.log(matcher.by))
    case 'worseThan':
      return each(matcher.medianOf ?? [matcher.platform], Math.log(matcher.by), Infinity)
    case 'atMost':
    case 'atLeast': {
      const limit = sign * Math.log(matcher.value / base)
      const upper = (matcher.kind === 'atMost') === (sign === 1)
      return each([], upper ? -Infinity : limit, upper ? limit : Infinity)
    }
    case 'ranked':
      return matcher.platforms
        .slice(1)
        .map((next, at) => inside({ platform: matcher.platforms[at]!, to: [next], low: -Infinity, high: 0 }))
    case 'noStableOrder':
      return matcher.platforms
        .slice(1)
        .map((next) => ({ platform: next, to: [matcher.platforms[0]!], low: -0.001, high: 0.001 }))
    // Of one point alone they say nothing: see `tilt`.
    case 'peaksAt':
    case 'constant':
    case 'worsensAtMost':
      return []
  }
}

/** Whether a claim is about how one platform changes over a parameter. */
export const isShape = ({ matcher }: Claim): boolean => matcher.kind === 'peaksAt' || matcher.kind === 'constant'

/** What a claim over a parameter adds to a cost at a point; 0 where it asks nothing. */
export const tilt = ({ matcher }: Claim, { params }: BenchCase): number =>
  matcher.kind === 'peaksAt' && isAt(matcher, params[matcher.over]) ? -0.5 : 0

const isAt = ({ from, to }: { from: number; to: number }, value: unknown) =>
  Number(value) >= from && Number(value) <= to

function inside({ low, high, ...rest }: Bound): Bound {
  const by = Math.min(slack, (high - low) / 5)
  return { ...rest, low: low + by, high: high - by }
}

const passes = 4000

/** Costs within all bounds. Throws when there seem to be none: the claims then contradict each other. */
export function costsWithin(bounds: readonly Bound[], platforms: readonly PlannedPlatform[]): Costs {
  const costs: Costs = new Map(platforms.map(({ name }) => [name, 0]))
  const of = (name: string) => costs.get(name)!
  for (let pass = 0; pass < passes; pass++) {
    let violated: Bound | undefined
    for (const bound of bounds) {
      const { platform, to, low, high } = bound
      const d = of(platform) - (to.length > 0 ? median(to.map(of)) : 0)
      const off = d > high ? d - high : d < low ? d - low : 0
      if (Math.abs(off) < 1e-9) continue
      violated = bound
      costs.set(platform, of(platform) - off * (to.length > 0 ? 0.6 : 1))
      for (const name of to) costs.set(name, of(name) + off * 0.5)
    }
    if (!violated) return costs
    if (pass === passes - 1) throw new Error(`no world has ${JSON.stringify(violated)}`)
  }
  return costs
}

/** Two thousandths of noise, the same for the same platform and round: too little for chance to look like a drift. */
const noise = (key: string) => (seeded(key)() - 0.5) * 0.004

export function samplesOf(
  point: BenchCase,
  bench: BenchData,
  costs: ReadonlyMap<string, Costs>,
  shift: Shift = () => 0,
): Sample[] {
  const names = new Set([...costs.values()].flatMap((one) => [...one.keys()]))
  return [...names].flatMap((platform) =>
    Array.from({ length: rounds }, (_, round): Sample => {
      const drift = ((round * 7) % 5) * 0.2
      const values = [...costs].map(([metric, of]) => {
        const sign = bench.metrics[metric]!.better === 'lower' ? 1 : -1
        const cost = of.get(platform)! + shift(platform, round) + noise(`${point.id} ${metric} ${platform} ${round}`)
        // What is limited in a unit has no drift to cancel out; there is none then.
        return [metric, base * Math.exp(sign * (cost + (absolute.has(`${bench.id} ${metric}`) ? 0 : drift)))] as const
      })
      return aSample(platform, round, { case: point.id, ...withValues(Object.fromEntries(values)) })
    }),
  )
}

const absolute = new Set<string>()

/** Remembers the metrics that some claim limits in their own unit. */
export function noteAbsolute(claims: readonly Claim[]): void {
  for (const { bench, metric, matcher } of claims)
    if (matcher.kind === 'atMost' || matcher.kind === 'atLeast') absolute.add(`${bench} ${metric}`)
}

export const pointsFor = (claim: Claim, bench: BenchData): BenchCase[] =>
  casesOf(bench).filter(({ params }) => Object.entries(claim.where).every(([name, value]) => params[name] === value))

/**
 * The bench as if neither a cache nor a guest's clock could make its values better. Data for one claim alone only make
 * it true and are not plausible: a platform may be much better than native. suspicion.test.ts is about that.
 */
export const withoutSuspicion = (bench: BenchData): BenchData => ({
  ...bench,
  tags: bench.tags.filter((tag) => tag !== 'io' && tag !== 'cpu'),
  workload: { ...bench.workload, kind: bench.workload.kind === 'in-guest' ? 'commands' : bench.workload.kind },
})

export const planFor = (
  benches: readonly BenchData[],
  findings: readonly FindingData[],
  platforms: readonly PlannedPlatform[],
): Plan =>
  aPlan({
    benches: benches.map((bench) => ({ ...bench, claims: [] })),
    cases: benches.flatMap(casesOf),
    findings,
    platforms,
    profile: { rounds, warmup: 0, seconds: 1, timeout: 60 },
  })
