import type { Report } from '../core/model/report.ts'
import { sanitize } from '../util/text.ts'
import { distinctNames } from './distinct.ts'
import { documentReporter, refuseSeveral } from './document.ts'
import { resultsOf } from './summary.ts'

/** A metric of Bencher Metric Format, version 0: bencher's `JsonNewMetric`. */
interface BmfMetric {
  readonly value: number
  readonly lower_value?: number
  readonly upper_value?: number
}

/** Bytes of UTF-8: `MAX_BENCHMARK_NAME_LEN` of bencher_valid, and the least limit of its measures' names so far. */
const mostBytes = { benchmark: 1024, measure: 50 }

const bytesOf = (text: string): number => Buffer.byteLength(text)

/** At most `bytes` long: the start and the end, because names differ in both. */
function shorten(text: string, suffix: string, bytes: number): string {
  const plain = sanitize(text, Number.POSITIVE_INFINITY).trim()
  const units = [...plain]
  if (bytesOf(plain + suffix) <= bytes) return plain + suffix
  let [head, tail] = [units.slice(0, Math.ceil(units.length / 2)), units.slice(Math.ceil(units.length / 2))]
  while (bytesOf(`${head.join('')}…${tail.join('')}${suffix}`) > bytes) {
    if (head.length > tail.length) head = head.slice(0, -1)
    else tail = tail.slice(1)
  }
  return `${head.join('').trim()}…${tail.join('')}${suffix}`
}

const medianOf = (metric: string, unit: string): string => `${metric} (${unit})`
const ratioOf = (metric: string): string => `${metric} (×native)`

/** Bencher ignores benchmarks with a name that ends in one of its suffixes. */
const notIgnored = (name: string): string =>
  /(_bencher_ignore|BencherIgnore|-bencher-ignore)$/.test(name) ? `${name}.` : name

/**
 * The report in Bencher Metric Format. Each result is a benchmark. Each metric is a measure with the median, and a
 * second one with the ratio to native and its 90 % interval. Names that Bencher would reject or ignore are changed.
 */
export function bmfResults(report: Report): Record<string, Record<string, BmfMetric>> {
  const results = resultsOf(report)
  const measures = results.flatMap(({ result }) =>
    Object.entries(result.metrics).flatMap(([metric, { unit }]) => [medianOf(metric, unit), ratioOf(metric)]),
  )
  const different = [...new Set(measures)]
  const shortened = distinctNames(different, (name, suffix) => shorten(name, suffix, mostBytes.measure))
  const nameOf = new Map(different.map((name, at) => [name, shortened[at]!]))
  const benchmarks = distinctNames(
    results.map(({ bench, result }) => `${bench.case} · ${result.platform}`),
    (name, suffix) => notIgnored(shorten(name, suffix, mostBytes.benchmark - 1)),
  )
  return Object.fromEntries(
    results.flatMap(({ result }, at) => {
      const own = Object.entries(result.metrics).flatMap(([metric, { unit, median, ratioToNative }]) => {
        if (median === null) return []
        const value = [nameOf.get(medianOf(metric, unit))!, { value: median }] as const
        if (!ratioToNative) return [value]
        const { ratio, low, high } = ratioToNative
        const bounds = { ...(low !== null && { lower_value: low }), ...(high !== null && { upper_value: high }) }
        return [value, [nameOf.get(ratioOf(metric))!, { value: ratio, ...bounds }] as const]
      })
      return own.length > 0 ? [[benchmarks[at]!, Object.fromEntries<BmfMetric>(own)]] : []
    }),
  )
}

export const bmf = documentReporter(
  'bmf',
  'Bencher Metric Format: medians, and ratios to native with their intervals',
  (report) => `${JSON.stringify(bmfResults(report), null, 1)}\n`,
  () => refuseSeveral('bmf'),
)
