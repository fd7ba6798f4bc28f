import { join, relative } from 'node:path'
import type { Driver } from '../../driver.ts'
import type { Plan, ResolvedProfile } from '../model/plan.ts'
import { type Problem, ProjectError, type Suite } from '../model/suite.ts'
import { type Collected, checkSuite, collect } from '../project/collect.ts'
import { type Compiled, compile } from '../project/compile.ts'
import { benchFiles, filterFiles, loadProject, type Project } from '../project/config.ts'
import { selectBenches, selectFiles, selectPlatforms } from '../project/plan.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../project/platforms.ts'
import type { Snapshot } from './changes.ts'
import { type FileChanges, filesOf, foldersOf, platformFileState } from './file-watcher.ts'
import { isUserFile, workDigest } from './work-digest.ts'

/** What of the project is asked for: by the command line, by the keys, and by the profile. Pure. */

/** What the command line asks for. */
export interface SelectionOptions {
  readonly filters: readonly string[]
  readonly platform: readonly string[] | undefined
  readonly name: readonly string[]
  readonly tag: readonly string[]
  readonly profileName: string
  profileOf(project: Project): ResolvedProfile
}

/** Texts that the names of platforms and benches must have. An empty one leaves all. */
export interface NameFilter {
  readonly platform: string
  readonly bench: string
}

/** @throws UsageError for a platform that the config does not have. */
export function selectedPlatforms(
  { platforms }: ProjectState,
  asked: SelectionOptions,
  only: NameFilter,
): ResolvedPlatform[] {
  const names = selectPlatforms(
    platforms.map(({ spec }) => spec),
    asked.platform,
  ).map(({ name }) => name)
  const wanted = ({ spec: { name } }: ResolvedPlatform) =>
    names.includes(name) && (name === 'native' || name.includes(only.platform))
  return platforms.filter(wanted)
}

export function selectedBenches(
  { project, files, suite }: ProjectState,
  asked: SelectionOptions,
  only: NameFilter,
): Pick<Plan, 'benches' | 'excluded' | 'findings'> {
  const { filters, name, tag: tags } = asked
  const mine = selectFiles(suite, filterFiles(project, files, filters))
  const names = only.bench ? [only.bench] : name
  const some = filters.length > 0 || names.length > 0 || tags.length > 0
  const without = some ? [] : (asked.profileOf(project).skipTags ?? [])
  return { ...selectBenches(mine, { names, tags, without, profile: asked.profileName }), findings: mine.findings }
}

/** @throws UsageError for a platform that the config does not have. */
export function snapshotOf(state: ProjectState, asked: SelectionOptions, only: NameFilter): Snapshot {
  const { project, work } = state
  const { benches, findings } = selectedBenches(state, asked, only)
  const platforms = selectedPlatforms(state, asked, only)
  return {
    guest: project.guest,
    image: project.image,
    profile: asked.profileOf(project),
    benches,
    findings,
    work,
    platforms: new Map(platforms.map((one) => [one.spec.name, platformFileState(one, project)])),
    tags: new Map(platforms.map(({ spec }) => [spec.name, spec.tags])),
  }
}

/** The project as it is on disk, read again as far as a change reaches. */

export interface ProjectState {
  readonly project: Project
  /** All files that the config is made of. */
  readonly configInputs: readonly string[]
  readonly platforms: readonly ResolvedPlatform[]
  readonly files: readonly string[]
  /** What the files say; of a file that cannot be used now, what it said last. */
  readonly suite: Suite
  readonly compiled: ReadonlyMap<string, Compiled>
  readonly work: ReadonlyMap<string, string>
  /** What cannot be used now. */
  readonly problems: readonly Problem[]
}

export interface Sources {
  readonly cwd: string
  readonly config: string | undefined
  readonly drivers: Readonly<Record<string, Driver>>
}

type Settings = Pick<ProjectState, 'project' | 'configInputs' | 'platforms'>

async function loadSettings({ cwd, config, drivers }: Sources): Promise<Settings> {
  const project = await loadProject(cwd, config)
  const result = await compile(project.root, relative(project.root, project.configFile))
  return {
    project,
    configInputs: result.ok ? result.compiled.inputs : [project.configFile],
    platforms: resolvePlatforms(project.platforms, drivers, project.configFile),
  }
}

