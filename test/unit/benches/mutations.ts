/** Changes of the plausible world and of the paper's facts that make one claim false. */

import { claimedPlatforms } from '../../../src/core/judge/claim.ts'
import { logMargin } from '../../../src/core/judge/rules.ts'
import { type BenchCase, casesOf, type PlannedPlatform } from '../../../src/core/model/plan.ts'
import type { BenchData } from '../../../src/core/model/suite.ts'
import type { ImportedStatement } from '../../../src/core/records/import.ts'
import { median } from '../../../src/core/stats/index.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import type { Metric } from '../../../src/dsl/metric.ts'
import { pointsFor } from './synthetic.ts'
import { type Change, logCost } from './world-samples.ts'

/** A change of the world, in words. */
export interface Mutation {
  readonly text: string
  readonly change: Change
}

/** How far beyond a margin, as differences of logarithms: from just past it to far away. */
const excesses = [0.02, 0.06, 0.09, 0.15, 0.35, 0.8]

/** What a claim allows: the logarithm of a cost, less that of the median of `to`, is from `low` to `high`. */
export interface Region {
  readonly to: readonly string[]
  readonly low: number
  readonly high: number
}

/** The region of a claim about one platform at one point; undefined for other claims. */
export function regionOf({ matcher }: Claim, metric: Metric): Region | undefined {
  const to =
    matcher.kind === 'withinNative' ? ['native'] : 'platform' in matcher ? (matcher.medianOf ?? [matcher.platform]) : []
  const sign = metric.better === 'lower' ? 1 : -1
  switch (matcher.kind) {
    case 'withinNative':
    case 'notWorseThan':
      return { to, low: -Infinity, high: logMargin(matcher.percent, metric) }
    case 'equivalentTo': {
      const margin = logMargin(matcher.percent, metric)
      return { to, low: -margin, high: margin }
    }
    case 'betterThan':
      return { to, low: -Infinity, high: -Math.log(matcher.by) }
    case 'worseThan':
      return { to, low: Math.log(matcher.by), high: Infinity }
    case 'atMost':
    case 'atLeast': {
      const limit = sign * Math.log(matcher.value)
      const isUpper = (matcher.kind === 'atMost') === (sign === 1)
      return { to, low: isUpper ? -Infinity : limit, high: isUpper ? limit : Infinity }
    }
    default:
      return undefined
  }
}

/** A shift of platforms at points, by a number for each. */
function shifting(shifts: ReadonlyMap<string, number>, points: readonly BenchCase[], metric: string): Change {
  const ids = new Set(points.map(({ id }) => id))
  return (cell) => (cell.metric === metric && ids.has(cell.case.id) ? (shifts.get(cell.platform) ?? 0) : 0)
}

const inWords = (names: readonly string[], by: number, points: readonly BenchCase[]) =>
  `${names.join(', ')} by ${by.toFixed(2)} at ${points.map(({ id }) => id).join(', ')}`

/** The n-th changes of each of several claims, which have equally many. */
function together<T>(changes: readonly (readonly T[])[]): T[][] {
  return changes[0]!.map((_, at) => changes.map((own) => own[at]!))
}

/**
 * Changes of the world that should contradict claims which state the same under several readings. Some contradict other
 * claims too.
 */
export const worldMutations = (
  claims: readonly Claim[],
  bench: BenchData,
  platforms: readonly PlannedPlatform[],
): Mutation[] =>
  together(claims.map((claim) => worldMutationsOf(claim, bench, platforms))).map((all) => ({
    text: all.map(({ text }) => text).join(', '),
    change: (cell) => all.reduce((sum, { change }) => sum + change(cell), 0),
  }))

