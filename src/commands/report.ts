import { exitCodes } from '../core/judge/exit-code.ts'
import { loadProject } from '../core/project.ts'
import { latestRecord, readRecord } from '../core/record/reader.ts'
import { buildReport } from '../core/report/build.ts'
import type { Run } from './command.ts'
import { checkOptions } from './options.ts'
import { openReporters } from './reporters.ts'

/** Any reporter on stored records. It shows and does not gate: `isobench judge` ends with the run's exit code. */
export const run: Run = async (files, given, io) => {
  const options = checkOptions(given)
  const named = files.length > 0 ? files : [latestRecord((await loadProject(io.cwd, options.config)).root)]
  const runs = named.map((file) => {
    const record = readRecord(file)
    return { plan: record.plan, report: buildReport(record, { strict: options.strict }) }
  })
  await openReporters(options, io.cwd, io).stored(runs)
  return exitCodes.clean
}
