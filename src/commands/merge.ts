import { writeFileSync } from 'node:fs'
import { format, parse, resolve } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import type { RunRecord } from '../core/model/record.ts'
import { groupByHost, mergeRecords, recordText } from '../core/records/merge.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import { isStream, writeOutput } from '../util/outputs.ts'
import { plural } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import type { CheckedOptions, OptionTable } from './options.ts'
import { checkOutput } from './output-path.ts'
import { readStored } from './stored-records.ts'

const mergeOptions = {
  out: {
    value: '<file>',
    group: 'Output',
    description: 'write the record to this file instead of standard output; it must not exist yet',
    example: '--out all.jsonl',
    schema: z.string().optional(),
    completion: 'file',
  },
  group: {
    group: 'Output',
    description: 'write one file per kind of host: all-1.jsonl, all-2.jsonl ...',
    example: '--group --out all.jsonl',
    schema: z.boolean().default(false),
  },
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Joins the run records of shards, or of more rounds, into one record. Refuses records of different hosts.',
  arguments: [{ name: 'records', description: 'run records', required: true, variadic: true, completion: 'file' }],
  options: mergeOptions,
  examples: [{ line: 'merge shard-1.jsonl shard-2.jsonl --out all.jsonl', description: 'join two shards' }],
  run: async (files, options, io) => merge(files, options, io),
})

async function merge(
  files: readonly string[],
  options: CheckedOptions<typeof mergeOptions>,
  io: CommandIo,
): Promise<number> {
  const out = options.out === undefined ? undefined : resolve(io.cwd, options.out)
  const records = files.map((file) => readStored(file, io))
  const text = (record: RunRecord) => recordText(record, new Date().toISOString())
  const inputs = files.map((file) => ({ what: 'a run record', file: resolve(io.cwd, file) }))
  const save = async (file: string, group: readonly RunRecord[]) => {
    await checkOutput({ option: `--out ${options.out}`, path: file, isNew: true }, { root: io.cwd }, inputs)
    try {
      const merged = text(mergeRecords(group))
      if (isStream(file)) writeOutput(file, merged)
      else writeFileSync(file, merged, { flag: 'wx' })
    } catch (error) {
      if ((error as { code?: string }).code?.startsWith('ISOBENCH')) throw error
      if ((error as { code?: string }).code === 'EEXIST')
        throw new UsageError(
          `--out ${options.out}: ${file} already exists`,
          'remove it, or pass another file to --out.',
        )
      throw new UsageError(`${file}: the record cannot be written: ${messageOf(error)}`, 'pass another file to --out.')
    }
    io.err.write(`Wrote ${file}: ${plural(group.length, 'record')}.\n`)
  }
  if (options.group) {
    if (out === undefined)
      throw new UsageError(
        'isobench merge: --group writes several files and requires --out.',
        'write, for example, --group --out all.jsonl',
      )
    const { dir, name, ext } = parse(out)
    for (const [index, group] of groupByHost(records).entries())
      await save(format({ dir, name: `${name}-${index + 1}`, ext }), group)
  } else if (out !== undefined) await save(out, records)
  else io.out.write(text(mergeRecords(records)))
  return exitCodes.clean
}
