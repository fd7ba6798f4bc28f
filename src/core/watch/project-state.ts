import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Driver } from '../../driver.ts'
import type { Plan, ResolvedProfile } from '../model/plan.ts'
import { type Problem, ProjectError, type Suite } from '../model/suite.ts'
import { benchFiles, filterFiles } from '../project/bench-files.ts'
import { checkNames } from '../project/check-names.ts'
import { checkSelection } from '../project/check-selection.ts'
import { type Collected, checkSuite, collect, type SpareWorker } from '../project/collect.ts'
import type { Compiled } from '../project/compile.ts'
import { compilerFiles } from '../project/compiler-files.ts'
import { loadProject, type Project } from '../project/config.ts'
import { forgetModules } from '../project/created-requires.ts'
import { type PlatformSelection, selectBenches, selectFiles, splitPlatforms } from '../project/plan.ts'
import { platformFiles, type ResolvedPlatform, resolvePlatforms } from '../project/platforms.ts'
import { isUserFile } from '../project/work-digest.ts'
import type { Snapshot } from './changes.ts'
import { type FileChanges, foldersOf, platformFileState } from './file-watcher.ts'

/** What the command line selects. */
export interface SelectionOptions extends PlatformSelection {
  readonly filters: readonly string[]
  readonly name: readonly string[]
  readonly tag: readonly string[]
  readonly profileName: string
  profileOf(project: Project): ResolvedProfile
}

/**
 * The platforms that the command line selects.
 * @throws {UsageError} if the config does not have a platform of that name
 */
export function selectedPlatforms({ platforms, project }: ProjectState, options: SelectionOptions): ResolvedPlatform[] {
  return splitPlatforms(platforms, options, project.skipPlatformTags).selected
}

/**
 * Returns the state, after a check that each filter, `--name` and `--tag` selects something.
 * @throws {UsageError} for the first one that does not
 */
export function checkedFilters(state: ProjectState, options: SelectionOptions): ProjectState {
  const { project, files, suite, problems } = state
  const selected = selectFiles(suite, filterFiles(project, files, options.filters), project)
  checkSelection(options, { ...selected, problems }, { ...suite, problems })
  return state
}

/** The benches that the command line selects, and their findings. */
export function selectedBenches(
  { project, files, suite }: ProjectState,
  options: SelectionOptions,
): Pick<Plan, 'benches' | 'excluded' | 'findings'> {
  const { filters, name: names, tag: tags } = options
  // A file may be removed and come back while watch mode runs.
  const selected = selectFiles(suite, filterFiles(project, files, filters, { allowUnmatched: true }), project)
  const some = filters.length > 0 || names.length > 0 || tags.length > 0
  const without = some ? [] : (options.profileOf(project).skipTags ?? [])
  return {
    ...selectBenches(selected, { names, tags, without, profile: options.profileName }),
    findings: selected.findings,
  }
}

/**
 * What a measurement or a verdict depends on now.
 * @throws {UsageError} if the config does not have a platform of that name
 */
export function snapshotOf(state: ProjectState, options: SelectionOptions): Snapshot {
  const { project } = state
  const { benches, findings } = selectedBenches(state, options)
  const platforms = selectedPlatforms(state, options)
  return {
    guest: project.guest,
    image: project.image,
    profile: options.profileOf(project),
    benches,
    findings,
    platforms: new Map(platforms.map((platform) => [platform.spec.name, platformFileState(platform, project)])),
    tags: new Map(platforms.map(({ spec }) => [spec.name, spec.tags])),
  }
}

/** The project on disk. After a change only the affected parts are read again. */
export interface ProjectState {
  readonly project: Project
  readonly platforms: readonly ResolvedPlatform[]
  readonly files: readonly string[]
  /** The content of the bench files. A file that cannot be used now has its last usable content. */
  readonly suite: Suite
  readonly compiled: ReadonlyMap<string, Compiled>
  /** What is wrong with files that cannot be used now. */
  readonly problems: readonly Problem[]
}

/** Where the project comes from. */
export interface Sources {
  readonly cwd: string
  readonly config: string | undefined
  readonly profileName: string
  readonly drivers: Readonly<Record<string, Driver>>
  /** A worker for the next change. */
  readonly spare?: SpareWorker
}

type Settings = Pick<ProjectState, 'project' | 'platforms'>

async function loadSettings({ cwd, config, drivers, profileName }: Sources): Promise<Settings> {
  const project = await loadProject(cwd, config, { command: 'watch', profile: profileName })
  return { project, platforms: resolvePlatforms(project.platforms, drivers, project.configFile) }
}

/** What bench files print would spoil the screen. */
const quiet = ({ spare }: Sources) => ({ printOutput: false, ...(spare && { spare }) })

/**
 * Reads the whole project.
 * @throws {ProjectError} if the config cannot be used
 * @throws {UsageError} if there is none
 */
export async function loadProjectState(sources: Sources): Promise<ProjectState> {
  const settings = await loadSettings(sources)
  const files = await benchFiles(settings.project)
  return stateOf(
    settings,
    sources.drivers,
    files,
    await collect(settings.project.root, files, quiet(sources)),
    undefined,
  )
}

