import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal, run as measureAndJudge } from '../core/measure/measure-project.ts'
import { failFast } from '../core/measure/run-loop.ts'
import type { Report } from '../core/model/report.ts'
import { loadProject, type Project } from '../core/project/config.ts'
import { createPlan } from '../core/project/plan.ts'
import {
  baselineFile,
  checkBaselineName,
  compareSameHost,
  hasRegressed,
  saveBaseline,
} from '../core/records/baseline.ts'
import { readRecord } from '../core/records/record-file.ts'
import { ensureArtifacts, ensureDependencies } from '../core/session/artifacts.ts'
import { excludeUntraceable, probePlatforms } from '../core/session/probe.ts'
import { Session } from '../core/session/session.ts'
import { ensureImage, findImage, ImageError } from '../host/image.ts'
import { imageLacksProgram } from '../host/image-recipe.ts'
import { drivers } from '../platforms/index.ts'
import { comparisonText } from '../reporters/comparison.ts'
import { InterruptedError } from '../util/errors.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions } from './options.ts'
import { confirm, createReporters, showPlan } from './setup.ts'

export const command = defineCommand({
  description:
    'Measures the benches on the platforms of the config, judges the claims and reports the verdicts. ' +
    'This is the default command: isobench startup is isobench run startup.',
  arguments: [benchFilters],
  options: pickOptions(
    'platform',
    'name',
    'tag',
    'shard',
    'lastFailed',
    'forbidOnly',
    'profile',
    'rounds',
    'seconds',
    'timeout',
    'maxDuration',
    'duet',
    'seed',
    'remeasure',
    'failFast',
    'dryRun',
    'strict',
    'strictFindings',
    'baseline',
    'saveBaseline',
    'margin',
    'allowDifferentHosts',
    'reporter',
    'json',
    'verbose',
    'install',
    'waitForLock',
    'config',
  ),
  examples: [
    { line: 'run startup --platform native,runc', description: 'start-up on two platforms' },
    { line: 'run --profile full --rounds 10..30', description: 'until all claims are decided' },
    { line: 'run --baseline main --save-baseline main', description: 'compare, then move it on' },
  ],
  run: runBenches,
})

async function runBenches(filters: readonly string[], options: Options, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, options.config)
  // Before hours of measuring, not after.
  if (options.saveBaseline !== undefined) checkBaselineName(options.saveBaseline)
  const name = options.baseline
  const baseline = name === undefined ? undefined : { name, file: baselineFile(project.root, name) }
  if (baseline) readRecord(baseline.file)
  const opened = createReporters(options, project.root, io, baseline)
  const stopping = new AbortController()
  const reporter = options.failFast ? failFast(opened, () => stopping.abort()) : opened
  const { plan, platforms, collected, notes } = await createPlan(project, drivers, { ...options, filters })
  if (collected.suite.problems.length > 0) reporter.onProblems(collected.suite.problems)
  for (const note of notes) reporter.onPrepare(note)
  if (options.dryRun) {
    io.out.write(showPlan(plan, platforms))
    return 0
  }
  using interruption = interruptSignal(() => reporter.onPrepare('interrupted: ending what runs, then cleaning up'))
  try {
    const signal = AbortSignal.any([interruption.signal, stopping.signal])
    return await finishRun({ project, plan, platforms, collected, options, reporter, signal, stopping }, io)
  } catch (error) {
    reporter.onAbort()
    throw error
  }
}

interface Measured extends Omit<Awaited<ReturnType<typeof createPlan>>, 'notes'> {
  readonly project: Project
  readonly options: Options
  readonly reporter: ReturnType<typeof createReporters>
  readonly signal: AbortSignal
  /** Aborted by --fail-fast. */
  readonly stopping: AbortController
}

async function finishRun({ stopping, ...means }: Measured, io: CommandIo): Promise<number> {
  const judged = await measureProject(means, io)
  const report = stopping.signal.aborted ? { ...judged, exitCode: exitCodes.regressed } : judged
  // A report that cannot be written is told last: a baseline is compared with and saved all the same.
  let unwritten: unknown
  try {
    await means.reporter.onFinish(report)
  } catch (error) {
    unwritten = error
  }
  const exitCode = compareWithBaseline(report, means.project, means.options, io)
  if (unwritten) throw unwritten
  return exitCode
}

/** Takes the machine, finds out what works on it, measures and judges; gives the machine back before anything is told. */
export async function measureProject(
  { project, plan, platforms, collected, options, reporter, signal }: Omit<Measured, 'stopping'>,
  io: CommandIo,
): Promise<Report> {
  const tell = reporter.onPrepare
  await ensureDependencies({
    install: options.install,
    needsImage: !findImage(project.image),
    platforms,
    confirm: (question) => confirm(question, io),
    onProgress: tell,
    signal,
  })
  await using session = await Session.open(project.guest, {
    purpose: `running ${plan.benches.length} benches of ${project.root}`,
    wait: options.waitForLock,
    onWait: ({ pid, purpose, since }) => tell(`waiting for process ${pid}, ${purpose}, since ${since}`),
    signal,
  })
  const image = await ensureImage(project.image, {
    journal: session.journal,
    signal,
    onLine: (line) => tell(`building the image: ${line}`),
  })
  const timedInGuest = plan.benches.find(({ workload }) => workload.kind === 'in-guest')
  if (timedInGuest && imageLacksProgram(image.rootfs, 'node')) {
    throw new ImageError(
      `the image ${image.rootfs} has no node, which times "${timedInGuest.name}" inside guests`,
      "install Node.js in it, or leave that bench out: isobench run --name '…'",
    )
  }
  const { skipEmulated } = plan.profile
  await ensureArtifacts(platforms, image.rootfs, { journal: session.journal, signal, onLine: tell }, skipEmulated)
  tell(`probing ${platforms.map(({ spec }) => spec.name).join(', ')}`)
  const planned = await probePlatforms(platforms, session, image, skipEmulated)
  const watchable = await excludeUntraceable(plan, session, tell)
  if (signal.aborted) throw new InterruptedError('interrupted before anything was measured')
  return await measureAndJudge({
    project,
    collected,
    plan: { ...watchable, platforms: planned },
    platforms,
    image,
    session,
    reporter,
    ...(options.baseline !== undefined &&
      !options.allowDifferentHosts && { before: readRecord(baselineFile(project.root, options.baseline)) }),
    remeasure: options.remeasure,
    strict: options.strict,
    strictFindings: options.strictFindings,
    ...(options.maxDuration !== undefined && { timeLimit: options.maxDuration }),
  })
}

/** Compares with the baseline first, so that `--baseline main --save-baseline main` moves it on. Returns the exit code. */
function compareWithBaseline(report: Report, project: Project, options: Options, io: CommandIo): number {
  let { exitCode } = report
  try {
    if (options.baseline !== undefined) {
      const before = readRecord(baselineFile(project.root, options.baseline))
      const comparison = compareSameHost(before, readRecord(report.record), {
        marginPercent: options.margin,
        allowDifferentHosts: options.allowDifferentHosts,
      })
      // Standard output is the reporters' own where one of them writes JSON to it.
      const to = options.json ? io.err : io.out
      to.write(`\n${comparisonText(comparison)}`)
      if (hasRegressed(comparison) && exitCode !== exitCodes.interrupted) exitCode = exitCodes.regressed
      else if (exitCode === exitCodes.nothing && comparison.rows.some(({ ratio }) => ratio)) exitCode = exitCodes.clean
    }
  } finally {
    if (options.saveBaseline !== undefined && report.status === 'finished')
      saveBaseline(project.root, options.saveBaseline, report.record)
  }
  return exitCode
}
