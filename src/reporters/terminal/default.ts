import { basename } from 'node:path'
import { type Plan, plannedResults } from '../../core/plan/plan.ts'
import type { Sample } from '../../core/record/schema.ts'
import type { Report } from '../../core/report/schema.ts'
import type { Reporter } from '../../core/reporting.ts'
import { withoutFile } from '../document.ts'
import type { ReporterContext, ReporterFactory } from '../reporter.ts'
import { plural, sanitize, truncate, wrap } from '../text.ts'
import type { RenderOptions } from './claims.ts'
import { createColors } from './ink.ts'
import { ProgressEstimator } from './pace.ts'
import { StatusLine } from './status.ts'
import { problemLines, summary } from './summary.ts'

/** Wider than this, a line is hard to follow. */
const widest = 120

export function renderOptions(context: ReporterContext): RenderOptions {
  const width = Math.max(40, Math.min(context.out.columns || 80, widest))
  return { width, ink: createColors(context), root: context.root, verbose: context.verbose ?? false }
}

/**
 * A reporter for people: a status while it runs (plain lines where nothing can be repainted), and a summary.
 * @param perSample a line to keep for each sample
 */
export function terminalReporter(
  context: ReporterContext,
  perSample?: (sample: Sample, plan: Plan | undefined) => string,
): Reporter {
  const { out } = context
  const view = renderOptions(context)
  const status = new StatusLine(out)
  const print = (lines: readonly string[]) => status.print(lines)
  let run: { readonly plan: Plan; readonly pace: ProgressEstimator } | undefined
  let startedAt: number | undefined
  let errors = 0
  let problemsTold = 0
  return {
    onPrepare(what) {
      startedAt ??= Date.now()
      if (out.isTTY) status.show(() => `preparing: ${sanitize(what)}`)
      else print([`preparing: ${sanitize(what)}`])
    },
    onProblems(problems) {
      problemsTold = problems.length
      print(problemLines(problems, view))
    },
    onPlan(plan) {
      startedAt ??= Date.now()
      errors = 0
      run = { plan, pace: new ProgressEstimator(plan) }
      print(wrap(planLine(plan), view.width))
    },
    onStepStart(progress) {
      if (!run) return
      const { pace } = run
      const first = pace.begins(progress)
      if (out.isTTY) status.show(() => pace.status(out.columns, errors))
      else if (first) print([pace.line(errors)])
    },
    onSample(sample) {
      if (sample.error !== undefined) errors++
      if (perSample) print([perSample(sample, run?.plan)])
    },
    onFinish(report) {
      status.clear()
      print(summary(report, view, { problemsTold, ...(startedAt !== undefined && { ms: Date.now() - startedAt }) }))
      // Watch runs again with the same reporter.
      startedAt = undefined
      problemsTold = 0
    },
    onStoredRuns(runs) {
      for (const { report } of runs) {
        if (runs.length > 1) print(['', view.ink.strong(truncate(headingOf(report), view.width))])
        print(summary(report, view, { problemsTold: 0 }))
      }
    },
    onAbort() {
      status.clear()
    },
  }
}

const headingOf = ({ record, environment }: Report): string =>
  `═══ ${sanitize(basename(record))} · ${environment.startedAt} ═══`

function planLine(plan: Plan): string {
  const { benches, profile, profileName, seed, duet } = plan
  const cells = plannedResults(plan)
  const platforms = new Set(cells.map(({ platform }) => platform)).size
  const rounds = `${plural(profile.rounds, 'round')}${profile.warmup > 0 ? ` and ${profile.warmup} to warm up` : ''}`
  return [
    `${plural(benches.length, 'bench', 'benches')} on ${plural(platforms, 'platform')} (${plural(cells.length, 'cell')})`,
    rounds,
    ...(duet ? [`${duet.length} in duet with native`] : []),
    `profile ${sanitize(profileName, 40)}`,
    `seed ${sanitize(seed, 40)}`,
  ].join(' · ')
}

export const defaultReporter: ReporterFactory = {
  name: 'default',
  description: 'for people: the status while it runs, then tables, claims and findings',
  create(context) {
    withoutFile('default', context)
    return terminalReporter(context)
  },
}
