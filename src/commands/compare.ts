import { dirname } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { findConfig } from '../core/project/config.ts'
import { compareSameHost, hasRegressed, recordFile } from '../core/records/baseline.ts'
import { readRecord } from '../core/records/record-file.ts'
import { comparisonText } from '../reporters/comparison.ts'
import type { CommandHandler } from './command.ts'
import { checkOptions } from './options.ts'

export const run: CommandHandler = async ([baseline, current], given, io) => {
  const options = checkOptions(given)
  // Records need no config: without one, names are looked for from here.
  const config = findConfig(io.cwd)
  const root = config ? dirname(config) : io.cwd
  const [a, b] = [baseline!, current!].map((name) => readRecord(recordFile(root, io.cwd, name)))
  const comparison = compareSameHost(a!, b!, {
    marginPercent: options.margin,
    allowDifferentHosts: options.allowDifferentHosts,
  })
  io.out.write(options.json ? `${JSON.stringify({ schemaVersion: 1, ...comparison })}\n` : comparisonText(comparison))
  if (hasRegressed(comparison)) return exitCodes.regressed
  return comparison.rows.some(({ ratio }) => ratio) ? exitCodes.clean : exitCodes.nothing
}
