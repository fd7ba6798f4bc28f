import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { convertPathToPattern, globSync } from 'tinyglobby'
import { fileSource, type RecordSurvey, SharedParts, surveyRecord } from '../core/records/record-survey.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import type { CommandIo } from './command.ts'

/** A file that the command line names, or that a folder or a glob of it has. */
export interface NamedFile {
  readonly file: string
  /** Whether the command line names the file itself. Then it must be a run record. */
  readonly isNamed: boolean
}

/**
 * The run records that arguments of the command line name: files, folders with everything below, and globs. Each file
 * once, in the order of the arguments; those of a folder or a glob by name.
 * @throws {UsageError} if a folder has no record, or nothing matches
 */
export function recordFiles(cwd: string, names: readonly string[]): NamedFile[] {
  const found = new Map<string, NamedFile>()
  for (const name of names) {
    const path = resolve(cwd, name)
    const isFolder = existsSync(path) && statSync(path).isDirectory()
    if (!isFolder && (existsSync(path) || !/[*?[{]/.test(name))) {
      found.set(path, { file: name, isNamed: true })
      continue
    }
    const pattern = isFolder ? `${convertPathToPattern(path)}/**/*.jsonl` : name
    const files = globSync(pattern, { cwd, absolute: true, dot: true, onlyFiles: true }).sort()
    if (files.length === 0)
      throw new UsageError(
        isFolder ? `${name} has no run record (*.jsonl)` : `no file matches ${name}`,
        'name files, a folder or a glob of run records',
      )
    for (const file of files) if (!found.has(file)) found.set(file, { file, isNamed: false })
  }
  return [...found.values()]
}

/**
 * Reads all records, and warns of each line that cannot be read. A file that the command line names must be a record. A
 * file of a folder or a glob that is none is left out, because a killed task may leave an empty one.
 * @param onLeftOut receives each file that is left out, and why
 */
export function surveyFiles(
  files: readonly NamedFile[],
  { err }: Pick<CommandIo, 'err'>,
  onLeftOut: (file: string, why: string) => void,
): RecordSurvey[] {
  const parts = new SharedParts()
  return files.flatMap(({ file, isNamed }) => {
    try {
      const survey = surveyRecord(fileSource(file), parts)
      for (const { number, why } of survey.unreadable) err.write(`warning  ${file}:${number} ${why}. It is left out.\n`)
      return survey
    } catch (error) {
      if (isNamed) throw error
      onLeftOut(file, messageOf(error))
      return []
    }
  })
}
