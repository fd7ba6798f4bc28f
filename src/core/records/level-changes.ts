import type { RunRecord } from '../model/record.ts'
import { changePoints, median, ratioInterval } from '../stats/index.ts'
import { type Difference, hostDifferences } from './fingerprint.ts'

/** Where the series of stored runs changed their level, and what came with the change. */

/** The level of a series between two changes. */
export interface Level {
  /** Median of the runs' medians, in the unit of the metric. */
  readonly median: number
  /** Median of the runs' ratios to native; null if no run has one. */
  readonly ratioToNative: number | null
  /** Number of runs. */
  readonly runs: number
}

/** A change of level of one metric of one result. */
export interface LevelChange {
  /** Index of the first run with the new level. */
  readonly run: number
  /** Index of the last run with the former level; null if `--since` leaves it out. */
  readonly formerRun: number | null
  readonly direction: 'worse' | 'better'
  /** What the change is of: the ratios to native, or the medians. */
  readonly of: 'ratio-to-native' | 'value'
  /**
   * New level ÷ former level with its 90 % interval, from the runs between the changes before and after. Null if a
   * value is 0; without bounds if the runs are too few.
   */
  readonly ratio: { readonly estimate: number; readonly low: number | null; readonly high: number | null } | null
  readonly from: Level
  readonly to: Level
  /** Ratio from 0 to 1: of the place, over all places of the series. */
  readonly pValue: number
  /** Ratio from 0 to 1, adjusted for all series of the host. */
  readonly adjustedP: number
  /** What else differs between the two runs: a kernel, a version, the image, the config. */
  readonly differences: readonly Difference[]
  /** What else changed in the two runs before and the two after, because the date may be off by so many. */
  readonly nearby: readonly NearbyChange[]
}

/** What changed on the host between a run and the one before it in the series, near a change of level. */
export interface NearbyChange {
  /** Number of runs of the series after the change of level; negative if before. */
  readonly offset: number
  /** Index of the run; null if `--since` leaves it out. */
  readonly run: number | null
  readonly differences: readonly Difference[]
}

/** What a difference calls the work. Its values are digests. */
const workDifference = 'work of the bench'

/** The date of a change may be off by so many runs. */
export const dateUncertainty = 2

/** The values of a metric of a result, one for each run; null where the run has none. */
export interface Series {
  readonly medians: readonly (number | null)[]
  /** platform ÷ native. */
  readonly ratios: readonly (number | null)[]
  readonly better: 'lower' | 'higher'
  /** What each run measured; null where it has no value. */
  readonly works: readonly (Work | null)[]
}

/** What a result is a measurement of. */
export interface Work {
  /** Digest of the bench. */
  readonly bench: string
  /** Digests of the samples, which have the parameters, the limits and the image too. */
  readonly samples: string
  /** The limits and the image. A fingerprint has them, so their changes have names. */
  readonly limits: string
}

/** Whether two runs measured the same, apart from the limits and the image. */
export const isSameWork = (one: Work, other: Work): boolean =>
  one.bench === other.bench && (one.samples === other.samples || one.limits !== other.limits)

const nearbyOffsets = [-dateUncertainty, -1, 1, dateUncertainty]

/** The changes of each series of a host. `records` are its runs, in their order. */
export function levelChanges(all: readonly Series[], records: readonly RunRecord[]): LevelChange[][] {
  const measured = all.map(measuredValues)
  const found = changePoints(measured.map(({ values }) => (isPositive(values) ? values.map(Math.log) : values)))
  return all.map((series, index) => {
    const { values, runs, of } = measured[index]!
    const points = found[index]!
    return points.map(({ at, pValue, adjustedP }, nth) => {
      const from = runs.slice(points[nth - 1]?.at ?? 0, at)
      const to = runs.slice(at, points[nth + 1]?.at)
      const [before, after] = [values.slice(at - from.length, at), values.slice(at, at + to.length)]
      const [run, formerRun] = [runs[at]!, runs[at - 1]!]
      const differencesAt = (nth: number) => differencesOf(series, records, runs[nth - 1]!, runs[nth]!)
      return {
        run,
        formerRun,
        direction: median(after) > median(before) === (series.better === 'lower') ? 'worse' : 'better',
        of,
        ratio: ratioOf(before, after),
        from: levelOf(series, from),
        to: levelOf(series, to),
        pValue,
        adjustedP,
        differences: differencesAt(at),
        nearby: nearbyOffsets.flatMap((offset) => {
          // The first run of a series has none before it.
          const nth = at + offset
          const differences = nth > 0 && nth < runs.length ? differencesAt(nth) : []
          return differences.length > 0 ? [{ offset, run: runs[nth]!, differences }] : []
        }),
      }
    })
  })
}

/** What else changed from one run of a series to a later one: its work, the host and the config. */
function differencesOf({ works }: Series, records: readonly RunRecord[], before: number, after: number): Difference[] {
  const ofHost = hostDifferences(records[before]!, records[after]!, { includeConfig: true })
  const [one, other] = [works[before], works[after]]
  if (!one || !other || isSameWork(one, other)) return ofHost
  const [former, latter] = [one, other].map((work) => (one.bench === other.bench ? work.samples : work.bench))
  return [{ what: workDifference, baseline: former!.slice(0, 8), current: latter!.slice(0, 8) }, ...ofHost]
}

/** Whether the work changed so near to a change of level that it may be its cause. */
export const isOfWork = ({ differences, nearby }: Pick<LevelChange, 'differences' | 'nearby'>): boolean =>
  [differences, ...nearby.map((one) => one.differences)].flat().some(({ what }) => what === workDifference)

const isPositive = (values: readonly number[]): boolean => values.every((value) => value > 0)

/** The values in which changes are searched: the ratios, or the medians if no run has a ratio. */
export function measuredValues({ medians, ratios }: Pick<Series, 'medians' | 'ratios'>) {
  const isRelative = ratios.some((ratio) => ratio !== null)
  const measured = (isRelative ? ratios : medians).flatMap((value, run) => (value === null ? [] : [{ value, run }]))
  return {
    values: measured.map(({ value }) => value),
    runs: measured.map(({ run }) => run),
    of: isRelative ? ('ratio-to-native' as const) : ('value' as const),
  }
}

function ratioOf(before: readonly number[], after: readonly number[]): LevelChange['ratio'] {
  if (!isPositive(before) || !isPositive(after)) return null
  const { estimate, low, high } = ratioInterval(after, before)
  return { estimate, low: low > 0 ? low : null, high: high < Number.POSITIVE_INFINITY ? high : null }
}

function levelOf({ medians, ratios }: Series, runs: readonly number[]): Level {
  const at = (values: readonly (number | null)[]) => runs.flatMap((run) => values[run] ?? [])
  const known = at(ratios)
  return { median: median(at(medians)), ratioToNative: known.length > 0 ? median(known) : null, runs: runs.length }
}
