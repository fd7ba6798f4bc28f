import { randomBytes } from 'node:crypto'
import { join, relative } from 'node:path'
import { type Driver, platformFamily } from '../../driver.ts'
import { compareFindingIds } from '../../dsl/finding-id.ts'
import type { PlatformSpec } from '../../dsl/platform.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { UsageError } from '../../util/errors.ts'
import { plural } from '../../util/text.ts'
import {
  casesOf,
  type ExcludedPlatform,
  type ExclusionReason,
  type Plan,
  type ResolvedProfile,
  type ScheduledPlan,
  withProfileParams,
} from '../model/plan.ts'
import {
  type BenchData,
  claimsOf,
  claimsOfFinding,
  type FindingData,
  type Problem,
  ProjectError,
  type Suite,
} from '../model/suite.ts'
import { planLooks } from '../stats/index.ts'
import { applyFindings, type PlatformsOfFindings } from './apply-findings.ts'
import {
  benchFiles,
  brokenLinks,
  filterFiles,
  isSelected,
  overlookedFiles,
  unmatchedPatterns,
  unreadableFolders,
} from './bench-files.ts'
import { checkNames } from './check-names.ts'
import { checkSelection, emptySelection } from './check-selection.ts'
import { type Collected, collect } from './collect.ts'
import type { Project } from './config.ts'
import { duetBenches } from './duet.ts'
import { onlyLastFailed } from './last-failed.ts'
import { type ResolvedPlatform, resolvePlatforms, unprobedPlatforms } from './platforms.ts'
import { type Shard, selectShard } from './shard.ts'
import { benchSeconds, checkShardPlan } from './shard-plan.ts'

/**
 * Selects the benches and problems of some files, and every finding with a claim about one of these benches. Problems
 * of the config are part of every selection.
 *
 * Other claims of such a finding may be about benches outside the selection. Their verdict is then `not-evaluated`.
 */
export function selectFiles(
  suite: Suite,
  files: readonly string[],
  { root, configFile }: Pick<Project, 'root' | 'configFile'>,
): Suite {
  const benches = suite.benches.filter(({ file }) => files.includes(file))
  const ids = new Set(benches.map(({ id }) => id))
  const concerns = (finding: FindingData) => {
    const claims = claimsOf(finding)
    return claims.length > 0 ? claims.some(({ bench }) => ids.has(bench)) : files.includes(finding.file)
  }
  return {
    benches,
    findings: suite.findings.filter(concerns).sort((a, b) => compareFindingIds(a.id, b.id)),
    problems: suite.problems.filter(({ file }) => files.includes(file) || file === relative(root, configFile)),
  }
}

export interface Selection {
  /** Substrings of a bench's name. */
  readonly names?: readonly string[]
  readonly tags?: readonly string[]
  /** Benches with one of these tags are excluded. */
  readonly without?: readonly string[]
  /** The ids of the benches to select; all if left out. */
  readonly only?: ReadonlySet<string> | undefined
  /** The profile's name. A bench may have its own parameters for a profile. */
  readonly profile?: string
}

/** Splits the benches into those to measure and the excluded ones, each with its reason. */
export function selectBenches(suite: Suite, selection: Selection): Pick<Plan, 'benches' | 'excluded'> {
  const onlySome = suite.benches.some(({ mode }) => mode === 'only')
  const why = ({ id, mode, name, tags }: BenchData): ExclusionReason | undefined => {
    if (mode === 'skip' || mode === 'todo') return mode
    if (onlySome && mode !== 'only') return 'only'
    const named = !selection.names?.length || selection.names.some((part) => name.includes(part))
    const tagged = !selection.tags?.length || selection.tags.some((tag) => tags.includes(tag))
    if (!named || !tagged || selection.only?.has(id) === false) return 'filter'
    return tags.some((tag) => selection.without?.includes(tag)) ? 'profile' : undefined
  }
  return {
    benches: suite.benches
      .filter((bench) => why(bench) === undefined)
      .map((bench) => withProfileParams(bench, selection.profile)),
    excluded: suite.benches.flatMap((bench) => {
      const reason = why(bench)
      return reason ? [{ bench: bench.id, reason }] : []
    }),
  }
}