/** Changes of the world that should contradict a claim. */
function worldMutationsOf(claim: Claim, bench: BenchData, platforms: readonly PlannedPlatform[]): Mutation[] {
  const metric = bench.metrics[claim.metric]!
  const points = pointsFor(claim, bench)
  const groups = claimedPlatforms(claim, platforms)
  const costAt = (point: BenchCase, platform: string) => logCost(bench, point, claim.metric, platform)
  const mutation = (shifts: ReadonlyMap<string, number>, at: readonly BenchCase[]): Mutation => ({
    text: inWords([...shifts.keys()], [...shifts.values()][0]!, at),
    change: shifting(shifts, at, claim.metric),
  })
  const { matcher } = claim
  const region = regionOf(claim, metric)
  if (region) {
    return excesses.flatMap((excess) =>
      points.flatMap((point) => {
        /** By how much a platform must be shifted to lie beyond the region, in either direction. */
        const shiftsOf = (platform: string) => {
          const to = region.to.filter((name) => name !== platform).map((name) => costAt(point, name))
          const now = costAt(point, platform) - (to.length > 0 ? median(to) : 0)
          return [region.high + excess - now, region.low - excess - now].filter(Number.isFinite)
        }
        const own = groups.flatMap((names) => {
          // A claim that asks for some platforms is false if it is false of all of them.
          const sides = names.map(shiftsOf)
          return sides[0]!.flatMap((_, side) => {
            const shifts = new Map(names.map((name, at) => [name, sides[at]![side]!]))
            // At every point too, because a claim over a parameter may be about the same platform.
            return [mutation(shifts, [point]), mutation(shifts, casesOf(bench))]
          })
        })
        const [reference, ...more] = region.to
        if (reference === undefined || more.length > 0) return own
        const theirs = groups.flatMap(([name]) =>
          shiftsOf(name!).map((shift) => mutation(new Map([[reference, -shift]]), [point])),
        )
        return [...own, ...theirs]
      }),
    )
  }
  switch (matcher.kind) {
    case 'peaksAt': {
      const isInside = ({ params }: BenchCase) =>
        Number(params[matcher.over]) >= matcher.from && Number(params[matcher.over]) <= matcher.to
      const outside = points.filter((point) => !isInside(point))
      return excesses.flatMap((excess) =>
        groups.flatMap((names) => {
          // Worse where it should peak, or better at one other value: beyond the best of the others.
          const worse = names.map((name) => {
            const best = Math.min(...outside.map((point) => costAt(point, name)))
            return best + excess - Math.min(...points.filter(isInside).map((point) => costAt(point, name)))
          })
          const all = (shifts: readonly number[]) => new Map(names.map((name, at) => [name, shifts[at]!]))
          return [
            mutation(all(worse), points.filter(isInside)),
            ...outside.map((point) =>
              mutation(
                all(
                  names.map(
                    (name) => Math.min(...points.map((one) => costAt(one, name))) - excess - costAt(point, name),
                  ),
                ),
                [point],
              ),
            ),
          ]
        }),
      )
    }
    case 'constant':
      return excesses.flatMap((excess) =>
        groups.flatMap((names) =>
          points.flatMap((point) =>
            [1, -1].map((way) =>
              mutation(new Map(names.map((name) => [name, way * (logMargin(matcher.percent, metric) + excess)])), [
                point,
              ]),
            ),
          ),
        ),
      )
    case 'peakWithin':
      return excesses.flatMap((excess) =>
        groups.flatMap(([name]) => {
          const best = (platform: string) => Math.min(...points.map((point) => costAt(point, platform)))
          const shift = logMargin(matcher.percent, metric) + excess - (best(name!) - best(matcher.platform))
          const at = points.filter((point) => costAt(point, matcher.platform) === best(matcher.platform))
          return [mutation(new Map([[name!, shift]]), points), mutation(new Map([[matcher.platform, -shift]]), at)]
        }),
      )
    case 'noStableOrder':
      return [0.022, -0.022, 0.018].map((step) =>
        mutation(new Map(matcher.platforms.map((name, at) => [name, at * step])), points),
      )
    default:
      return []
  }
}

/**
 * Statements that contradict claims which state the same under several readings, to be put before those of the paper.
 * Some contradict other claims too.
 */
export const factMutations = (
  claims: readonly Claim[],
  bench: BenchData,
  platforms: readonly PlannedPlatform[],
): ImportedStatement[][] =>
  together(claims.map((claim) => factMutationsOf(claim, bench, platforms))).map((all) => all.flat())

/** Statements that contradict a claim. */
function factMutationsOf(claim: Claim, bench: BenchData, platforms: readonly PlannedPlatform[]): ImportedStatement[][] {
  const metric = bench.metrics[claim.metric]!
  const sign = metric.better === 'lower' ? 1 : -1
  const groups = claimedPlatforms(claim, platforms)
  const { matcher } = claim
  const about = (point: BenchCase) => ({ bench: bench.id, metric: claim.metric, params: point.params })
  const region = regionOf(claim, metric)
  if (region || matcher.kind === 'peakWithin') {
    const { to, low, high } = region ?? {
      to: ['platform' in matcher ? matcher.platform : ''],
      low: -Infinity,
      high: 'percent' in matcher ? logMargin(matcher.percent, metric) : 0,
    }
    return excesses.flatMap((excess) =>
      pointsFor(claim, bench).flatMap((point) =>
        groups.flatMap((names) =>
          [high + excess, low - excess].filter(Number.isFinite).map((difference) => {
            const value = Math.exp(sign * difference)
            return names.map((name): ImportedStatement => {
              const others = to.filter((one) => one !== name)
              if (others.length === 0) return { ...about(point), platforms: [name], unit: metric.unit, value }
              return { ...about(point), platforms: [name], to: others, ratio: value }
            })
          }),
        ),
      ),
    )
  }
  if (matcher.kind !== 'peaksAt') return []
  const outside = pointsFor(claim, bench)
    .map(({ params }) => Number(params[matcher.over]))
    .filter((value) => value < matcher.from || value > matcher.to)
  return outside.flatMap((peak) =>
    groups.map((names) => [
      { bench: bench.id, metric: claim.metric, platforms: [...names] as [string], over: matcher.over, peak },
    ]),
  )
}
