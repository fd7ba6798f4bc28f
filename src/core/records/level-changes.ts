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
  /** Of the place, over all places of the series. */
  readonly pValue: number
  /** Adjusted for all series of the host. */
  readonly adjustedP: number
  /** What else differs between the two runs: a kernel, a version, the image, the config. */
  readonly differences: readonly Difference[]
}

/** The values of a metric of a result, one for each run; null where the run has none. */
export interface Series {
  readonly medians: readonly (number | null)[]
  /** platform ÷ native. */
  readonly ratios: readonly (number | null)[]
  readonly better: 'lower' | 'higher'
}

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
        differences: hostDifferences(records[formerRun]!, records[run]!, { includeConfig: true }),
      }
    })
  })
}

const isPositive = (values: readonly number[]): boolean => values.every((value) => value > 0)

function measuredValues({ medians, ratios }: Series) {
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
