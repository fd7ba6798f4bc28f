import { randomBytes } from 'node:crypto'
import { compareLike, hasRegressed } from '../core/baseline/refuse.ts'
import { baselineFile, checkBaselineName, saveBaseline } from '../core/baseline/store.ts'
import { comparisonText } from '../core/baseline/text.ts'
import { collect } from '../core/collect/collect.ts'
import type { BenchData, Suite } from '../core/collect/types.ts'
import { AuthoringError } from '../core/errors.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import { ensureParts } from '../core/parts.ts'
import { isForDuet } from '../core/plan/duet.ts'
import {
  type LeftOut,
  narrow,
  type Plan,
  pointsOf,
  selectBenches,
  selectPlatforms,
  shardOf,
} from '../core/plan/plan.ts'
import { probePlatforms, resolvePlatforms } from '../core/probe.ts'
import { withoutAbsent } from '../core/probe-instruments.ts'
import { benchFiles, filterFiles, loadProject, type Project, type ResolvedProfile } from '../core/project.ts'
import { lastFailed } from '../core/record/history-failed.ts'
import { readRecord } from '../core/record/reader.ts'
import type { Report } from '../core/report/schema.ts'
import { run as measureAndJudge, untilInterrupted } from '../core/run.ts'
import type { ScheduledPlan } from '../core/schedule/plan.ts'
import { Session } from '../core/session.ts'
import { planLooks } from '../core/stats/index.ts'
import { InterruptedError, UsageError } from '../errors.ts'
import { assignPair } from '../guest/cores.ts'
import { ensureImage, findImage, ImageError } from '../guest/image/image.ts'
import { lacksProgram } from '../guest/image/programs.ts'
import { nearest } from '../nearest.ts'
import { drivers } from '../platforms/index.ts'
import { failFast } from '../reporters/fail-fast.ts'
import type { Io, Run } from './command.ts'
import { equip } from './equip.ts'
import { checkOptions, type Options } from './options.ts'
import { openReporters } from './reporters.ts'
import { showPlan } from './show-plan.ts'

