import { randomBytes } from 'node:crypto'
import type { Options } from '../../commands/options.ts'
import type { ParamValue } from '../../dsl/workload.ts'
import { assignDuetCpus } from '../../host/cpus.ts'
import { drivers } from '../../platforms/index.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { UsageError } from '../../util/errors.ts'
import {
  type BenchCase,
  casesOf,
  combinations,
  type ExclusionReason,
  isMeasuredOn,
  type Plan,
  type ResolvedProfile,
  type ScheduledPlan,
  withProfileParams,
} from '../model/plan.ts'
import { type BenchData, type FindingData, ProjectError, type Suite } from '../model/suite.ts'
import { lastFailed } from '../records/history.ts'
import { planLooks } from '../stats/index.ts'
import { collect } from './collect.ts'
import { benchFiles, filterFiles, type Project } from './config.ts'
import { resolvePlatforms } from './platforms.ts'

// A text that reads like a number or a truth value is quoted, so that it is not taken for one.
export const describeValue = (value: ParamValue): string =>
  typeof value === 'string' && (['true', 'false'].includes(value) || !Number.isNaN(Number(value)))
    ? JSON.stringify(value)
    : String(value)

/**
 * What the chosen files say, with every finding that is about one of their benches: a finding's other claims may be about
 * benches that this run leaves out, and are then undecidable. Problems of other files are not this run's.
 */
export function selectFiles(suite: Suite, files: readonly string[]): Suite {
  const benches = suite.benches.filter(({ file }) => files.includes(file))
  const ids = new Set(benches.map(({ id }) => id))
  const concerns = ({ claims, file }: FindingData) =>
    claims.length > 0 ? claims.some(({ bench }) => ids.has(bench)) : files.includes(file)
  return {
    benches,
    findings: suite.findings.filter(concerns).sort((a, b) => a.id - b.id),
    problems: suite.problems.filter(({ file }) => files.includes(file)),
  }
}

export interface Selection {
  /** Substrings of a bench's name. */
  readonly names?: readonly string[]
  readonly tags?: readonly string[]
  /** Benches with one of these tags are left out. */
  readonly without?: readonly string[]
  /** The profile's name: benches may have parameters of their own for it. */
  readonly profile?: string
}

/** Splits the benches into those to measure and those that are left, with the reason. */
export function selectBenches(suite: Suite, selection: Selection): Pick<Plan, 'benches' | 'excluded'> {
  const onlySome = suite.benches.some(({ mode }) => mode === 'only')
  const why = ({ mode, name, tags }: BenchData): ExclusionReason | undefined => {
    if (mode === 'skip' || mode === 'todo') return mode
    if (onlySome && mode !== 'only') return 'only'
    const named = !selection.names?.length || selection.names.some((part) => name.includes(part))
    const tagged = !selection.tags?.length || selection.tags.some((tag) => tags.includes(tag))
    if (!named || !tagged) return 'filter'
    return tags.some((tag) => selection.without?.includes(tag)) ? 'profile' : undefined
  }
  return {
    benches: suite.benches
      .filter((bench) => why(bench) === undefined)
      .map((bench) => withProfileParams(bench, selection.profile)),
    excluded: suite.benches.flatMap((bench) => {
      const reason = why(bench)
      return reason ? [{ bench: bench.id, reason: reason }] : []
    }),
  }
}

/**
 * The names that `--platform` gives, or all.
 * @throws UsageError for a name that the config does not have, with the nearest that it has.
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

/** The platforms that a point is measured on, on this machine. */
export const measuredOn = (
  { platforms, benches }: Pick<Plan, 'platforms' | 'benches'>,
  { bench: id }: BenchCase,
): string[] => {
  const bench = benches.find((one) => one.id === id)!
  return platforms.filter((one) => isMeasuredOn(one, bench)).map(({ name }) => name)
}

/** One of `count` parts of a suite, counted from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * The benches of one shard. A bench goes whole, so that a platform and native are always measured on the same machine; each
 * goes, largest first, to the shard with the fewest points so far. The same benches give the same shards everywhere.
 * @throws UsageError when the shard has none.
 */
export function selectShard(benches: readonly BenchData[], { index, count }: Shard): BenchData[] {
  const loads = Array.from({ length: count }, () => 0)
  const sizes = benches.map((bench) => ({ id: bench.id, size: combinations(bench.params).length }))
  const mine = new Set<string>()
  for (const { id, size } of sizes.sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1))) {
    const least = loads.indexOf(Math.min(...loads))
    loads[least]! += size
    if (least === index - 1) mine.add(id)
  }
  if (mine.size === 0)
    throw new UsageError(
      `shard ${index}/${count} has no bench: there are ${benches.length}`,
      `use at most ${benches.length} shards`,
    )
  return benches.filter(({ id }) => mine.has(id))
}

/** Duet mode: native and a platform at the same time, on cores of their own. See docs/statistics.md. */

/** What a bench must have as a tag, because nothing else tells what it uses. */
const able = ['cpu', 'memory']
/** Work that two guests contend for, or that takes a client. */
const unable = ['io', 'network', 'startup']

