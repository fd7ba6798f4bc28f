import { basename } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { buildReport } from '../core/judge/report.ts'
import { loadProject } from '../core/project/config.ts'
import { recordFile } from '../core/records/baseline.ts'
import { latestRecord, readRecord } from '../core/records/record-file.ts'
import type { CommandHandler, CommandIo } from './command.ts'
import { checkOptions, type Options } from './options.ts'
import { type Baseline, createReporters } from './setup.ts'

/** Any reporter on stored records. It shows and does not gate: `isobench judge` ends with the run's exit code. */
export const run: CommandHandler = async (files, given, io) => {
  const options = checkOptions(given)
  const named = files.length > 0 ? files : [latestRecord((await loadProject(io.cwd, options.config)).root)]
  const runs = named.map((file) => {
    const record = readRecord(file)
    return { plan: record.plan, report: buildReport(record, { strict: options.strict }) }
  })
  await createReporters(options, io.cwd, io, await baselineOf(options, io)).onStoredRuns(runs)
  return exitCodes.clean
}

/** `--baseline`, a record's path or a name that the project knows. */
async function baselineOf({ baseline, config }: Options, io: CommandIo): Promise<Baseline | undefined> {
  if (baseline === undefined) return undefined
  // A path needs no project, so that records can be shown on any machine.
  const root = /\.jsonl$/.test(baseline) ? io.cwd : (await loadProject(io.cwd, config)).root
  return { name: basename(baseline, '.jsonl'), file: recordFile(root, io.cwd, baseline) }
}
