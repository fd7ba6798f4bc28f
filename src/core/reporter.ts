import { setImmediate as nextTurn } from 'node:timers/promises'
import { withRestoredBuiltins } from '../util/builtins.ts'
import type { BenchInfo } from './model/claim.ts'
import type { Plan, Step } from './model/plan.ts'
import type { Sample } from './model/record.ts'
import type { Report } from './model/report.ts'
import { ReportFileError } from './model/report-file-error.ts'
import type { Problem } from './model/suite.ts'
import type { ClaimVerdict } from './model/verdict.ts'

/** The events of a run. Every hook of a reporter is optional. */

/** A step that begins, and the progress of the run. */
export interface Progress extends Step {
  /** Index of the round. */
  readonly round: number
  /** The index of the step's block in the plan. */
  readonly block: number
  readonly warmup: boolean
  /** Number of steps done, of `steps`. */
  readonly done: number
  /** Number of steps of the run. */
  readonly steps: number
}

/** Why measuring ended. */
export interface StopReason {
  /** `first-failure`: with --fail-fast, a round after which the run fails. */
  readonly why: 'all-rounds' | 'all-decided' | 'time-up' | 'first-failure'
  /** Rounds that were begun, without warm-up. */
  readonly rounds: number
  /** The benches that did not fit into the time, with the seconds that each is estimated to take. */
  readonly notMeasured?: readonly { readonly bench: string; readonly seconds: number }[]
}

/** What the samples so far say about one bench. */
export interface BenchVerdicts {
  readonly bench: BenchInfo
  /** The claims about it: its own and those of findings. */
  readonly claims: readonly Omit<ClaimVerdict, 'failsRun'>[]
}

/** Receives the events of a run. Errors of one reporter do not affect the run or other reporters. */
export interface Reporter {
  /** A step before measuring: a probe, a package, a part of the image's build. */
  onPrepare?(what: string): void
  /** The run has the host, after it waited this many milliseconds for another isobench process. */
  onWaited?(milliseconds: number): void
  /** Files and benches that isobench could not use. */
  onProblems?(problems: readonly Problem[]): void
  onPlan?(plan: Plan): void
  onStepStart?(progress: Progress): void
  onSample?(sample: Sample): void
  /**
   * A bench is measured, or an interim look decided its claims. Claims that fail the run by little may still become
   * inconclusive, because the correction for many claims knows all of them only at the end.
   */
  onBenchEnd?(verdicts: BenchVerdicts): void
  /** Measuring ended, and the samples are judged. Not called for an interrupted run. */
  onStop?(stop: StopReason, report: Report): void
  /** The run has ended or was interrupted, or `judge` has judged a record. */
  onFinish?(report: Report): Promise<void> | void
  /** Reports of one or more stored runs. Without this hook, `onFinish` is called for each of them. */
  onStoredRuns?(runs: readonly StoredRun[]): Promise<void> | void
  /** The run ends without `onFinish`, because of an error that isobench prints. */
  onAbort?(): void
}

/** The report of a stored run, and its plan. */
export interface StoredRun {
  readonly report: Report
  readonly plan: Plan
}

export { ReportFileError }

export interface NamedReporter {
  readonly name: string
  readonly reporter: Reporter
}

/**
 * Passes every event to all reporters, in their order. If one throws, `onBroken` is called once for it, and it still
 * gets later events.
 * @param onPending called at the end for a hook that has not ended, and that nothing waits for
 * @returns a reporter that throws a `ReportFileError` in `onFinish` and `onStoredRuns`, after all reporters were called
 */
export function multiplexReporters(
  reporters: readonly NamedReporter[],
  onBroken: (name: string, error: unknown) => void,
  onPending: (name: string, hook: keyof Reporter) => void = () => {},
): Required<Reporter> {
  const broken = new Set<NamedReporter>()
  const pending = new Set<{ readonly one: NamedReporter; readonly hook: keyof Reporter }>()
  const guard = async (one: NamedReporter, act: () => Promise<void> | void): Promise<ReportFileError | undefined> => {
    try {
      await withRestoredBuiltins('it', act)
    } catch (error) {
      if (error instanceof ReportFileError) return error
      if (!broken.has(one)) onBroken(one.name, error)
      broken.add(one)
    }
    return undefined
  }
  // The part of `act` that is not asynchronous has run when this returns.
  const notify = (hook: keyof Reporter, act: (reporter: Reporter) => void) => {
    for (const one of reporters) {
      const call = { one, hook }
      pending.add(call)
      void guard(one, () => act(one.reporter)).finally(() => pending.delete(call))
    }
  }
  const reportPending = async () => {
    if (pending.size === 0) return
    // A hook that waits for nothing needs a turn, too.
    await nextTurn()
    const named = new Set<NamedReporter>()
    for (const { one, hook } of pending) {
      if (!named.has(one)) onPending(one.name, hook)
      named.add(one)
    }
  }
  const notifyInTurn = async (act: (reporter: Reporter) => Promise<void> | void) => {
    const failed: ReportFileError[] = []
    for (const one of reporters) failed.push(...[(await guard(one, () => act(one.reporter))) ?? []].flat())
    await reportPending()
    if (failed[0]) throw failed[0]
  }
  return {
    onPrepare: (what) => notify('onPrepare', (one) => one.onPrepare?.(what)),
    onWaited: (milliseconds) => notify('onWaited', (one) => one.onWaited?.(milliseconds)),
    onProblems: (problems) => notify('onProblems', (one) => one.onProblems?.(problems)),
    onPlan: (plan) => notify('onPlan', (one) => one.onPlan?.(plan)),
    onStepStart: (progress) => notify('onStepStart', (one) => one.onStepStart?.(progress)),
    onSample: (sample) => notify('onSample', (one) => one.onSample?.(sample)),
    onBenchEnd: (verdicts) => notify('onBenchEnd', (one) => one.onBenchEnd?.(verdicts)),
    onStop: (stop, report) => notify('onStop', (one) => one.onStop?.(stop, report)),
    onFinish: (report) => notifyInTurn((one) => one.onFinish?.(report)),
    onStoredRuns: (runs) =>
      notifyInTurn(async (one) => {
        if (one.onStoredRuns) return one.onStoredRuns(runs)
        for (const { report } of runs) await one.onFinish?.(report)
      }),
    onAbort: () => notify('onAbort', (one) => one.onAbort?.()),
  }
}