/** The profile, with what the command line changes of it. */
export function profileOf(project: Project, options: Options): ResolvedProfile {
  const known = Object.keys(project.profiles)
  const profile = Object.hasOwn(project.profiles, options.profile) ? project.profiles[options.profile] : undefined
  if (!profile) {
    const close = nearest(options.profile, known)
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

export async function planOf(project: Project, filters: readonly string[], options: Options) {
  const files = await benchFiles(project)
  const chosen = filterFiles(project, files, filters)
  const profile = profileOf(project, options)
  const all = resolvePlatforms(project.platforms, drivers, project.configFile)
  const names = selectPlatforms(
    all.map(({ spec }) => spec),
    options.platform,
  ).map(({ name }) => name)
  const platforms = all.filter(({ spec }) => names.includes(spec.name))
  const { suite: whole, compiled } = await collect(project.root, files)
  const suite = narrow(whole, chosen)
  if (options.forbidOnly ?? process.env.CI === 'true') forbidOnly(suite)
  const selected = selectBenches(suite, {
    names: options.name ?? [],
    tags: options.tag ?? [],
    profile: options.profile,
    without: filters.length > 0 || options.name || options.tag ? [] : (profile.skip ?? []),
  })
  const { benches, left, notes } = partOf(selected, project.root, options)
  if (benches.length === 0 && suite.problems.length > 0) throw new AuthoringError(suite.problems)
  if (benches.length === 0)
    throw new UsageError('no bench is left to run', 'loosen --name and --tag, or look at: isobench list')
  const duet = duetOf(benches, project, options)
  const first = options.firstLook
  const plan: Omit<ScheduledPlan, 'platforms'> = {
    seed: options.seed ?? `r${randomBytes(5).toString('hex')}`,
    profileName: options.profile,
    profile,
    benches,
    points: benches.flatMap(pointsOf),
    findings: suite.findings,
    ...(duet.length > 0 && { duet }),
    left,
    looks: first && first < profile.rounds ? planLooks({ first, last: profile.rounds }) : undefined,
  }
  return { plan, platforms, collected: { suite, compiled }, notes }
}

/**
 * The benches that native and a platform run at the same time.
 * @throws MachineError when there are too few cores; UsageError when --duet is asked for and no bench is fit for it.
 */
function duetOf(benches: readonly BenchData[], project: Project, { duet }: Options): string[] {
  const fit = (duet ?? project.duet) ? benches.filter(isForDuet) : []
  if (duet && fit.length === 0)
    throw new UsageError(
      '--duet is for benches of CPU and memory, and none of those to run is one',
      "give a bench tags: ['cpu'] or ['memory'], or leave --duet out",
    )
  if (fit.length > 0) assignPair(project.guest.cpus)
  return fit.map(({ id }) => id)
}

/** @throws AuthoringError with the place of each `bench.only`. */
function forbidOnly({ benches }: Suite): void {
  const marked = benches.filter(({ mode }) => mode === 'only')
  if (marked.length === 0) return
  throw new AuthoringError(
    marked.map(({ file, name, location }) => ({
      file,
      message: `"${name}" is marked .only, and the other benches would be left out`,
      fix: 'take .only away, or run with --no-forbid-only',
      ...(location && { location }),
    })),
  )
}

/** What --last-failed and --shard leave of the selected benches, and what there is to say of that. */
function partOf({ benches: selected, left }: Pick<Plan, 'benches' | 'left'>, root: string, options: Options) {
  const failed = options.lastFailed ? lastFailed(root) : undefined
  const wanted = failed && failed.size > 0 ? selected.filter(({ id }) => failed.has(id)) : selected
  const benches = options.shard && wanted.length > 0 ? shardOf(wanted, options.shard) : wanted
  const without = (kept: Plan['benches'], of: Plan['benches'], why: LeftOut) =>
    of.filter((bench) => !kept.includes(bench)).map(({ id }) => ({ bench: id, why }))
  return {
    benches,
    left: [...left, ...without(wanted, selected, 'passed'), ...without(benches, wanted, 'shard')],
    notes: failed?.size === 0 ? ['nothing failed in the latest run: all benches are measured'] : [],
  }
}

export const run: Run = async (filters, given, io) => {
  const options = checkOptions(given)
  const project = await loadProject(io.cwd, options.config)
  // Before hours of measuring, not after.
  if (options.save !== undefined) checkBaselineName(options.save)
  const name = options.baseline
  const baseline = name === undefined ? undefined : { name, file: baselineFile(project.root, name) }
  if (baseline) readRecord(baseline.file)
  const opened = openReporters(options, project.root, io, baseline)
  const stopping = new AbortController()
  const reporter = options.failFast ? failFast(opened, () => stopping.abort()) : opened
  const { plan, platforms, collected, notes } = await planOf(project, filters, options)
  if (collected.suite.problems.length > 0) reporter.problems(collected.suite.problems)
  for (const note of notes) reporter.preparing(note)
  if (options.dryRun) {
    io.out.write(showPlan(plan, platforms))
    return 0
  }
  using interruption = untilInterrupted(() => reporter.preparing('interrupted: ending what runs, then cleaning up'))
  try {
    const signal = AbortSignal.any([interruption.signal, stopping.signal])
    return await measured({ project, plan, platforms, collected, options, reporter, signal, stopping }, io)
  } catch (error) {
    reporter.stopped()
    throw error
  }
}

interface Measured extends Omit<Awaited<ReturnType<typeof planOf>>, 'notes'> {
  readonly project: Project
  readonly options: Options
  readonly reporter: ReturnType<typeof openReporters>
  readonly signal: AbortSignal
  /** Aborted by --fail-fast. */
  readonly stopping: AbortController
}

async function measured({ stopping, ...means }: Measured, io: Io): Promise<number> {
  const judged = await measureHere(means, io)
  const report = stopping.signal.aborted ? { ...judged, exitCode: exitCodes.regressed } : judged
  // A report that cannot be written is told last: a baseline is compared with and saved all the same.
  let unwritten: unknown
  try {
    await means.reporter.finished(report)
  } catch (error) {
    unwritten = error
  }
  const exitCode = afterwards(report, means.project, means.options, io)
  if (unwritten) throw unwritten
  return exitCode
}

/** Takes the machine, finds out what works on it, measures and judges; gives the machine back before anything is told. */
export async function measureHere(
  { project, plan, platforms, collected, options, reporter, signal }: Omit<Measured, 'stopping'>,
  io: Io,
): Promise<Report> {
  const tell = reporter.preparing
  await equip({ install: options.install, needsImage: !findImage(project.image), platforms, tell, signal }, io)
  await using session = await Session.open(project.guest, {
    purpose: `running ${plan.benches.length} benches of ${project.root}`,
    wait: options.wait,
    onWait: ({ pid, purpose, since }) => tell(`waiting for process ${pid}, ${purpose}, since ${since}`),
    signal,
  })
  const image = await ensureImage(project.image, {
    ledger: session.ledger,
    signal,
    onLine: (line) => tell(`building the image: ${line}`),
  })
  const timedInGuest = plan.benches.find(({ workload }) => workload.kind === 'in-guest')
  if (timedInGuest && lacksProgram(image.rootfs, 'node')) {
    throw new ImageError(
      `the image ${image.rootfs} has no node, which times "${timedInGuest.name}" inside guests`,
      "install Node.js in it, or leave that bench out: isobench run --name '…'",
    )
  }
  const { skip } = plan.profile
  await ensureParts(platforms, image.rootfs, { ledger: session.ledger, signal, onLine: tell }, skip)
  tell(`probing ${platforms.map(({ spec }) => spec.name).join(', ')}`)
  const planned = await probePlatforms(platforms, session, image, skip)
  const watchable = await withoutAbsent(plan, session, tell)
  if (signal.aborted) throw new InterruptedError('interrupted before anything was measured')
  return await measureAndJudge({
    project,
    collected,
    plan: { ...watchable, platforms: planned },
    platforms,
    image,
    session,
    reporter,
    strict: options.strict,
    strictPaper: options.strictPaper,
    ...(options.time !== undefined && { timeLimit: options.time }),
  })
}

/** Compares with the baseline first, so that `--baseline main --save main` moves it on. Returns the exit code. */
function afterwards(report: Report, project: Project, options: Options, io: Io): number {
  let { exitCode } = report
  try {
    if (options.baseline !== undefined) {
      const before = readRecord(baselineFile(project.root, options.baseline))
      const comparison = compareLike(before, readRecord(report.record), {
        marginPercent: options.margin,
        unlike: options.unlike,
      })
      // Standard output is the reporters' own where one of them writes JSON to it.
      const to = options.json ? io.err : io.out
      to.write(`\n${comparisonText(comparison)}`)
      if (hasRegressed(comparison) && exitCode !== exitCodes.interrupted) exitCode = exitCodes.regressed
      else if (exitCode === exitCodes.nothing && comparison.rows.some(({ ratio }) => ratio)) exitCode = exitCodes.clean
    }
  } finally {
    if (options.save !== undefined && report.how === 'finished') saveBaseline(project.root, options.save, report.record)
  }
  return exitCode
}
