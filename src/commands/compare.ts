import { dirname } from 'node:path'
import { compareSameHost, hasRegressed } from '../core/baseline/refuse.ts'
import { recordFile } from '../core/baseline/store.ts'
import { comparisonText } from '../core/baseline/text.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import { findConfig } from '../core/project.ts'
import { readRecord } from '../core/record/reader.ts'
import type { CommandHandler } from './command.ts'
import { checkOptions } from './options.ts'

export const run: CommandHandler = async ([baseline, current], given, io) => {
  const options = checkOptions(given)
  // Records need no config: without one, names are looked for from here.
  const config = findConfig(io.cwd)
  const root = config ? dirname(config) : io.cwd
  const [a, b] = [baseline!, current!].map((name) => readRecord(recordFile(root, io.cwd, name)))
  const comparison = compareSameHost(a!, b!, { marginPercent: options.margin, unlike: options.allowDifferentHosts })
  io.out.write(options.json ? `${JSON.stringify({ schemaVersion: 1, ...comparison })}\n` : comparisonText(comparison))
  if (hasRegressed(comparison)) return exitCodes.regressed
  return comparison.rows.some(({ ratio }) => ratio) ? exitCodes.clean : exitCodes.nothing
}
