import { buildReport } from '../core/judge/report.ts'
import { loadProject } from '../core/project/config.ts'
import { latestRecord } from '../core/records/record-file.ts'
import type { CommandHandler } from './command.ts'
import { checkOptions } from './options.ts'
import { createReporters, loadSuite, openRecord } from './setup.ts'

export const run: CommandHandler = async ([file], given, io) => {
  const options = checkOptions(given)
  const named = file ?? latestRecord((await loadProject(io.cwd, options.config)).root)
  const record = await openRecord(named, () => loadSuite(io.cwd, options.config))
  const report = buildReport(record, options)
  await createReporters(options, io.cwd, io).onFinish(report)
  return report.exitCode
}
