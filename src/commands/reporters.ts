import { resolve } from 'node:path'
import { compareRecords } from '../core/baseline/compare.ts'
import { historyFor } from '../core/record/history.ts'
import { type RunRecord, readRecord } from '../core/record/reader.ts'
import { buildReport } from '../core/report/build.ts'
import type { Report } from '../core/report/schema.ts'
import { multiplexReporters, type Reporter } from '../core/reporting.ts'
import { messageOf, UsageError } from '../errors.ts'
import { closestMatch } from '../nearest.ts'
import type { BaselineView } from '../reporters/before.ts'
import { reporters } from '../reporters/index.ts'
import type { CommandIo } from './command.ts'
import type { Options } from './options.ts'

/** The run to show others against: the name that it was asked for by, and its record. */
export interface Baseline {
  readonly name: string
  readonly file: string
}

/**
 * The reporters that `--reporter name[=file]` asks for, as one.
 * @throws UsageError for a name that there is not.
 */
export function createReporters(
  options: Pick<Options, 'reporter' | 'json' | 'verbose' | 'margin'>,
  root: string,
  io: CommandIo,
  baseline?: Baseline,
): Required<Reporter> {
  const wanted = options.json ? ['json', ...options.reporter.filter((text) => text !== 'default')] : options.reporter
  const out = {
    write: (text: string) => void io.out.write(text),
    isTTY: io.out.isTTY === true,
    columns: io.out.columns ?? 100,
  }
  return multiplexReporters(
    wanted.map((text) => {
      const [name, ...file] = text.split('=') as [string, ...string[]]
      const kind = Object.hasOwn(reporters, name) ? reporters[name] : undefined
      if (!kind) {
        const close = closestMatch(name, Object.keys(reporters))
        throw new UsageError(
          `there is no reporter "${name}"`,
          close ? `did you mean "${close}"?` : `there are: ${Object.keys(reporters).join(', ')}`,
        )
      }
      const path = file.join('=')
      const reporter = kind.create({
        out,
        root,
        color: io.color,
        verbose: options.verbose,
        history: historyFor,
        ...(baseline && { against: againstOf(baseline, options.margin) }),
        ...(path !== '' && { file: resolve(io.cwd, path) }),
      })
      return { name, reporter }
    }),
    (name, error) =>
      void io.err.write(`the reporter "${name}" broke, and the run goes on without it: ${messageOf(error)}\n`),
  )
}

/** Reads the baseline once, however many reports are shown against it. Unlike hosts are told, and refused elsewhere. */
function againstOf({ name, file }: Baseline, marginPercent: number): (report: Report) => BaselineView {
  let former: { readonly record: RunRecord; readonly report: Report } | undefined
  return ({ record: now }) => {
    if (!former) {
      const record = readRecord(file)
      former = { record, report: buildReport(record, { strict: false }) }
    }
    const comparison = compareRecords(former.record, readRecord(now), { marginPercent, unlike: true })
    return { name, report: former.report, comparison }
  }
}
