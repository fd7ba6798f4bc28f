/** What of the project is asked for: by the command line, by the keys, and by the profile. Pure. */
import { type Plan, selectBenches, selectFiles, selectPlatforms } from '../plan/plan.ts'
import type { ResolvedPlatform } from '../probe.ts'
import { filterFiles, type Project, type ResolvedProfile } from '../project.ts'
import type { Snapshot } from './decide.ts'
import { platformFileState } from './files.ts'
import type { ProjectState } from './state.ts'

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
  const without = some ? [] : (asked.profileOf(project).skip ?? [])
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
