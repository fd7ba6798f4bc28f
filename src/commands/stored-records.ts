import type { RunRecord } from '../core/model/record.ts'
import { latestRecord, readRecord } from '../core/records/record-file.ts'
import type { CommandIo } from './command.ts'

const warn = (text: string, io: Pick<CommandIo, 'err'>) => void io.err.write(`warning  ${text}\n`)

/** Reads a run record. Warns of each line that cannot be read. */
export const readStored = (file: string, io: Pick<CommandIo, 'err'>): RunRecord =>
  readRecord(file, ({ number, why }) => warn(`${file}:${number} ${why}. It is left out.`, io))

/**
 * The file of the latest record that can be read. Warns of later ones.
 * @throws {UsageError} if there is none
 */
export const latestFile = (root: string, io: Pick<CommandIo, 'err'>): string =>
  latestRecord(root, ({ why }) => warn(`${why}. It is skipped.`, io)).file
