import { loadProject } from '../core/project.ts'
import { latestRecord, readRecord } from '../core/record/reader.ts'
import { buildReport } from '../core/report/build.ts'
import { type CommandSpec, configOption, jsonOption } from './command.ts'
import { checkOptions } from './options.ts'
import { openReporters } from './reporters.ts'

export const judgeCommand: CommandSpec = {
  usage: 'judge [record]',
  about: 'judge a run record again, the latest when none is named; needs no platform and no root',
  options: [
    { flag: '--reporter <name[=file]>', about: 'as in run' },
    jsonOption,
    { flag: '--strict', about: 'exit 3 when a verdict is in doubt' },
    configOption,
  ],
  run: async ([file], given, io) => {
    const options = checkOptions(given)
    const record = readRecord(file ?? latestRecord((await loadProject(io.cwd, options.config)).root))
    const report = buildReport(record, { strict: options.strict })
    await openReporters(options, io.cwd, io).finished(report)
    return report.exitCode
  },
}
