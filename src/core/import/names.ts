/** Finds what an import names: benches, metrics, parameters, units. Says where a name is that is not known. */
import { convertQuantity, type Metric, type Unit } from '../../dsl/metric.ts'
import { closestMatch } from '../../nearest.ts'
import type { BenchData } from '../collect/types.ts'
import { type BenchCase, casesOf, describeParams, type Params } from '../plan/plan.ts'
import { RecordError } from '../record/reader.ts'

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

/** The first point of a series: of those that have these parameters, and any value of the one that it is over. */
export function locateSeries(
  benches: readonly BenchData[],
  about: About & { readonly over: string },
  place: ImportPath,
): { readonly point: BenchCase } {
  const { bench } = locateMetric(benches, about, place)
  const points = casesOf(bench)
  const names = Object.keys(points[0]?.params ?? {})
  if (!names.includes(about.over))
    return refuse(place, `.over: "${bench.name}" has no parameter "${about.over}"`, known(names, about.over))
  return locate(benches, { ...about, params: { ...about.params, [about.over]: points[0]!.params[about.over]! } }, place)
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
