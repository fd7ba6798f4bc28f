import { UsageError } from '../util/errors.ts'
import type { Plan, Step } from './model/plan.ts'
import type { Sample } from './model/record.ts'
import type { Report } from './model/report.ts'
import type { Problem } from './model/suite.ts'

/** What a run tells while it goes. Reporters take what they need; every hook may be left out. */

/** One step that begins, and how far the run is. */
export interface Progress extends Step {
  readonly round: number
  readonly warmup: boolean
  /** Steps done, of `steps`. */
  readonly done: number
  readonly steps: number
}

/** Why measuring ended. */
export interface StopReason {
  /** `first-failure`: with --fail-fast, a round after which a verdict fails the run. */
  readonly why: 'all-rounds' | 'all-decided' | 'time-up' | 'first-failure'
  /** Rounds that were begun, without warm-up. */
  readonly rounds: number
}

export interface Reporter {
  /** What isobench does before it measures: a probe, a package, a step of the image's build. */
  onPrepare?(what: string): void
  /** Files and benches that cannot be used. */
  onProblems?(problems: readonly Problem[]): void
  onPlan?(plan: Plan): void
  onStepStart?(progress: Progress): void
  onSample?(sample: Sample): void
  /** Measuring ended, and the samples are judged. Not called for an interrupted run. */
  onStop?(stop: StopReason, report: Report): void
  /** The end, also of an interrupted run and of `judge`. */
  onFinish?(report: Report): Promise<void> | void
  /** Reports on stored runs, later: one or several. Without it, each is told as `finished`, one after the other. */
  onStoredRuns?(runs: readonly StoredRun[]): Promise<void> | void
  /** The run ends without `finished`, because of an error that is told elsewhere. */
  onAbort?(): void
}

export interface StoredRun {
  readonly report: Report
  readonly plan: Plan
}

/** A file that was asked for cannot be written: unlike any other fault of a reporter, this is told by the exit code. */
export class ReportFileError extends UsageError {}

export interface NamedReporter {
  readonly name: string
  readonly reporter: Reporter
}

/**
 * Tells every reporter, in their order. One that throws hurts neither the run nor the others: `broke` hears of it once, and
 * it is still told what comes. `finished` and `stored` throw a `ReportFileError` after all have been told.
 */
export function multiplexReporters(
  reporters: readonly NamedReporter[],
  onBroken: (name: string, error: unknown) => void,
): Required<Reporter> {
  const broken = new Set<NamedReporter>()
  const guard = async (one: NamedReporter, act: () => Promise<void> | void): Promise<ReportFileError | undefined> => {
    try {
      await act()
    } catch (error) {
      if (error instanceof ReportFileError) return error
      if (!broken.has(one)) onBroken(one.name, error)
      broken.add(one)
    }
    return undefined
  }
  // The part of `act` that is not asynchronous has run when this returns.
  const tell = (act: (reporter: Reporter) => void) => {
    for (const one of reporters) void guard(one, () => act(one.reporter))
  }
  const tellInTurn = async (act: (reporter: Reporter) => Promise<void> | void) => {
    const failed: ReportFileError[] = []
    for (const one of reporters) failed.push(...[(await guard(one, () => act(one.reporter))) ?? []].flat())
    if (failed[0]) throw failed[0]
  }
  return {
    onPrepare: (what) => tell((one) => one.onPrepare?.(what)),
    onProblems: (problems) => tell((one) => one.onProblems?.(problems)),
    onPlan: (plan) => tell((one) => one.onPlan?.(plan)),
    onStepStart: (progress) => tell((one) => one.onStepStart?.(progress)),
    onSample: (sample) => tell((one) => one.onSample?.(sample)),
    onStop: (stop, report) => tell((one) => one.onStop?.(stop, report)),
    onFinish: (report) => tellInTurn((one) => one.onFinish?.(report)),
    onStoredRuns: (runs) =>
      tellInTurn(async (one) => {
        if (one.onStoredRuns) return one.onStoredRuns(runs)
        for (const { report } of runs) await one.onFinish?.(report)
      }),
    onAbort: () => tell((one) => one.onAbort?.()),
  }
}
