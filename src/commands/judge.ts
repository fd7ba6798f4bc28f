import { buildReport } from '../core/judge/report.ts'
import { loadProject } from '../core/project/config.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions } from './options.ts'
import { createReporters, reporterProject } from './reporters.ts'
import { loadSuite, openRecord, recordFile } from './setup.ts'

export const command = defineCommand({
  description:
    'Judges a stored run again, or results that were imported from another harness, and exits with the code of ' +
    'the run. It measures nothing and needs no platform.',
  arguments: [
    { name: 'record', description: 'a run record, or a JSON import (default: the latest run)', completion: 'file' },
  ],
  options: pickOptions('paper', 'reporter', 'json', 'all', 'strict', 'strictFindings', 'require', 'config'),
  examples: [
    { line: 'judge --strict', description: 'the latest run, with code 3 for inconclusive verdicts' },
    { line: 'judge --paper', description: "the paper's own numbers, by the encoding of its findings" },
    { line: 'judge results.json --reporter junit=junit.xml', description: 'results of another harness' },
  ],
  run: ([file], options, io) => judge(file, options, io),
})

async function judge(file: string | undefined, options: Options, io: CommandIo): Promise<number> {
  // A named record needs no project.
  const isNamed = file !== undefined || options.paper
  const named =
    file !== undefined && !options.paper
      ? file
      : recordFile((await loadProject(io.cwd, options.config)).root, file, options.paper, io)
  const record = await openRecord(named, () => loadSuite(io.cwd, options.config), io)
  const report = buildReport(record, options)
  const reporter = await createReporters(options, await reporterProject(options, io), io, {
    isNamed,
    files: [named],
  })
  await reporter.onFinish(report)
  return report.exit.code
}
