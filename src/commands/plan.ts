/** What a command line asks to be measured: the benches, the platforms, and how often. */
import { randomBytes } from 'node:crypto'
import { collect } from '../core/collect/collect.ts'
import type { BenchData, Suite } from '../core/collect/types.ts'
import { ProjectError } from '../core/errors.ts'
import { supportsDuet } from '../core/plan/duet.ts'
import {
  casesOf,
  type ExclusionReason,
  type Plan,
  selectBenches,
  selectFiles,
  selectPlatforms,
  selectShard,
} from '../core/plan/plan.ts'
import { resolvePlatforms } from '../core/probe.ts'
import { benchFiles, filterFiles, type Project, type ResolvedProfile } from '../core/project.ts'
import { lastFailed } from '../core/record/history-failed.ts'
import type { ScheduledPlan } from '../core/schedule/plan.ts'
import { planLooks } from '../core/stats/index.ts'
import { UsageError } from '../errors.ts'
import { assignDuetCpus } from '../guest/cores.ts'
import { closestMatch } from '../nearest.ts'
import { drivers } from '../platforms/index.ts'
import type { Options } from './options.ts'

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
  const skip = profile.skip?.filter((word) => word !== 'emulated' || !options.platform?.length)
  return {
    ...profile,
    ...(skip && { skip }),
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
    without: filters.length > 0 || options.name || options.tag ? [] : (profile.skip ?? []),
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