/** @throws AuthoringError or UsageError when the config cannot be used. */
export async function loadProjectState(sources: Sources): Promise<ProjectState> {
  const settings = await loadSettings(sources)
  const files = await benchFiles(settings.project)
  return withWork(settings, files, await collect(settings.project.root, files), undefined)
}

/** The state after a burst of changes. What cannot be used is in its problems, and stays as it was. */
export async function updateProjectState(
  sources: Sources,
  before: ProjectState,
  { paths, moved }: FileChanges,
): Promise<ProjectState> {
  let settings: Settings = before
  let wrong: readonly Problem[] = []
  const configChanged = before.configInputs.some((file) => paths.has(file)) || before.problems.some(isOf(before))
  if (configChanged) {
    try {
      settings = await loadSettings(sources)
    } catch (error) {
      if (!(error instanceof ProjectError)) throw error
      wrong = error.problems.map((problem) => ({
        ...problem,
        file: relative(before.project.root, before.project.configFile),
      }))
    }
  }
  const { root } = settings.project
  const files = moved || configChanged ? await benchFiles(settings.project) : before.files
  const sameFiles = files.join('\n') === before.files.join('\n')
  const reached = files.filter(
    (file) => paths.has(join(root, file)) || before.compiled.get(file)?.inputs.some((input) => paths.has(input)),
  )
  if (sameFiles && reached.length === 0 && before.problems.length === 0)
    return { ...before, ...settings, problems: wrong }
  const quick = sameFiles && before.problems.length === 0 ? await collectSome(before, reached) : undefined
  const state = await withWork(settings, files, quick ?? (await collect(root, files)), before)
  return { ...state, problems: [...wrong, ...state.problems] }
}

const isOf =
  ({ project }: ProjectState) =>
  ({ file }: Problem): boolean =>
    join(project.root, file) === project.configFile

/** Reads only these files, with the bench files that they import; undefined when that is not enough. */
async function collectSome(before: ProjectState, reached: readonly string[]): Promise<Collected | undefined> {
  const { root } = before.project
  const withImported = before.files.filter((file) =>
    reached.some((one) => one === file || before.compiled.get(one)?.inputs.includes(join(root, file))),
  )
  const { suite, compiled } = await collect(root, withImported)
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

/** In the order of the files, as a whole reading gives them: another order would be a change. */
function inOrder<T extends { readonly file: string }>(files: readonly string[], all: T[]): T[] {
  return all.sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file))
}

async function withWork(
  settings: Settings,
  files: readonly string[],
  { suite, compiled }: Collected,
  before: ProjectState | undefined,
): Promise<ProjectState> {
  const { root } = settings.project
  const broken = new Set(
    suite.problems.map(({ file }) => file).filter((file) => !suite.benches.some((bench) => bench.file === file)),
  )
  const last = <T extends { file: string }>(all: readonly T[] | undefined) =>
    (all ?? []).filter(({ file }) => broken.has(file) && files.includes(file))
  const modules = new Map(compiled)
  const work = new Map<string, string>()
  for (const file of files) {
    const now = compiled.get(file)
    const then = before?.compiled.get(file)
    if (broken.has(file) && then) {
      modules.set(file, then)
      work.set(file, before!.work.get(file)!)
    } else if (now && now === then) work.set(file, before!.work.get(file)!)
    else if (now) work.set(file, await workDigest(now, root))
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
    work,
    problems: suite.problems,
  }
}

/**
 * Every file and folder that a state depends on. What is below one of the folders is not named: chokidar never again tells of a
 * file that it was told to watch and then to leave, which is what a bench file that is removed and comes back would be.
 */
export function watchedFiles({ project, configInputs, files, compiled, platforms }: ProjectState): string[] {
  const folders = foldersOf(project.root, project.include)
  const single = [
    ...configInputs.filter(isUserFile),
    ...files.map((file) => join(project.root, file)),
    ...[...compiled.values()].flatMap(({ inputs }) => inputs.filter(isUserFile)),
    ...platforms.flatMap((one) => filesOf(one, project.root)),
  ].filter((path) => !path.includes('/node_modules/') && !folders.some((folder) => path.startsWith(`${folder}/`)))
  return [...new Set([...folders, ...single])]
}
