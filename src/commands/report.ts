import { basename } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { buildReport } from '../core/judge/report.ts'
import { loadProject } from '../core/project/config.ts'
import { recordFile } from '../core/records/baseline.ts'
import { withBaseline } from '../core/records/compare.ts'
import type { StoredRun } from '../core/reporter.ts'
import { lostNote } from '../reporters/summary.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions, sharedOptions } from './options.ts'
import { type Baseline, baselineReader, createReporters, reporterProject } from './reporters.ts'
import { loadSuite, openRecord } from './setup.ts'
import { latestFile } from './stored-records.ts'

export const command = defineCommand({
  description:
    'Shows stored runs with any reporter; several runs stand side by side. It exits with code 0 whatever the ' +
    'verdicts are: use isobench judge to fail on them.',
  arguments: [
    {
      name: 'records',
      description: 'run records, or JSON imports (default: the latest run)',
      variadic: true,
      completion: 'file',
    },
  ],
  options: {
    ...pickOptions('reporter', 'json'),
    baseline: {
      ...sharedOptions.baseline,
      value: '<name|record>',
      description: 'compare the runs with this baseline or record',
    },
    margin: { ...sharedOptions.margin, requires: 'baseline', example: '--baseline main --margin 3' },
    strict: { ...sharedOptions.strict, description: 'count inconclusive verdicts as judge --strict does' },
    ...pickOptions('all', 'config'),
  },
  examples: [
    { line: 'report --reporter html=report.html', description: 'the latest run as a web page' },
    { line: 'report a.jsonl b.jsonl', description: 'two runs side by side' },
  ],
  run: showRecords,
})

async function showRecords(files: readonly string[], options: Options, io: CommandIo): Promise<number> {
  const paths = files.length > 0 ? files : [latestFile((await loadProject(io.cwd, options.config)).root, io)]
  const baseline = await baselineOf(options, io)
  const against = baseline && baselineReader(baseline, options)
  const runs: StoredRun[] = []
  for (const file of paths) {
    const record = await openRecord(file, () => loadSuite(io.cwd, options.config), io)
    const report = buildReport(record, { strict: options.strict })
    const compared = against ? withBaseline(report, against(report).comparison, options.strict) : report
    runs.push({ plan: record.plan, report: compared })
  }
  const project = await reporterProject(options, io)
  const reporter = await createReporters(options, project, io, {
    against,
    isNamed: files.length > 0,
    files: [...paths, ...(baseline ? [baseline.file] : [])],
  })
  if (options.reporter?.every(hasNoNotes))
    for (const { report } of runs)
      for (const note of lostNote(report.excluded)) io.err.write(`warning  ${report.record}: ${note}\n`)
  await reporter.onStoredRuns(runs)
  return exitCodes.clean
}

/** Whether a reporter, as `--reporter` names it, writes results alone. It says nothing about benches without any. */
const hasNoNotes = (reporter: string): boolean =>
  ['csv', 'bmf', 'benchfmt', 'otava-csv', 'benchmark-action'].includes(reporter.split('=')[0]!)

/** The baseline of `--baseline`: the path of a record, or the name of a baseline of the project. */
async function baselineOf({ baseline, config }: Options, io: CommandIo): Promise<Baseline | undefined> {
  if (baseline === undefined) return undefined
  // A path requires no project, so records can be shown on any host.
  const root = /\.jsonl$/.test(baseline) ? io.cwd : (await loadProject(io.cwd, config)).root
  return { name: basename(baseline, '.jsonl'), file: recordFile(root, io.cwd, baseline) }
}
