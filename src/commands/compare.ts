import { dirname } from 'node:path'
import { findConfig } from '../core/project/config.ts'
import { recordFile } from '../core/records/baseline.ts'
import { compareSameHost, comparisonExit } from '../core/records/compare.ts'
import { comparisonText } from '../reporters/comparison.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions } from './options.ts'
import { readStored } from './stored-records.ts'

export const command = defineCommand({
  description:
    'Compares two runs, each given as a run record or as the name of a baseline. ' +
    'Exits with code 1 if a metric regressed or is no longer measured, ' +
    'and with code 4 if the rounds are too few to find a regression.',
  arguments: [
    { name: 'baseline', description: 'a run record or the name of a baseline', required: true, completion: 'file' },
    { name: 'current', description: 'a run record or the name of a baseline', required: true, completion: 'file' },
  ],
  options: pickOptions('margin', 'allowDifferentHosts', 'allowMissing', 'strict', 'json'),
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
  const [a, b] = [baseline!, current!].map((name) => readStored(recordFile(root, io.cwd, name), io))
  const comparison = compareSameHost(a!, b!, {
    marginPercent: options.margin,
    allowDifferentHosts: options.allowDifferentHosts,
    allowMissing: options.allowMissing,
  })
  io.out.write(options.json ? `${JSON.stringify({ schemaVersion: 1, ...comparison })}\n` : comparisonText(comparison))
  return comparisonExit(comparison, options.strict)
}