/** Whether a bench uses CPU and memory alone: for boots, disks and networks the pair would contend for what is measured. */
export const supportsDuet = ({ tags, workload }: BenchData): boolean =>
  tags.some((tag) => able.includes(tag)) &&
  !tags.some((tag) => unable.includes(tag)) &&
  workload.kind !== 'boot' &&
  workload.kind !== 'vmm-start' &&
  workload.lifecycle !== 'sample'

/** What a command line asks to be measured: the benches, the platforms, and how often. */

/** The profile, with what the command line changes of it. */
export function resolveProfile(project: Project, options: Options): ResolvedProfile {
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
  // Who names a platform wants it, emulated or not.
  const skipEmulated = profile.skipEmulated && !options.platform?.length
  return {
    ...profile,
    ...(profile.skipEmulated !== undefined && { skipEmulated }),
    ...(rounds && { rounds }),
    ...(seconds && { seconds }),
    ...(timeout && { timeout }),
  }
}

export async function createPlan(project: Project, filters: readonly string[], options: Options) {
  const files = await benchFiles(project)
  const chosen = filterFiles(project, files, filters)
  const profile = resolveProfile(project, options)
  const all = resolvePlatforms(project.platforms, drivers, project.configFile)
  const names = selectPlatforms(
    all.map(({ spec }) => spec),
    options.platform,
  ).map(({ name }) => name)
  const platforms = all.filter(({ spec }) => names.includes(spec.name))
  const { suite: whole, compiled } = await collect(project.root, files)
  const suite = selectFiles(whole, chosen)
  if (options.forbidOnly ?? process.env.CI === 'true') forbidOnly(suite)
  const selected = selectBenches(suite, {
    names: options.name ?? [],
    tags: options.tag ?? [],
    profile: options.profile,
    without: filters.length > 0 || options.name || options.tag ? [] : (profile.skipTags ?? []),
  })
  const { benches, left, notes } = applyShardAndLastFailed(selected, project.root, options)
  if (benches.length === 0 && suite.problems.length > 0) throw new ProjectError(suite.problems)
  if (benches.length === 0)
    throw new UsageError('no bench is left to run', 'loosen --name and --tag, or look at: isobench list')
  const duet = duetOf(benches, project, options)
  const first = options.firstLook
  const plan: Omit<ScheduledPlan, 'platforms'> = {
    seed: options.seed ?? `r${randomBytes(5).toString('hex')}`,
    profileName: options.profile,
    profile,
    benches,
    cases: benches.flatMap(casesOf),
    findings: suite.findings,
    ...(duet.length > 0 && { duet }),
    excluded: left,
    sequential: first && first < profile.rounds ? planLooks({ first, last: profile.rounds }) : undefined,
  }
  return { plan, platforms, collected: { suite, compiled }, notes }
}

/**
 * The benches that native and a platform run at the same time.
 * @throws MachineError when there are too few cores; UsageError when --duet is asked for and no bench is fit for it.
 */
function duetOf(benches: readonly BenchData[], project: Project, { duet }: Options): string[] {
  const fit = (duet ?? project.duet) ? benches.filter(supportsDuet) : []
  if (duet && fit.length === 0)
    throw new UsageError(
      '--duet is for benches of CPU and memory, and none of those to run is one',
      "give a bench tags: ['cpu'] or ['memory'], or leave --duet out",
    )
  if (fit.length > 0) assignDuetCpus(project.guest.cpus)
  return fit.map(({ id }) => id)
}

/** @throws AuthoringError with the place of each `bench.only`. */
function forbidOnly({ benches }: Suite): void {
  const marked = benches.filter(({ mode }) => mode === 'only')
  if (marked.length === 0) return
  throw new ProjectError(
    marked.map(({ file, name, location }) => ({
      file,
      message: `"${name}" is marked .only, and the other benches would be left out`,
      fix: 'take .only away, or run with --no-forbid-only',
      ...(location && { location }),
    })),
  )
}

/** What --last-failed and --shard leave of the selected benches, and what there is to say of that. */
function applyShardAndLastFailed(
  { benches: selected, excluded: left }: Pick<Plan, 'benches' | 'excluded'>,
  root: string,
  options: Options,
) {
  const failed = options.lastFailed ? lastFailed(root) : undefined
  const wanted = failed && failed.size > 0 ? selected.filter(({ id }) => failed.has(id)) : selected
  const benches = options.shard && wanted.length > 0 ? selectShard(wanted, options.shard) : wanted
  const without = (kept: Plan['benches'], of: Plan['benches'], why: ExclusionReason) =>
    of.filter((bench) => !kept.includes(bench)).map(({ id }) => ({ bench: id, reason: why }))
  return {
    benches,
    left: [...left, ...without(wanted, selected, 'not-failed-before'), ...without(benches, wanted, 'shard')],
    notes: failed?.size === 0 ? ['nothing failed in the latest run: all benches are measured'] : [],
  }
}
