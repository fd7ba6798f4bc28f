import { type Plan, plannedResults } from '../../core/model/plan.ts'
import { failureOf, isUnsupported, type Sample } from '../../core/model/record.ts'
import type { Report } from '../../core/model/report.ts'
import { withTracedValues } from '../../core/model/traced-calls.ts'
import type { Reporter } from '../../core/reporter.ts'
import { withLocation } from '../../dsl/errors.ts'
import { plural, sanitize, truncate, wrap } from '../../util/text.ts'
import { withoutFile } from '../document.ts'
import { failurePlaces } from '../failures.ts'
import { formatQuantity } from '../format.ts'
import type { ReporterContext, ReporterFactory } from '../reporter.ts'
import { formatStop } from '../stop.ts'
import { caseName, recordNames } from '../summary.ts'
import { benchVerdictLines } from './bench-verdicts.ts'
import type { RenderOptions } from './claims.ts'
import { ProgressEstimator, StatusLine } from './status-line.ts'
import { problemLines, summary } from './summary.ts'
import { createColors } from './table.ts'

/** Wider than this, a line is hard to follow. */
const widest = 120

export function renderOptions(context: ReporterContext): RenderOptions {
  const width = Math.max(40, Math.min(context.out.columns || 80, widest))
  return {
    width,
    ink: createColors(context),
    root: context.root,
    all: context.all ?? false,
    isNamed: context.isNamed ?? false,
  }
}

/**
 * A reporter for people: a status while it runs (plain lines where nothing can be repainted), and a summary.
 * @param perSample a line to keep for each sample
 */
export function terminalReporter(
  context: ReporterContext,
  perSample?: (sample: Sample, plan: Plan | undefined, root: string) => string,
): Reporter {
  const { out } = context
  const view = renderOptions(context)
  const status = new StatusLine(out)
  const print = (lines: readonly string[]) => status.print(lines)
  const comparableRuns = (report: Report) => ({ baseline: context.against?.(report), former: context.former?.(report) })
  let run: { readonly plan: Plan; readonly pace: ProgressEstimator } | undefined
  let startedAt: number | undefined
  let waitedMs = 0
  let errors = 0
  return {
    onPrepare(what) {
      startedAt ??= Date.now()
      if (out.isTTY) status.show(() => sanitize(what))
      else print([sanitize(what)])
    },
    onWaited(milliseconds) {
      waitedMs += milliseconds
      if (startedAt !== undefined) startedAt += milliseconds
    },
    onProblems(problems) {
      print(problemLines(problems, view, true))
    },
    onPlan(plan) {
      startedAt ??= Date.now()
      errors = 0
      run = { plan, pace: new ProgressEstimator(plan) }
      print(wrap(planLine(plan), view.width))
    },
    onStop(stop, report) {
      const text = formatStop(stop, report)
      if (text !== undefined) print([sanitize(text)])
    },
    onStepStart(progress) {
      if (!run) return
      const { pace } = run
      const first = pace.begins(progress)
      if (out.isTTY) status.show(() => pace.status(out.columns, errors))
      else if (first) print([pace.line(errors)])
    },
    onSample(sample) {
      if (!sample.outcome.ok && !isUnsupported(sample)) errors++
      if (perSample) print([perSample(sample, run?.plan, view.root)])
    },
    onBenchEnd(verdicts) {
      print(benchVerdictLines(verdicts, view))
    },
    onFinish(report) {
      status.clear()
      const took = startedAt !== undefined && { ms: Date.now() - startedAt, waitedMs }
      const isReportMissing = context.isReportMissing?.() ?? false
      print(summary(report, { ...view, isReportMissing }, { before: comparableRuns(report), ...took }))
      // Watch runs again with the same reporter.
      startedAt = undefined
      waitedMs = 0
    },
    onStoredRuns(runs) {
      const names = recordNames(runs.map(({ report }) => report))
      for (const [at, { report }] of runs.entries()) {
        if (runs.length > 1) print(['', view.ink.strong(truncate(headingOf(names[at]!, report), view.width))])
        print(summary(report, view, { before: comparableRuns(report) }))
      }
    },
    onAbort() {
      status.clear()
    },
  }
}

const headingOf = (record: string, { environment }: Report): string =>
  `═══ ${sanitize(record)} · ${environment.startedAt} ═══`

