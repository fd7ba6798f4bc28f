import { loadProject } from '../core/project.ts'
import { latestRecord } from '../core/record/reader.ts'
import { buildReport } from '../core/report/build.ts'
import type { CommandHandler } from './command.ts'
import { loadSuite, openRecord } from './open-record.ts'
import { checkOptions } from './options.ts'
import { createReporters } from './reporters.ts'

export const run: CommandHandler = async ([file], given, io) => {
  const options = checkOptions(given)
  const named = file ?? latestRecord((await loadProject(io.cwd, options.config)).root)
  const record = await openRecord(named, () => loadSuite(io.cwd, options.config))
  const report = buildReport(record, options)
  await createReporters(options, io.cwd, io).onFinish(report)
  return report.exitCode
}
