import {
  type Dirent,
  existsSync,
  lstat,
  lstatSync,
  readdir,
  realpath,
  realpathSync,
  type Stats,
  stat,
  statSync,
} from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { type GlobOptions, glob } from 'tinyglobby'
import { UsageError } from '../../util/errors.ts'
import { isRegularFile } from '../../util/files.ts'
import type { Problem } from '../model/suite.ts'
import type { Project } from './config.ts'
import { locatePath, locateWord } from './locate-word.ts'

const scriptExtension = /\.[cm]?[jt]sx?$/

const globOptions = (cwd: string) => ({ cwd, ignore: ['**/node_modules/**', '**/.isobench/**'] })

/**
 * The bench files that the config includes, relative to the project's root. A file that several links lead to is one
 * bench file: otherwise a link to a folder above it would measure every bench twice.
 */
export async function benchFiles({ root, include }: Pick<Project, 'root' | 'include'>): Promise<string[]> {
  const found = await glob([...include], globOptions(root))
  // A pattern may name a folder, with other files in it. Reading a link to a device may never end.
  const files = found.filter((file) => scriptExtension.test(file) && isRegularFile(join(root, file)))
  const named = new Map<string, string>()
  for (const file of byDepth(files)) {
    const real = realpathSync(join(root, file))
    if (!named.has(real) || real === join(root, file)) named.set(real, file)
  }
  return [...named.values()].sort()
}

/**
 * A problem for each link that the config includes and that leads nowhere, such as one into a submodule that was not
 * checked out: its benches would vanish. Links of editors, which the config does not include, have none.
 */
export async function brokenLinks({ root, include }: Pick<Project, 'root' | 'include'>): Promise<Problem[]> {
  const found = await glob([...include], { ...globOptions(root), fs: fsWithSpecialFiles })
  const broken = found.filter((file) => scriptExtension.test(file) && isBrokenLink(join(root, file)))
  return oncePerPlace(root, broken).map((file) => ({ file, ...brokenLink }))
}

/** Through a link to a folder above it, glob finds a link again. Its shortest path stays. */
function oncePerPlace(root: string, links: readonly string[]): string[] {
  const byPlace = new Map(
    byDepth(links)
      .reverse()
      .map((file) => [join(realpathSync(dirname(join(root, file))), basename(file)), file]),
  )
  return [...byPlace.values()].sort()
}

const isBrokenLink = (path: string): boolean =>
  !existsSync(path) && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true

const brokenLink = {
  message: 'it is a link to a file that does not exist.',
  fix: 'repair or remove the link, or check out the submodule that it leads to: git submodule update --init',
}

/** The shortest paths first. */
const byDepth = (files: readonly string[]): string[] =>
  files.toSorted((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1))

const depthOf = (file: string): number => file.split('/').length

/**
 * glob leaves out FIFOs and other special files, and a link to nothing, because it cannot resolve it. With these
 * functions they are files.
 */
const fsWithSpecialFiles = {
  readdir: (path: string, options: { withFileTypes: true }, done: (error: Error | null, found: Dirent[]) => void) =>
    readdir(path, options, (error, found) => done(error, found?.map(asFile))),
  realpath: (path: string, done: (error: Error | null, path: string) => void) =>
    realpath(path, (error, real) => done(null, error ? path : real)),
  stat: (path: string, done: (error: Error | null, stats: Stats) => void) =>
    stat(path, (error, stats) => (error ? lstat(path, done) : done(null, stats))),
} as NonNullable<GlobOptions['fs']>

const asFile = (entry: Dirent): Dirent =>
  entry.isDirectory() || entry.isSymbolicLink() ? entry : Object.assign(entry, { isFile: () => true })

/**
 * A warning for each place in which isobench looks for bench files, and that it cannot read: a link that leads nowhere
 * and may be one to a folder, a folder without permission, and one with a name that no pattern matches. Their benches
 * would vanish.
 */