/**
 * Selects platforms by name. Without names it selects all of them.
 * @throws {UsageError} if the config has no platform of that name. The message suggests the closest name.
 */
export function selectPlatforms<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
): T[] {
  if (!names?.length) return [...all]
  const known = all.map(({ name }) => name)
  for (const name of names) {
    if (known.includes(name)) continue
    const close = closestMatch(name, known)
    throw new UsageError(
      `the config has no platform "${name}"`,
      close ? `did you mean "${close}"?` : `it has: ${known.join(', ')}`,
    )
  }
  return all.filter(({ name }) => names.includes(name))
}

/** Which platforms of the config a run has. */
export interface PlatformSelection {
  /** Names of platforms. They are selected whatever their tags. */
  readonly platform?: readonly string[] | undefined
  /** Selects platforms with any tags. */
  readonly allPlatforms?: boolean | undefined
}

/**
 * Splits the platforms of a config into those of the run, and those that `skipPlatformTags` excludes. Platforms that
 * the command line does not name are in neither list.
 * @throws {UsageError} if the config has no platform of a given name
 */
export function splitPlatforms<T extends { readonly spec: Pick<PlatformSpec, 'name' | 'tags'> }>(
  all: readonly T[],
  { platform: names, allPlatforms = false }: PlatformSelection,
  skipTags: readonly string[],
): { readonly selected: T[]; readonly excluded: T[] } {
  if (names?.length) {
    const chosen = selectPlatforms(
      all.map(({ spec }) => spec),
      names,
    ).map(({ name }) => name)
    return { selected: all.filter(({ spec }) => chosen.includes(spec.name)), excluded: [] }
  }
  const isExcluded = ({ spec }: T) => !allPlatforms && spec.tags.some((tag) => skipTags.includes(tag))
  return { selected: all.filter((one) => !isExcluded(one)), excluded: all.filter(isExcluded) }
}

/** Excluded platforms as a plan stores them. */
export const describeExcluded = (platforms: readonly ResolvedPlatform[]): ExcludedPlatform[] =>
  platforms.map(({ spec, driver, options }) => ({
    name: spec.name,
    family: platformFamily(driver, options),
    tags: spec.tags,
  }))

/** What the profile of a run is made of. */
export interface ProfileOptions extends PlatformSelection {
  /** The profile's name. */
  readonly profile: string
  /** Overrides the profile's number of rounds. */
  readonly rounds?: number | undefined
  /** Overrides the seconds that one sample measures. */
  readonly seconds?: number | undefined
  /** Overrides the seconds that one sample may take. */
  readonly timeout?: number | undefined
  /** Plans only what these findings need, without platforms with emulated CPUs; all findings if the list is empty. */
  readonly findings?: readonly string[] | undefined
}

/** What a run measures, and how often. */
export interface PlanOptions extends ProfileOptions {
  /** Paths of bench files, or parts of them; all files if left out. */
  readonly filters?: readonly string[]
  /** Substrings of bench names. */
  readonly name?: readonly string[] | undefined
  readonly tag?: readonly string[] | undefined
  /** The round of the first interim look; without it there is one look, after the last round. */
  readonly firstLook?: number | undefined
  /** Random if left out. */
  readonly seed?: string | undefined
  readonly shard?: Shard | undefined
  /** Measures only the benches that failed in the latest run. */
  readonly lastFailed?: boolean | undefined
  /** Refuses `bench.only`; the default is true if the environment variable CI is `true`. */
  readonly forbidOnly?: boolean | undefined
  /** Whether to run benches as duets; the config's setting if left out. */
  readonly duet?: boolean | undefined
}

/** What `createPlan` returns. */
export interface PlannedProject {
  /** The plan without the probed platforms. */
  readonly plan: Omit<ScheduledPlan, 'platforms'>
  readonly platforms: readonly ResolvedPlatform[]
  readonly collected: Collected
  /** Remarks for the user. */
  readonly notes: readonly string[]
}

/**
 * The profile with the overrides of the options.
 * @throws {UsageError} if the project has no profile of that name
 */
