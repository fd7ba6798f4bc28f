import { loadProject } from '../core/project.ts'
import { latestRecord, readRecord } from '../core/record/reader.ts'
import { buildReport } from '../core/report/build.ts'
import type { Run } from './command.ts'
import { checkOptions } from './options.ts'
import { openReporters } from './reporters.ts'

export const run: Run = async ([file], given, io) => {
  const options = checkOptions(given)
  const record = readRecord(file ?? latestRecord((await loadProject(io.cwd, options.config)).root))
  const report = buildReport(record, options)
  await openReporters(options, io.cwd, io).finished(report)
  return report.exitCode
}
