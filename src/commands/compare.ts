import { dirname } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { findConfig } from '../core/project/config.ts'
import { compareSameHost, recordFile, regressions } from '../core/records/baseline.ts'
import { readRecord } from '../core/records/record-file.ts'
import { comparisonText } from '../reporters/comparison.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions } from './options.ts'

export const command = defineCommand({
  description:
    'Compares two runs, each given as a run record or as the name of a baseline. ' +
    'Exits with code 1 if a metric regressed, and with code 4 if the runs have no metric in common.',
  arguments: [
    { name: 'baseline', description: 'a run record or the name of a baseline', required: true, completion: 'file' },
    { name: 'current', description: 'a run record or the name of a baseline', required: true, completion: 'file' },
  ],
  options: pickOptions('margin', 'allowDifferentHosts', 'json'),
  examples: [
    { line: 'compare main .isobench/runs/latest.jsonl', description: 'a baseline and a record' },
    { line: 'compare before.jsonl after.jsonl --margin 3', description: 'two records' },
  ],
  run: async (args, options, io) => compare(args, options, io),
})

function compare([baseline, current]: readonly string[], options: Options, io: CommandIo): number {
  // Records require no config. Without one, names of baselines are relative to the current directory.
  const config = findConfig(io.cwd)
  const root = config ? dirname(config) : io.cwd
  const [a, b] = [baseline!, current!].map((name) => readRecord(recordFile(root, io.cwd, name)))
  const comparison = compareSameHost(a!, b!, {
    marginPercent: options.margin,
    allowDifferentHosts: options.allowDifferentHosts,
  })
  io.out.write(options.json ? `${JSON.stringify({ schemaVersion: 1, ...comparison })}\n` : comparisonText(comparison))
  if (regressions(comparison).length > 0) return exitCodes.failed
  return comparison.rows.some(({ ratio }) => ratio) ? exitCodes.clean : exitCodes.nothing
}