export function resolveProfile(project: Project, options: ProfileOptions): ResolvedProfile {
  const known = Object.keys(project.profiles)
  const profile = Object.hasOwn(project.profiles, options.profile) ? project.profiles[options.profile] : undefined
  if (!profile) {
    const close = closestMatch(options.profile, known)
    throw new UsageError(
      `there is no profile "${options.profile}"`,
      close ? `did you mean "${close}"?` : `there are: ${known.join(', ')}`,
    )
  }
  const { rounds, seconds, timeout } = options
  // Results of emulated CPUs decide no finding. A platform that the user names is measured even so.
  const skips = options.findings ? true : profile.skipEmulated
  return {
    ...profile,
    ...(skips !== undefined && { skipEmulated: skips && !options.platform?.length }),
    ...(rounds && { rounds }),
    ...(seconds && { seconds }),
    ...(timeout && { timeout }),
  }
}

/** The benches and platforms that the options select. */
export interface ProjectSelection extends Pick<Plan, 'benches' | 'excluded' | 'shard'>, PlatformsOfFindings {
  readonly profile: ResolvedProfile
  readonly collected: Collected
  /** Remarks for the user. */
  readonly notes: readonly string[]
}

/**
 * Collects the bench files and selects benches and platforms as a run does.
 * @throws {UsageError} if a name is unknown, or a filter selects nothing
 * @throws {ProjectError} if the config cannot be used
 */
export async function selectProject(
  project: Project,
  drivers: Readonly<Record<string, Driver>>,
  options: PlanOptions,
): Promise<ProjectSelection> {
  const { filters = [] } = options
  if (options.shard && options.lastFailed)
    throw new UsageError(
      '--last-failed cannot be split into shards, because each host has its own latest run',
      'leave out --shard or --last-failed',
    )
  const files = await benchFiles(project)
  const chosen = filterFiles(project, files, filters)
  const profile = resolveProfile(project, options)
  const all = resolvePlatforms(project.platforms, drivers, project.configFile)
  const split = splitPlatforms(all, options, project.skipPlatformTags)
  const [{ suite: unchecked, compiled, warnings }, overlooked, unreadable, unmatched, broken] = await Promise.all([
    collect(project.root, files),
    overlookedFiles(project, files),
    unreadableFolders(project),
    unmatchedPatterns(project),
    brokenLinks(project),
  ])
  const isAsked = ({ file }: Problem) =>
    filters.length === 0 || filters.some((filter) => isSelected(project, file, filter))
  const whole = checkNames(unchecked, { project, platforms: all, drivers })
  const selection = applyFindings(selectFiles(whole, chosen, project), { all, ...split }, options)
  const suite = { ...selection.suite, problems: [...selection.suite.problems, ...broken.filter(isAsked)] }
  checkSelection(options, suite, whole)
  if (options.forbidOnly ?? isCi(process.env.CI)) forbidOnly(suite, project.root)
  const selected = selectBenches(suite, {
    names: options.name ?? [],
    tags: options.tag ?? [],
    profile: options.profile,
    without: filters.length > 0 || options.name || options.tag || options.findings ? [] : (profile.skipTags ?? []),
    only: options.findings && new Set(suite.findings.flatMap(claimsOfFinding).map(({ bench }) => bench)),
  })
  const { notes, ...wanted } = options.lastFailed ? onlyLastFailed(selected, project.root) : { ...selected, notes: [] }
  if (options.shard?.planned) checkShardPlan(options.shard.planned, wanted.benches)
  const platforms = unprobedPlatforms(selection.platforms)
  const part =
    options.shard && wanted.benches.length > 0
      ? selectShard(wanted.benches, options.shard, benchSeconds({ benches: wanted.benches, platforms, profile }))
      : undefined
  const benches = part?.benches ?? wanted.benches
  return {
    ...selection,
    suite,
    profile,
    collected: {
      suite,
      compiled,
      warnings: [
        ...project.warnings,
        ...unmatched,
        ...warnings.filter(isOfSelection(project.root, files, chosen)),
        ...[...overlooked, ...unreadable].filter(isAsked),
      ],
    },
    benches,
    excluded: [...wanted.excluded, ...(part?.excluded ?? [])],
    ...(part && { shard: part.shard }),
    notes: [...notes, ...missingNative(benches, selection, options), ...unusedPlatforms(selection)],
  }
}