/** The state after some files changed. A file that cannot be used keeps its content and becomes a problem. */
export async function updateProjectState(
  sources: Sources,
  before: ProjectState,
  { paths, moved }: FileChanges,
): Promise<ProjectState> {
  let settings: Settings = before
  let configProblems: readonly Problem[] = []
  const configChanged =
    dependsOn(before.project.root, before.project.configInputs, paths) || before.problems.some(isOf(before))
  if (configChanged) {
    try {
      settings = await loadSettings(sources)
    } catch (error) {
      if (!(error instanceof ProjectError)) throw error
      configProblems = error.problems.map((problem) => ({
        ...problem,
        file: relative(before.project.root, before.project.configFile),
      }))
    }
  }
  const { root } = settings.project
  const files = moved || configChanged ? await benchFiles(settings.project) : before.files
  const sameFiles = files.join('\n') === before.files.join('\n')
  const reached = files.filter((file) =>
    dependsOn(root, [join(root, file), ...(before.compiled.get(file)?.inputs ?? [])], paths),
  )
  for (const file of reached) forgetModules(before.compiled.get(file)?.inputs ?? [])
  const quick = sameFiles && before.problems.length === 0 ? await collectSome(sources, before, reached) : undefined
  const state = stateOf(settings, sources.drivers, files, quick ?? (await collect(root, files, quiet(sources))), before)
  return { ...state, problems: [...configProblems, ...state.problems] }
}

/** Whether code, or what decides how it is compiled, is among the paths. */
function dependsOn(root: string, code: readonly string[], paths: ReadonlySet<string>): boolean {
  const isIn = (file: string) => paths.has(file)
  return code.some(isIn) || [...compilerFiles(root, code.filter(isUserFile))].some(isIn)
}

const isOf =
  ({ project }: ProjectState) =>
  ({ file }: Problem): boolean =>
    join(project.root, file) === project.configFile

/** Reads some files and the bench files that they import. Undefined if all files must be read. */
async function collectSome(
  sources: Sources,
  before: ProjectState,
  reached: readonly string[],
): Promise<Omit<Collected, 'warnings'> | undefined> {
  if (reached.length === 0) return before
  const { root } = before.project
  const withImported = before.files.filter((file) =>
    reached.some((one) => one === file || before.compiled.get(one)?.inputs.includes(join(root, file))),
  )
  const { suite, compiled } = await collect(root, withImported, { ...quiet(sources), benchFiles: before.files })
  if (suite.problems.length > 0) return undefined
  const stays = ({ file }: { file: string }) => !withImported.includes(file)
  const merged = checkSuite(
    {
      benches: inOrder(before.files, [...before.suite.benches.filter(stays), ...suite.benches]),
      findings: inOrder(before.files, [...before.suite.findings.filter(stays), ...suite.findings]),
      problems: [],
    },
    before.files,
  )
  if (merged.problems.length > 0) return undefined
  return { suite: merged, compiled: new Map([...before.compiled, ...compiled]) }
}

/** Sorts by the order of the files, as a complete read does. Another order would count as a change. */
function inOrder<T extends { readonly file: string }>(files: readonly string[], all: T[]): T[] {
  return all.sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file))
}

/** The state with these files. The names in it are checked again, because the config may have changed. */
function stateOf(
  settings: Settings,
  drivers: Sources['drivers'],
  files: readonly string[],
  { suite: unchecked, compiled }: Omit<Collected, 'warnings'>,
  before: ProjectState | undefined,
): ProjectState {
  const suite = checkNames(unchecked, { ...settings, drivers })
  const broken = new Set(
    suite.problems.map(({ file }) => file).filter((file) => !suite.benches.some((bench) => bench.file === file)),
  )
  const last = <T extends { file: string }>(all: readonly T[] | undefined) =>
    (all ?? []).filter(({ file }) => broken.has(file) && files.includes(file))
  const modules = new Map(compiled)
  for (const file of files) {
    const then = before?.compiled.get(file)
    if (broken.has(file) && then) modules.set(file, then)
  }
  return {
    ...settings,
    files,
    suite: {
      benches: inOrder(files, [...suite.benches, ...last(before?.suite.benches)]),
      findings: inOrder(files, [
        ...suite.findings,
        ...last(before?.suite.findings).filter(({ id }) => !suite.findings.some((one) => one.id === id)),
      ]),
      problems: [],
    },
    compiled: modules,
    problems: suite.problems,
  }
}

/**
 * Every file and folder that the state depends on.
 *
 * Files below one of these folders are not listed. If a file is watched, unwatched and watched again, as a bench file
 * that is removed and comes back would be, chokidar no longer reports its changes.
 */
export function watchedFiles({ project, files, compiled, platforms }: ProjectState): string[] {
  const folders = foldersOf(project.root, project.include)
  const code = [
    ...project.configInputs.filter(isUserFile),
    ...files.map((file) => join(project.root, file)),
    ...[...compiled.values()].flatMap(({ inputs }) => inputs.filter(isUserFile)),
  ]
  const single = [
    ...code,
    ...compilerFiles(project.root, code),
    ...platforms.flatMap((one) => platformFiles(one, project.root)),
  ].filter((path) => !path.includes('/node_modules/') && !folders.some((folder) => path.startsWith(`${folder}/`)))
  return [...new Set([...folders, ...single])]
}

/** The changed files, relative to the project, without the temporary ones that editors write beside what they save. */
export function changedNames(before: ProjectState, { paths }: FileChanges): string[] {
  const { project, files, compiled } = before
  const bench = files.map((file) => join(project.root, file))
  const known = new Set([...watchedFiles(before), ...bench, ...[...compiled.values()].flatMap(({ inputs }) => inputs)])
  return [...paths]
    .filter((path) => known.has(path) || existsSync(path))
    .map((path) => path.replace(`${project.root}/`, ''))
}