export async function unreadableFolders({ root, include }: Pick<Project, 'root' | 'include'>): Promise<Problem[]> {
  const unreadable: Problem[] = []
  const fs: GlobOptions['fs'] = {
    ...fsWithSpecialFiles,
    readdir: ((path: string, options: { withFileTypes: true }, done: (error: Error | null, found: Dirent[]) => void) =>
      readdir(path, options, (error, found) => {
        if (error?.code === 'EACCES')
          unreadable.push({ file: relative(root, path), message: 'this user may not read the folder.', fix: readFix })
        const unmatchable = found?.filter((one) => one.isDirectory() && isUnmatchable(one.name)) ?? []
        for (const { name } of unmatchable)
          unreadable.push({ file: relative(root, join(path, name)), message: unmatched, fix: 'rename the folder' })
        done(error, found?.map(asFile))
      })) as typeof readdir,
  }
  const excluding = include.filter((pattern) => pattern.startsWith('!'))
  const folders = include.filter((pattern) => !excluding.includes(pattern)).flatMap(folderPatterns)
  const found = await glob([...folders, ...excluding], { ...globOptions(root), expandDirectories: false, fs })
  const broken = found.filter((file) => !scriptExtension.test(file) && isBrokenLink(join(root, file)))
  const links = oncePerPlace(root, broken).map((file) => ({ file, ...brokenLink, message: brokenFolder }))
  return [...links, ...unreadable].sort((a, b) => (a.file < b.file ? -1 : 1))
}

const brokenFolder = 'it is a link that leads nowhere. If it is one to a folder, its benches are missing.'
const unmatched = 'its name has a line break, or is not UTF-8, so no pattern finds bench files in it.'
/** A pattern matches no line break. Node.js replaces bytes that are not UTF-8, so it cannot open such a folder. */
const isUnmatchable = (name: string): boolean => /[\n\r\u2028\u2029\ufffd]/.test(name)
const readFix = 'run isobench as a user who may, or remove the folder'