function planLine(plan: Plan): string {
  const { profile, profileName, seed, duet } = plan
  const results = plannedResults(plan)
  const cases = new Set(results.map((one) => one.case))
  const benches = new Set(plan.cases.flatMap(({ id, bench }) => (cases.has(id) ? [bench] : [])))
  const platforms = new Set(results.map(({ platform }) => platform)).size
  const warmup = profile.warmup > 0 ? ` after ${plural(profile.warmup, 'warm-up round')}` : ''
  const rounds = `${plural(profile.rounds, 'round')}${warmup}`
  return [
    `${plural(benches.size, 'bench', 'benches')} on ${plural(platforms, 'platform')} ` +
      `(${plural(results.length, 'result')})`,
    rounds,
    ...(duet ? [`${duet.length} in duet with native`] : []),
    `profile ${sanitize(profileName, 40)}`,
    `seed ${sanitize(seed, 40)}`,
  ].join(' · ')
}

export const defaultReporter: ReporterFactory = {
  name: 'default',
  description: 'for people: the status while it runs, then what matters on one screen',
  create(context) {
    withoutFile('default', context)
    return terminalReporter(context)
  },
}

/**
 * A character per sample, `x` if it failed, `-` if the platform does not support it, then the same summary as
 * `default`. For long runs in small logs.
 */
export const dot: ReporterFactory = {
  name: 'dot',
  description: 'a character per sample, x for a failed one; then the summary',
  create(context) {
    withoutFile('dot', context)
    const { out } = context
    const { width, ink } = renderOptions(context)
    const {
      onWaited: waited,
      onProblems: problems,
      onPlan: planned,
      onFinish: finished,
      onStoredRuns: stored,
    } = terminalReporter(context)
    let column = 0
    const newLine = () => {
      if (column > 0) out.write('\n')
      column = 0
    }
    return {
      // Also on a terminal as lines: a status that is repainted would overwrite the characters.
      onPrepare(what) {
        newLine()
        for (const line of wrap(sanitize(what), width)) out.write(`${line}\n`)
      },
      ...(waited && { onWaited: waited }),
      onProblems(all) {
        newLine()
        problems?.(all)
      },
      onPlan(plan) {
        newLine()
        planned?.(plan)
      },
      onSample(sample) {
        out.write(sample.outcome.ok ? '.' : isUnsupported(sample) ? '-' : ink.bad('x'))
        if (++column === width) newLine()
      },
      onFinish(report) {
        newLine()
        return finished?.(report)
      },
      ...(stored && { onStoredRuns: stored }),
      onAbort: newLine,
    }
  },
}

/** `round 3 · gvisor · prime verification · events 1,234 events/s`, or the error. */
function sampleLine(sample: Sample, plan: Plan | undefined, root: string): string {
  // Alone, without the other rounds: the report may decide otherwise for some names of an attack profile.
  const [{ case: point, platform, round, warmup, outcome }] = withTracedValues([sample]) as [Sample]
  const at = plan?.cases.find(({ id }) => id === point)
  const bench = plan?.benches.find(({ id }) => id === at?.bench)
  const name = at && bench ? caseName(bench, at.params) : sanitize(point)
  const figures = Object.entries(outcome.ok ? outcome.values : {}).map(
    ([metric, value]) =>
      `${sanitize(metric, 60)} ${sanitize(formatQuantity(value, bench?.metrics[metric]?.unit ?? ''), 40)}`,
  )
  const failure = failureOf(sample)
  const place = bench && failure && failurePlaces({ bench, ...withLocation(bench.location), errors: [failure] }, root)
  const why = isUnsupported(sample) ? 'not supported' : place === undefined ? 'failed' : `failed (${sanitize(place)})`
  const result = outcome.ok ? figures.join(', ') : `${why}: ${sanitize(outcome.error)}`
  // A warm-up round of an attack profile has no figures.
  const where = [warmup ? 'warm-up' : `round ${round}`, sanitize(platform, 60), name]
  return [...where, ...(result ? [result] : [])].join(' · ')
}

export const verbose: ReporterFactory = {
  name: 'verbose',
  description: 'default with --all, and a line per sample',
  create(context) {
    withoutFile('verbose', context)
    return terminalReporter({ ...context, all: true }, sampleLine)
  },
}
