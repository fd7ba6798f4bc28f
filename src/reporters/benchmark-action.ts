import { rm } from 'node:fs/promises'
import { parse } from 'node:path'
import type { Report } from '../core/model/report.ts'
import { UsageError } from '../util/errors.ts'
import { plural, sanitize } from '../util/text.ts'
import { refuseSeveral, writeReportFile } from './document.ts'
import { figure, formatAssertion, formatRatios } from './format.ts'
import type { ReporterFactory } from './reporter.ts'
import { outcomeName, resultsOf, roundCount, worstVerdict } from './summary.ts'

/** An entry of `customSmallerIsBetter` and `customBiggerIsBetter`, as github-action-benchmark's README says it. */
interface Entry {
  /** What its charts are kept under, so that it never depends on what else was measured. */
  readonly name: string
  readonly unit: string
  readonly value: number
  /** Lowest and highest sample. */
  readonly range?: string
  readonly extra?: string
}

/** The file of one direction. */
function fileOf(file: string, direction: 'lower' | 'higher'): string {
  const { dir, name, ext } = parse(file)
  return `${dir}/${name}.${tools[direction]}${ext || '.json'}`
}

const tools = { lower: 'smaller', higher: 'bigger' } as const

/**
 * The medians of the metrics of one direction, and the ratios to native, which leave the host's speed out.
 * Results without a figure are left out: the action has no way to say so.
 */
export function benchmarkEntries(report: Report, direction: 'lower' | 'higher'): Entry[] {
  return resultsOf(report).flatMap(({ bench, result }) =>
    Object.entries(result.metrics).flatMap(([metric, measured]) => {
      if (measured.better !== direction || measured.median === null) return []
      const values = measured.samples.map(({ value }) => value)
      const [against] = formatRatios([measured.ratioToNative])
      const verdict = worstVerdict(report, bench, result.platform, metric)
      const notes = [
        plural(roundCount(measured), 'round'),
        ...(measured.ratioToNative ? [`${against!.ratio}× native ${against!.interval}`.trim()] : []),
        ...(verdict ? [`${outcomeName(verdict.outcome)}: ${formatAssertion(verdict)}`] : []),
      ]
      const name = sanitize([bench.case, metric, result.platform].join(' · '))
      const extra = sanitize(notes.join('; '))
      const median = {
        name,
        unit: sanitize(measured.unit, 40),
        value: measured.median,
        range: `${figure(lowest(values))} to ${figure(highest(values))}`,
        extra,
      }
      const { ratioToNative } = measured
      if (!ratioToNative) return [median]
      const { ratio, low, high } = ratioToNative
      const range = low === null || high === null ? {} : { range: `${figure(low)} to ${figure(high)}` }
      return [median, { name: `${name} · ×native`, unit: '×native', value: ratio, ...range, extra }]
    }),
  )
}

const lowest = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const highest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)

/**
 * The action reads one direction a file: `=out/bench.json` writes `out/bench.smaller.json` and `out/bench.bigger.json`.
 * The action refuses an empty list, so a direction without figures has no file.
 */
export const benchmarkAction: ReporterFactory = {
  name: 'benchmark-action',
  description: 'github-action-benchmark: =x.json writes x.smaller.json and x.bigger.json',
  filesOf: (file) => [fileOf(file, 'lower'), fileOf(file, 'higher')],
  create({ file }) {
    if (file === undefined)
      throw new UsageError('the reporter "benchmark-action" writes two files', 'name them: benchmark-action=bench.json')
    const finished = async (report: Report) => {
      for (const direction of ['lower', 'higher'] as const) {
        const path = fileOf(file, direction)
        const entries = benchmarkEntries(report, direction)
        if (entries.length > 0) writeReportFile(path, `${JSON.stringify(entries, null, 1)}\n`)
        else await rm(path, { force: true })
      }
    }
    return {
      onFinish: finished,
      async onStoredRuns([first, ...others]) {
        if (others.length > 0) refuseSeveral('benchmark-action')
        if (first) await finished(first.report)
      },
    }
  },
}
