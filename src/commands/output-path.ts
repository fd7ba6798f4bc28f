import { accessSync, constants, existsSync, lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { benchFiles } from '../core/project/bench-files.ts'
import { importedFiles } from '../core/project/compile.ts'
import { findConfig, type Project } from '../core/project/config.ts'
import { baselineFile, baselineNames } from '../core/records/baseline.ts'
import { folderOf, recordsByTime } from '../core/records/record-file.ts'
import { UsageError } from '../util/errors.ts'
import { isLink, pseudoRefusal, writeRefusal } from '../util/files.ts'
import { isReadOnly } from '../util/inherited-descriptors.ts'
import { isStream, linkChain, writeParts } from '../util/outputs.ts'
import { configName, keptByOtherName, keptFile, ownNames } from './kept-files.ts'

/** Outputs that a user names must not overwrite what isobench reads. */

/** A file that a command reads. */
export interface InputFile {
  /** What it is, for messages: `the run record`. */
  readonly what: string
  readonly file: string
}

/** An output of a command. */
export interface Output {
  /** As written by the user, for messages: `--reporter html=report.html`. */
  readonly option: string
  /** The path as written by the user. */
  readonly given: string
  /** The absolute path. */
  readonly path: string
  /** Whether the command refuses any file that exists. Then it may add one to `.isobench/runs`. Default: false. */
  readonly isNew?: boolean
  /** Whether it is a bench file, which must be a regular file. Default: false. */
  readonly isBench?: boolean
}

/** The folder of a project and, if the config is loaded, its bench files. */
export interface OutputProject extends Pick<Project, 'root'>, Partial<Pick<Project, 'include' | 'configFile'>> {
  /** Whether the inputs of the command have every file that bench files and the config import. Default: false. */
  readonly areImportsKnown?: boolean
}

/** The bench files of a project without a loaded config: they are where `isobench init` writes them. */
const usualBenches = ['benches/**/*.bench.{ts,mts,cts,js,mjs,cjs}']

/**
 * Refuses an output that a command must not write: `-`, a folder, one of its inputs, source code, a file that describes
 * the project, and every file in `.isobench`. Compares real paths and inodes, because a link may lead to the same file.
 * Also refuses an output that the kernel would refuse, because hours of measuring may come first.
 * @throws {UsageError} that says which file it is, or why it cannot be written
 */
export async function checkOutput(
  { option, given, path, isNew = false, isBench = false }: Output,
  project: OutputProject,
  inputs: readonly InputFile[] = [],
  ownFiles: () => Promise<readonly InputFile[]> = () => projectFiles(project),
): Promise<void> {
  if (basename(path) === '-')
    throw new UsageError(
      `${option}: a file named "-" is not standard output`,
      'leave the file out to write to standard output, or write /dev/stdout',
    )
  if (given.endsWith('/')) throw new UsageError(`${option}: it names a folder`, 'name a file in it')
  if (!existsSync(dirname(targetOf(option, path)))) refuseLostLink(option, path)
  if (isStream(path)) return checkDescriptor(option, path)
  const real = realPath(path)
  const file = existsSync(real) ? statSync(real) : undefined
  if (file?.isDirectory())
    throw new UsageError(`${option}: the output cannot be written to ${path}: it is a folder`, 'name a file in it')
  const refuse = (what: string): never => {
    throw new UsageError(`${option} would overwrite ${what}: ${path}`, 'name another file for the output')
  }
  if ((file?.nlink ?? 1) === 1) checkWritable(option, real)
  const read = file && inputs.find((input) => isSameFile(file, input.file))
  if (read) refuse(`${read.what} that this command reads`)
  if (!isNew && dirname(real).split(sep).includes('.isobench')) refuse('the files of isobench in .isobench')
  if (!file) {
    // isobench would load the output as code.
    if (!ownNames.test(basename(real)) || (isBench && !configName.test(basename(real)))) return
    throw new UsageError(
      `${option}: a file with this name is a config or a bench file: ${path}`,
      'name another file for the output',
    )
  }
  const kept = keptFile(real)
  if (kept) refuse(kept)
  const own = (await ownFiles()).find((input) => isSameFile(file, input.file))
  if (own) refuse(own.what)
  const linked = keptByOtherName(file, project.root)
  if (linked) refuse(linked)
}

/** A path of an open file of this process. */
const descriptorPath = new RegExp(`^/(?:dev|proc/(?:self|thread-self|${process.pid}))/fd/(\\d+)$`)

/**
 * The kernel opens the file of a descriptor again, also for writing. So an input would be overwritten.
 * @throws {UsageError} if the path is that of a descriptor that is open for reading only
 */
function checkDescriptor(option: string, path: string): void {
  const [descriptor] = linkChain(path).flatMap((one) => descriptorPath.exec(one)?.[1] ?? [])
  if (descriptor === undefined || !isReadOnly(Number(descriptor))) return
  throw new UsageError(
    `${option}: descriptor ${descriptor} is open for reading only`,
    `open it for writing in the command that starts isobench: ${descriptor}> FILE`,
  )
}

/** Where links of an output lead. */
function targetOf(option: string, path: string): string {
  try {
    return linkChain(path).at(-1)!
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(`${option}: ${error.message}`, error.fix)
  }
}

/** @throws {UsageError} if the path is a link to nothing */
function refuseLostLink(option: string, path: string): void {
  const target = targetOf(option, path)
  if (!isLink(path) || existsSync(path)) return
  const where = existsSync(dirname(target)) ? 'to nothing' : 'into a folder that does not exist'
  throw new UsageError(
    `${option}: ${path} is a link ${where}: ${target}`,
    'repair or remove the link, or use another name',
  )
}

/**
 * @param path without links
 * @param shown the path for messages
 * @throws {UsageError} if the kernel would refuse to create the file, or folders above it that do not exist
 */
function checkWritable(option: string, path: string, shown = path): void {
  const refuse = ({ why, fix }: { readonly why: string; readonly fix: string }): never => {
    throw new UsageError(`${option}: ${shown} cannot be written: ${why}`, fix)
  }
  // Root may be allowed to write there, and the kernel refuses it anyway.
  const pseudo = pseudoRefusal(path)
  if (pseudo) refuse(pseudo)
  try {
    lstatSync(path, { throwIfNoEntry: false })
    let folder = dirname(path)
    while (!existsSync(folder) && !isLink(folder)) folder = dirname(folder)
    // With the dot, the kernel refuses a file.
    accessSync(`${folder}/.`, constants.W_OK | constants.X_OK)
  } catch (error) {
    const refusal = writeRefusal(shown, error)
    if (!refusal) throw error
    refuse(refusal)
  }
}

/**
 * Refuses a folder that a command must not write new files to. The folder need not exist.
 * @throws {UsageError} that says why
 */
export function checkFolder(option: string, path: string): void {
  refuseLostLink(option, path)
  checkWritable(option, join(realPath(path), 'new'), path)
}

/**
 * Refuses the path of a file of isobench that a command must not replace: a folder, a device or a link to nothing.
 * @throws {UsageError} that says why
 */
export function checkReplaceable(option: string, path: string): void {
  refuseLostLink(option, path)
  if (existsSync(path) && !statSync(path).isFile())
    throw new UsageError(
      `${option}: ${path} is ${statSync(path).isDirectory() ? 'a folder' : 'no regular file'}`,
      'remove or rename it, or use another name',
    )
  checkWritable(option, path)
}

/** The error of a command that never overwrites a file. */
const existingOutput = ({ option, path }: Pick<Output, 'option' | 'path'>): UsageError =>
  new UsageError(`${option}: ${path} already exists`, 'remove it, or name another file for the output')

/** @throws {UsageError} if the output of such a command exists. A device or a FIFO may, unless it is a bench file. */
export function refuseExisting(output: Pick<Output, 'option' | 'path' | 'isBench'>): void {
  const exists = existsSync(output.path) || (output.isBench && isLink(output.path))
  if (exists && (output.isBench || !isStream(output.path))) throw existingOutput(output)
}

/**
 * Writes the output of a command that never overwrites a file. A full disk leaves no part of it.
 * @throws {UsageError} if another process has written it since
 * @throws {WriteError} if the disk is full, and other errors of the kernel
 */
export function writeNew(output: Parameters<typeof refuseExisting>[0], texts: Iterable<string>): void {
  const parts = function* () {
    yield* texts
    refuseExisting(output)
  }
  writeParts(output.path, parts())
}

/** The config, bench files and what they import, baselines and records of a project. */
export async function projectFiles({
  root,
  include = usualBenches,
  configFile = findConfig(root),
  areImportsKnown = false,
}: OutputProject): Promise<InputFile[]> {
  const benches = await benchFiles({ root, include })
  const configs = configFile !== undefined && existsSync(configFile) ? [relative(root, configFile)] : []
  const name = (what: string, files: readonly string[]) => files.map((file) => ({ what, file: resolve(root, file) }))
  return [
    ...name('the config', configFile === undefined ? [] : [configFile]),
    ...name('a bench file', benches),
    ...name(
      'a file that a bench file or the config imports',
      areImportsKnown ? [] : await importedFiles(root, [...configs, ...benches]),
    ),
    ...name(
      'a baseline',
      baselineNames(root).map((one) => baselineFile(root, one)),
    ),
    ...name('a run record', recordsByTime(folderOf(root))),
  ]
}

/** Whether a path leads to a file, over links too. */
function isSameFile({ dev, ino }: Stats, path: string): boolean {
  if (!existsSync(path)) return false
  const other = statSync(path)
  return other.dev === dev && other.ino === ino
}

/** The path without links. The file and its folders need not exist. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path))
}
