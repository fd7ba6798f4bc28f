import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { RunRecord } from '../core/model/record.ts'
import type { Suite } from '../core/model/suite.ts'
import { benchFiles } from '../core/project/bench-files.ts'
import { collect } from '../core/project/collect.ts'
import { loadProject, type Project } from '../core/project/config.ts'
import { resolvePlatforms } from '../core/project/platforms.ts'
import { type ImportTarget, importRecord, isImport } from '../core/records/import.ts'
import { RecordError } from '../core/records/record-file.ts'
import { platformFamily } from '../driver.ts'
import { drivers } from '../platforms/index.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import { readablePath } from '../util/inputs.ts'
import { encodingProblem, withoutBom } from '../util/text.ts'
import type { CommandIo } from './command.ts'
import type { Options } from './options.ts'
import { latestFile, readStored } from './stored-records.ts'

/** Asks the user a yes-or-no question. Returns undefined if isobench does not run in a terminal. */
export async function confirm(question: string, io: CommandIo): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !io.err.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: io.err })
  try {
    const answer = await lines.question(`${question} [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

/** The content of a `.json` file that is an import; undefined for a run record, which is JSON Lines. */
function readImport(file: string): unknown {
  if (!file.toLowerCase().endsWith('.json') || !existsSync(file) || statSync(file).isDirectory()) return undefined
  const fix = 'the format is described in docs/reference/import.md.'
  const bytes = readFileSync(readablePath(file))
  const problem = encodingProblem(file, bytes)
  if (problem) throw new RecordError(`${problem.at} is not UTF-8`, problem.fix)
  let value: unknown
  try {
    value = JSON.parse(withoutBom(bytes.toString('utf8')))
  } catch (error) {
    throw new RecordError(`${file}: invalid JSON: ${messageOf(error)}`, fix)
  }
  if (isImport(value)) return value
  throw new RecordError(`${file}: not a run record and not an import, because "isobench": "import" is missing.`, fix)
}

/**
 * The file that a command judges: the named one, with `--paper` the paper's numbers, otherwise the latest run.
 * @throws {UsageError} if a file and `--paper` are given, or the project has no paper's numbers
 */
export function recordFile(root: string, named: string | undefined, paper: boolean, io: CommandIo): string {
  if (!paper) return named ?? latestFile(root, io)
  if (named !== undefined) {
    throw new UsageError(`--paper judges the paper's numbers, not ${named}.`, `leave out --paper or ${named}`)
  }
  const file = join(root, 'benches', 'paper-facts.json')
  if (existsSync(file)) return file
  throw new UsageError(
    `this project has no ${file}.`,
    "run the command in a clone of isobench's repository, which has the paper's findings and numbers",
  )
}

/**
 * Reads a run record, or an import of results from another harness.
 * @param loadProjectSuite called for an import, because the claims of the suite judge it
 */
export async function openRecord(
  file: string,
  loadProjectSuite: () => Promise<{ project: Project; suite: Suite }>,
  io: CommandIo,
): Promise<RunRecord> {
  const imported = readImport(file)
  if (imported === undefined) return readStored(file, io)
  const { project, suite } = await loadProjectSuite()
  return importRecord(file, imported, suite, knownPlatforms(project))
}

const knownPlatforms = (project: Project): ImportTarget[] =>
  resolvePlatforms(project.platforms, drivers, project.configFile).map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
  }))

/** The project of a directory, and the suite of all its bench files. */
export async function loadSuite(cwd: string, config: string | undefined): Promise<{ project: Project; suite: Suite }> {
  const project = await loadProject(cwd, config)
  return { project, suite: (await collect(project.root, await benchFiles(project))).suite }
}

/** The options with the defaults of the config. */
export function withConfigDefaults(options: Options, { rounds, seed, baseline }: Project): Options {
  return {
    ...options,
    ...(options.rounds === undefined && rounds && { rounds: rounds.last, firstLook: rounds.first }),
    seed: options.seed ?? seed,
    baseline: options.baseline ?? baseline,
  }
}
