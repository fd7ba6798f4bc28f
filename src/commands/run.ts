import { compareLike, hasRegressed } from '../core/baseline/refuse.ts'
import { baselineFile, checkBaselineName, saveBaseline } from '../core/baseline/store.ts'
import { comparisonText } from '../core/baseline/text.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import { ensureParts } from '../core/parts.ts'
import { probePlatforms } from '../core/probe.ts'
import { withoutAbsent } from '../core/probe-instruments.ts'
import { loadProject, type Project } from '../core/project.ts'
import { readRecord } from '../core/record/reader.ts'
import type { Report } from '../core/report/schema.ts'
import { run as measureAndJudge, untilInterrupted } from '../core/run.ts'
import { Session } from '../core/session.ts'
import { InterruptedError } from '../errors.ts'
import { ensureImage, findImage, ImageError } from '../guest/image/image.ts'
import { lacksProgram } from '../guest/image/programs.ts'
import { failFast } from '../reporters/fail-fast.ts'
import type { Io, Run } from './command.ts'
import { equip } from './equip.ts'
import { checkOptions, type Options } from './options.ts'
import { planOf } from './plan.ts'
import { openReporters } from './reporters.ts'
import { showPlan } from './show-plan.ts'

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
    ...(options.baseline !== undefined &&
      !options.unlike && { before: readRecord(baselineFile(project.root, options.baseline)) }),
    retake: options.retake,
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