/**
 * Collects the bench files and plans a run. Probes nothing.
 * @throws {UsageError} if a name is unknown or no bench is left
 * @throws {ProjectError} if the config or all selected bench files cannot be used
 * @throws {HostError} if the host has too few CPUs for a duet
 */
export async function createPlan(
  project: Project,
  drivers: Readonly<Record<string, Driver>>,
  options: PlanOptions,
): Promise<PlannedProject> {
  const selection = await selectProject(project, drivers, options)
  const { suite, benches, excluded, shard, profile, platforms, excludedPlatforms, onlyNamed, collected, notes } =
    selection
  if (benches.length === 0 && suite.problems.length > 0) throw new ProjectError(suite.problems, project.root)
  if (benches.length === 0) throw emptySelection(options, suite)
  const duet = duetBenches(benches, options.duet ?? project.duet, {
    isAsked: options.duet === true,
    cpus: project.guest.cpus,
  })
  const first = options.firstLook
  return {
    plan: {
      seed: options.seed ?? `r${randomBytes(5).toString('hex')}`,
      profileName: options.profile,
      profile,
      benches,
      cases: benches.flatMap(casesOf),
      findings: suite.findings,
      ...(options.findings && { onlyFindings: true }),
      ...(onlyNamed.length > 0 && { onlyNamed }),
      ...(options.platform?.length && { namedPlatforms: options.platform }),
      ...(duet.length > 0 && { duet }),
      excluded,
      ...(shard && { shard }),
      ...(excludedPlatforms.length > 0 && { excludedPlatforms: describeExcluded(excludedPlatforms) }),
      sequential: first && first < profile.rounds ? planLooks({ first, last: profile.rounds }) : undefined,
    },
    platforms,
    collected,
    notes,
  }
}

/** Whether a warning is about a selected file, or about a module that several bench files may import. */
const isOfSelection =
  (root: string, files: readonly string[], chosen: readonly string[]) =>
  ({ file, location }: Problem): boolean =>
    chosen.includes(file) || (location !== undefined && !files.some((one) => join(root, one) === location.file))

/** A note if claims are about the ratio to native, and the run has no native. */
function missingNative(
  benches: readonly BenchData[],
  { suite, platforms }: PlatformsOfFindings,
  { platform: named }: Pick<PlanOptions, 'platform'>,
): string[] {
  if (platforms.some(({ spec }) => spec.name === 'native')) return []
  const all = [...benches.flatMap(({ claims }) => claims), ...suite.findings.flatMap(claimsOfFinding)]
  const relative = all.filter(({ matcher, bench }) => matcher.kind === 'withinNative' && isOneOf(benches, bench))
  if (relative.length === 0) return []
  return [
    `native is not measured, so ${plural(relative.length, 'claim')} cannot be judged; ` +
      (named?.length ? `add it: --platform native,${named.join(',')}` : "add platform('native') to the config"),
  ]
}

const unusedPlatforms = ({ unused }: PlatformsOfFindings): string[] =>
  unused.map((name) => `${name} is not measured, because no claim of the findings is about it`)

const isOneOf = (benches: readonly BenchData[], id: string): boolean => benches.some((bench) => bench.id === id)

/** CI services set `CI` to `true` or 1. */
const isCi = (value: string | undefined): boolean => value === 'true' || value === '1'

/** @throws {ProjectError} with the location of each `bench.only` */
function forbidOnly({ benches }: Suite, root: string): void {
  const marked = benches.filter(({ mode }) => mode === 'only')
  if (marked.length === 0) return
  throw new ProjectError(
    marked.map(({ file, name, location }) => ({
      file,
      message: `"${name}" is marked .only, and the other benches would be left out`,
      fix: 'take .only away, or run with --no-forbid-only',
      ...(location && { location }),
    })),
    root,
  )
}
