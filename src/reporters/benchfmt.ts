import { basename } from 'node:path'
import type { CaseResult, MetricResult, Report } from '../core/model/report.ts'
import { groupBy } from '../util/group-by.ts'
import { sanitize } from '../util/text.ts'
import { distinctNames } from './distinct.ts'
import { documentReporter } from './document.ts'
import { resultsOf, roundMedians } from './summary.ts'

/**
 * Go's benchmark format, which benchstat reads: https://golang.org/design/14313-benchmark-format and golang/perf,
 * benchfmt/reader.go. A line per result and round, so that benchstat computes the medians and their intervals.
 */

/** A field: fields end at white space of Unicode. */
const field = (text: string): string => sanitize(text, Number.POSITIVE_INFINITY).replace(/[\s\u0085]+/g, '_')

/**
 * A part of a name. `/` begins the next part. A dash and digits at the end of a name would be its GOMAXPROCS. `%`
 * escapes both, so it is escaped too.
 */
const part = (text: string): string =>
  field(text)
    .replace(/[%/]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/-(?=\d+$)/, '%2D')

/** The name of a benchmark begins with a letter that is not lower case, as Go's own do. */
const baseName = (text: string): string => {
  const name = part(text)
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** The texts of different values, each different: `of` may make two of them equal. */
function distinctTexts<T>(values: readonly T[], keyOf: (value: T) => string, of: (value: T) => string) {
  const different = [...new Map(values.map((value) => [keyOf(value), value])).entries()]
  const texts = distinctNames(
    different.map(([, value]) => of(value)),
    (text, suffix) => text + suffix,
  )
  const byKey = new Map(different.map(([key], at) => [key, texts[at]!]))
  return (value: T): string => byKey.get(keyOf(value))!
}

/**
 * The names of results: `Boot/size=4/platform=gvisor`. Parts that become equal get a number in the order of the plan:
 * benches of a file, parameters of a bench and the values of each. The platforms stay, so that benchstat compares them.
 */
function namesOf({ cases }: Report): (one: CaseResult, platform: string) => string {
  const pkgOf = ({ bench }: CaseResult) => configLine('pkg', bench.file)
  const files = groupBy(cases, pkgOf)
  const baseOf = new Map(
    [...files].map(([pkg, all]) => [
      pkg,
      distinctTexts(
        all,
        ({ bench }) => bench.id,
        ({ bench }) => baseName(bench.name),
      ),
    ]),
  )
  const paramsOf = new Map(
    [...groupBy(cases, ({ bench }) => bench.id)].map(([id, all]) => {
      const params = all.flatMap((one) => Object.entries(one.params))
      const nameOf = distinctTexts(
        params,
        ([name]) => name,
        ([name]) => part(name).replaceAll('=', '%3D'),
      )
      const textOfParam = distinctTexts(
        params,
        (param) => JSON.stringify(param),
        ([name, value]) => `${nameOf([name, value])}=${part(String(value))}`,
      )
      return [id, textOfParam]
    }),
  )
  const platforms = cases.flatMap(({ results }) => results.map(({ platform }) => platform))
  const platformOf = distinctTexts(platforms, (name) => name, part)
  return (one, platform) =>
    [
      baseOf.get(pkgOf(one))!(one),
      ...Object.entries(one.params).map((param) => paramsOf.get(one.bench.id)!(param)),
      `platform=${platformOf(platform)}`,
    ].join('/')
}

/** A value of a configuration line. */
const configLine = (key: string, value: string): string => `${key}: ${sanitize(value, Number.POSITIVE_INFINITY)}`

const unitOf = (metric: string, { unit }: Pick<MetricResult, 'unit'>): string => field(`${metric}-${unit}`)

/** The directions of the units. benchstat refuses a unit with two of them, so it has none then. */
function unitLines(report: Report): string[] {
  const directions = new Map<string, Set<string>>()
  for (const { result } of resultsOf(report))
    for (const [metric, measured] of Object.entries(result.metrics)) {
      const unit = unitOf(metric, measured)
      directions.set(unit, (directions.get(unit) ?? new Set()).add(measured.better === 'lower' ? 'lower' : 'higher'))
    }
  return [...directions].flatMap(([unit, better]) => (better.size === 1 ? [`Unit ${unit} better=${[...better]}`] : []))
}

function resultLines(report: Report): string[] {
  const nameOf = namesOf(report)
  let file: string | undefined
  return resultsOf(report).flatMap(({ bench, result }) => {
    const metrics = Object.entries(result.metrics).map(([metric, measured]) => ({
      unit: unitOf(metric, measured),
      values: roundMedians(measured),
    }))
    const rounds = [...new Set(metrics.flatMap(({ values }) => [...values.keys()]))].sort((a, b) => a - b)
    const name = nameOf(bench, result.platform)
    const lines = rounds.map((round) => {
      const values = metrics.flatMap(({ unit, values: own }) => (own.has(round) ? [`${own.get(round)} ${unit}`] : []))
      return `Benchmark${name} 1 ${values.join(' ')}`
    })
    const isNew = bench.bench.file !== file && lines.length > 0
    if (isNew) file = bench.bench.file
    return [...(isNew ? ['', configLine('pkg', bench.bench.file), ''] : []), ...lines]
  })
}

const head = ({ environment }: Report): string[] => [
  configLine('goos', 'linux'),
  configLine('cpu', environment.cpu.model),
]

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`

export const benchfmt = documentReporter(
  'benchfmt',
  "Go's benchmark format for benchstat: a line per result and round",
  (report) => text([...head(report), ...unitLines(report), ...resultLines(report)]),
  (runs) =>
    text(
      runs.flatMap(({ report }, at) => [
        ...(at === 0 ? unitsOfAll(runs.map((run) => run.report)) : ['']),
        configLine('record', basename(report.record)),
        ...head(report),
        ...resultLines(report),
      ]),
    ),
)

/** Units of all reports, each once. */
const unitsOfAll = (reports: readonly Report[]): string[] => {
  const [first] = reports
  return first ? unitLines({ ...first, cases: reports.flatMap(({ cases }) => cases) }) : []
}
