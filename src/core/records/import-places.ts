import { convertQuantity, type Metric, type Unit } from '../../dsl/metric.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { type BenchCase, casesOf, describeParams, type Params } from '../model/plan.ts'
import type { BenchData } from '../model/suite.ts'
import { RecordError } from './record-file.ts'

/** Finds what an import names: benches, metrics, parameters, units. Says where a name is that is not known. */

export interface ImportPath {
  readonly file: string
  /** As `samples[3]`. */
  readonly at: string
}

/** @throws RecordError that names the file, the place in it, and the nearest that is known. */
export function refuse({ file, at }: ImportPath, message: string, fix?: string): never {
  throw new RecordError(`${file}: ${at}${message}`, fix)
}

const known = (names: readonly string[], wrong: string): string => {
  const close = closestMatch(wrong, names)
  return close ? `did you mean "${close}"?` : `there are: ${names.join(', ') || 'none'}`
}

/** What an import says something about. */
interface About {
  readonly bench: string
  readonly metric: string
  readonly params?: Params | undefined
}

/** The bench of that name or id, and its metric. */
function locateMetric(
  benches: readonly BenchData[],
  about: About,
  place: ImportPath,
): { readonly bench: BenchData; readonly metric: Metric } {
  const found = benches.filter(({ id, name }) => id === about.bench || name === about.bench)
  if (found.length > 1) {
    refuse(
      place,
      `.bench: two benches are named "${about.bench}"`,
      `use one of: ${found.map(({ id }) => id).join(', ')}`,
    )
  }
  const bench = found[0]
  if (!bench) {
    const names = benches.map(({ name }) => name)
    return refuse(place, `.bench: no bench is named "${about.bench}"`, known(names, about.bench))
  }
  const metric = bench.metrics[about.metric]
  if (!metric) {
    const names = Object.keys(bench.metrics)
    return refuse(place, `.metric: "${bench.name}" has no metric "${about.metric}"`, known(names, about.metric))
  }
  return { bench, metric }
}

/** The bench, its metric, and the point with those parameters. */
export function locate(
  benches: readonly BenchData[],
  about: About,
  place: ImportPath,
): { readonly metric: Metric; readonly point: BenchCase } {
  const { bench, metric } = locateMetric(benches, about, place)
  const wanted = describeParams(about.params ?? {})
  const points = casesOf(bench)
  const same = (params: Params) =>
    Object.keys(params).length === Object.keys(about.params ?? {}).length &&
    Object.entries(params).every(([name, value]) => about.params?.[name] === value)
  const point = points.find(({ params }) => same(params))
  if (point) return { metric, point }
  const all = points.map(({ params }) => describeParams(params) || 'none')
  return refuse(
    place,
    `.params: "${bench.name}" has no point with ${wanted || 'no parameters'}`,
    `use one of: ${all.slice(0, 8).join(' · ')}`,
  )
}

/**
 * The first point of a series: of those that have these parameters, and any value of the one that it is over.
 * @throws RecordError also if the peak lies beyond the values of that parameter, where the bench has no point
 */
export function locateSeries(
  benches: readonly BenchData[],
  about: About & { readonly over: string; readonly peak: readonly [number, number] },
  place: ImportPath,
): { readonly point: BenchCase } {
  const { bench } = locateMetric(benches, about, place)
  const { over, peak, params = {} } = about
  const points = casesOf(bench)
  const names = Object.keys(points[0]?.params ?? {})
  if (!names.includes(over))
    return refuse(place, `.over: "${bench.name}" has no parameter "${over}"`, known(names, over))
  if (Object.hasOwn(params, over))
    return refuse(
      place,
      `.params: "${over}" is the parameter of "over"`,
      'leave it out: a peak is about all its values',
    )
  const values = [...new Set(points.map((one) => one.params[over]!))]
  const numbers = values.filter((value) => typeof value === 'number')
  if (numbers.length < values.length)
    return refuse(
      place,
      `.over: the values of "${over}" are not numbers: ${values.join(', ')}`,
      'state an order instead',
    )
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  if (peak[0] < least || peak[1] > most) {
    const stated = peak[0] === peak[1] ? `${peak[0]}` : `[${peak.join(', ')}]`
    const fix = `"${bench.name}" has the values ${numbers.join(', ')}: state a peak between ${least} and ${most}`
    return refuse(place, `.peak: ${stated} lies beyond the values of "${over}"`, fix)
  }
  return locate(benches, { ...about, params: { ...params, [over]: points[0]!.params[over]! } }, place)
}

/** A value in the metric's own unit. */
export function convertUnit(value: number, unit: string, metric: Metric, place: ImportPath): number {
  if (unit === metric.unit) return value
  try {
    return convertQuantity(`${value}${unit}`, metric.unit as Unit)
  } catch {
    return refuse(place, `.unit: "${unit}" does not measure what ${metric.unit} does`, `convert it to ${metric.unit}`)
  }
}
