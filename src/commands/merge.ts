import { writeFileSync } from 'node:fs'
import { format, parse, resolve } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import type { RunRecord } from '../core/model/record.ts'
import { groupByHost, mergeRecords, recordText } from '../core/records/merge.ts'
import { readRecord } from '../core/records/record-file.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import type { CommandHandler } from './command.ts'

export const run: CommandHandler = async (files, given, io) => {
  const out = typeof given.out === 'string' ? resolve(io.cwd, given.out) : undefined
  const records = files.map((file) => readRecord(file))
  if (records.length === 0) throw new UsageError('there is no record to merge', 'name the records')
  const text = (record: RunRecord) => recordText(record, new Date().toISOString())
  const save = (file: string, of: readonly RunRecord[]) => {
    try {
      writeFileSync(file, text(mergeRecords(of)), { flag: 'wx' })
    } catch (error) {
      if ((error as { code?: string }).code?.startsWith('ISOBENCH')) throw error
      throw new UsageError(`the record cannot be written to ${file}: ${messageOf(error)}`, 'name another file')
    }
    io.err.write(`${of.length} records are in ${file}\n`)
  }
  if (given.group) {
    if (out === undefined) throw new UsageError('--group writes several files', 'say where: --out all.jsonl')
    const { dir, name, ext } = parse(out)
    for (const [at, group] of groupByHost(records).entries())
      save(format({ dir, name: `${name}-${at + 1}`, ext }), group)
  } else if (out !== undefined) save(out, records)
  else io.out.write(text(mergeRecords(records)))
  return exitCodes.clean
}
