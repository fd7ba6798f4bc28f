import { dirname } from 'node:path'
import { findConfig } from '../core/project/config.ts'
import { recordFile } from '../core/records/baseline.ts'
import { compareSameHost, comparisonExit } from '../core/records/compare.ts'
import { comparisonExitText, comparisonText } from '../reporters/comparison.ts'
import { UsageError } from '../util/errors.ts'
import { wrap } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions, sharedOptions } from './options.ts'
import { loadSuite, openRecord } from './setup.ts'

const runArgument = 'a run record, the name of a baseline, or a JSON import'

export const command = defineCommand({
  description:
    'Compares two runs, each given as a run record, the name of a baseline or an import of results from elsewhere. ' +
    'Exits with code 1 if a metric regressed or is no longer measured, or if an attack profile has a new name, ' +
    'with code 4 if nothing could show a regression, and with code 130 or 5 if the current run was interrupted or ' +
    'killed, or if an error stopped it.',
  arguments: [
    { name: 'baseline', description: runArgument, required: true, completion: 'file' },
    { name: 'current', description: runArgument, required: true, completion: 'file' },
  ],
  options: {
    ...pickOptions('margin', 'allowDifferentHosts', 'allowMissing', 'strict', 'json'),
    all: { ...sharedOptions.all, description: 'list every result, also those that are the same or unclear' },
    ...pickOptions('config'),
  },
  examples: [
    { line: 'compare main nightly.jsonl', description: 'a baseline and a record' },
    { line: 'compare before.jsonl after.jsonl --margin 3', description: 'two records' },
  ],
  run: async (args, options, io) => compare(args, options, io),
})

async function compare([baseline, current]: readonly string[], options: Options, io: CommandIo): Promise<number> {
  // Records require no config. Without one, names of baselines are relative to the current directory.
  const config = findConfig(io.cwd)
  const root = config ? dirname(config) : io.cwd
  const open = async (name: string) => {
    const record = await openRecord(recordFile(root, io.cwd, name), () => loadSuite(io.cwd, options.config), io)
    if (record.samples.length > 0 || !('published' in record.plan)) return record
    throw new UsageError(
      `${name} states results without samples, so there is nothing to compare.`,
      `judge it instead: isobench judge ${name}`,
    )
  }
  const comparison = compareSameHost(await open(baseline!), await open(current!), {
    marginPercent: options.margin,
    allowDifferentHosts: options.allowDifferentHosts,
    allowMissing: options.allowMissing,
  })
  const layout = { width: io.out.columns ?? 100, all: options.all ?? false }
  const code = comparisonExit(comparison, options.strict)
  if (options.json) io.out.write(`${JSON.stringify({ schemaVersion: 1, ...comparison })}\n`)
  else {
    const exit = wrap(`exit code ${code}: ${comparisonExitText(comparison, code)}`, layout.width)
    io.out.write(`${comparisonText(comparison, layout)}${exit.join('\n')}\n`)
  }
  return code
}