/** The patterns of the folders in which files of a pattern may be: `a/b/*.ts` has `a` and `a/b`. */
const folderPatterns = (pattern: string): string[] =>
  [...pattern.matchAll(/(?<=.)\//g)].map(({ index }) => pattern.slice(0, index))

const benchEnding = /\.bench\.[cm]?[jt]sx?$/i

/** Such a folder often has a copy of the project. */
const hiddenFolder = /^\.[^/]+\//

/**
 * A warning for each file that looks like a bench file, but is none of the project: its ending is in no pattern of the
 * config, it is hidden, it is a FIFO or a device, or its name is not UTF-8. A file that was compiled from a bench file
 * is no such file, and `brokenLinks` has the links to nothing.
 * @param files the bench files of the project
 */
export async function overlookedFiles(
  { root, include }: Pick<Project, 'root' | 'include'>,
  files: readonly string[],
): Promise<Problem[]> {
  const stem = (file: string): string => basename(file).replace(/\.[^.]+$/, '')
  const stems = new Set(files.map(stem))
  const seen = new Set(files.map((file) => realpathSync(join(root, file))))
  const anyScript = include.map((pattern) => pattern.replace(scriptExtension, '.{ts,mts,cts,tsx,js,mjs,cjs,jsx}'))
  const options = { ...globOptions(root), fs: fsWithSpecialFiles, dot: true, caseSensitiveMatch: false }
  const found = await glob(anyScript, options)
  const named = found.filter(
    (file) => benchEnding.test(basename(file)) && !hiddenFolder.test(file) && !files.includes(file),
  )
  return (
    // Of the paths through links to one file, the shortest.
    byDepth(named)
      .filter((file) => {
        const real = existsSync(join(root, file)) ? realpathSync(join(root, file)) : file
        return !seen.has(real) && seen.add(real)
      })
      .sort()
      .flatMap((file): Problem[] => {
        if (isBrokenLink(join(root, file))) return []
        const unusable = unusableFile(join(root, file))
        if (unusable) return [{ file, ...unusable }]
        if (stems.has(stem(file)) || !isRegularFile(join(root, file))) return []
        const lower = file.replace(benchEnding, (ending) => ending.toLowerCase())
        const fix = lower === file ? `add '${file}' to include in the config` : `rename it to ${lower}`
        return [{ file, message: 'no pattern of the config includes it, so its benches do not run.', fix }]
      })
  )
}

/**
 * A warning for each pattern of the config that includes no bench file, where it stands. A single pattern needs none,
 * because without any bench file nothing runs.
 */
export async function unmatchedPatterns({
  root,
  include,
  configFile,
}: Pick<Project, 'root' | 'include' | 'configFile'>): Promise<Problem[]> {
  if (include.length === 1) return []
  const excluding = include.filter((pattern) => pattern.startsWith('!'))
  const file = relative(root, configFile)
  const { location } = locatePath(configFile, ['include'])
  const found = include.map(async (pattern): Promise<Problem[]> => {
    if (excluding.includes(pattern)) return []
    if ((await benchFiles({ root, include: [pattern, ...excluding] })).length > 0) return []
    const message = `include: no bench file matches "${pattern}".`
    return [{ file, message, fix: 'correct the pattern, or remove it', ...locateWord(location, pattern) }]
  })
  return (await Promise.all(found)).flat()
}

/** Why a path cannot be imported, whatever its ending. Undefined for a regular file and for a folder. */
function unusableFile(path: string): { readonly message: string; readonly fix: string } | undefined {
  // A link may also lead to itself, or through a file.
  const stats = existsSync(path) ? statSync(path) : undefined
  if (stats?.isFile() || stats?.isDirectory()) return undefined
  if (stats) return { message: 'it is no regular file, so nothing imports it.', fix: 'remove or rename it' }
  // Node.js replaces bytes that are not UTF-8, so no file has the name that it returns.
  return { message: 'its name is not UTF-8, so nothing imports it.', fix: 'rename the file' }
}

/**
 * The files that the filters select: the path of a file or folder that exists, or a part of a file's path. All if there
 * are no filters.
 * @param allowUnmatched whether some filters may select nothing, as long as another selects a file
 * @throws {UsageError} if there is none, or if a filter selects nothing
 */
export function filterFiles(
  project: Pick<Project, 'root' | 'cwd' | 'include'>,
  files: readonly string[],
  filters: readonly string[],
  { allowUnmatched = false }: { readonly allowUnmatched?: boolean } = {},
): string[] {
  if (filters.includes(''))
    throw new UsageError('a filter is empty.', 'write the path of a bench file, or leave the filter out')
  let realPaths: readonly string[] | undefined
  const filesWithin = (folder: string): readonly string[] => {
    realPaths ??= files.map((file) => realpathSync(join(project.root, file)))
    return files.filter((_, at) => isWithin(realPaths![at]!, folder))
  }
  const matches = (filter: string): readonly string[] => {
    const path = resolve(project.cwd, filter)
    const within = existsSync(path) ? filesWithin(realpathSync(path)) : []
    return within.length > 0 ? within : files.filter((file) => file.includes(filter))
  }
  const selected = filters.map(matches)
  const unmatched = filters.filter((_, at) => selected[at]!.length === 0)
  const isWrong = unmatched.length > 0 && (!allowUnmatched || unmatched.length === filters.length)
  if (files.length === 0) {
    const { root, include } = project
    const broken = include.flatMap(folderPatterns).find((folder) => isBrokenLink(join(root, folder)))
    if (broken) throw new UsageError(`there is no bench file: ${broken} is a link that leads nowhere`, brokenLink.fix)
    throw new UsageError(
      'there is no bench file',
      include.every((pattern) => pattern.startsWith('!'))
        ? 'add a pattern without an exclamation mark to include in the config'
        : `write one, or correct include in the config: ${include.join(', ')}`,
    )
  }
  // As reports write it, and as Vitest takes it.
  const withLine = unmatched
    .map((filter) => /^(.+?):\d+(?::\d+)?$/.exec(filter)?.[1])
    .find((path) => path !== undefined)
  if (isWrong && withLine !== undefined && matches(withLine).length > 0)
    throw new UsageError(
      'a filter is a path without a line',
      `write ${withLine}, and select one of its benches with --name`,
    )
  if (isWrong)
    throw new UsageError(
      `no bench file has ${unmatched.map((filter) => `"${filter}"`).join(' or ')} in its path`,
      unmatched.some((filter) => /[*?{}[\]]/.test(filter))
        ? 'write a path or a part of one: a filter is no glob'
        : `the config includes ${project.include.join(', ')}`,
    )
  const matched = new Set(selected.flat())
  return files.filter((file) => filters.length === 0 || matched.has(file))
}

/** Whether a filter is a part of a file's path, or the path of the file or of a folder with it. */
export const isSelected = ({ root, cwd }: Pick<Project, 'root' | 'cwd'>, file: string, filter: string): boolean =>
  file.includes(filter) || isWithin(join(root, file), resolve(cwd, filter))

const isWithin = (file: string, path: string): boolean => file === path || file.startsWith(`${path}${sep}`)
