import { loadProject } from '../core/project.ts'
import { latestRecord } from '../core/record/reader.ts'
import { buildReport } from '../core/report/build.ts'
import type { Run } from './command.ts'
import { openRecord, wholeSuite } from './open-record.ts'
import { checkOptions } from './options.ts'
import { openReporters } from './reporters.ts'

export const run: Run = async ([file], given, io) => {
  const options = checkOptions(given)
  const named = file ?? latestRecord((await loadProject(io.cwd, options.config)).root)
  const record = await openRecord(named, () => wholeSuite(io.cwd, options.config))
  const report = buildReport(record, options)
  await openReporters(options, io.cwd, io).finished(report)
  return report.exitCode
}
