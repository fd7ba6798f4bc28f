import { basename } from 'node:path'
import { cellsOf, type Plan } from '../../core/plan/plan.ts'
import type { Sample } from '../../core/record/schema.ts'
import type { Report } from '../../core/report/schema.ts'
import type { Reporter } from '../../core/reporting.ts'
import { withoutFile } from '../document.ts'
import type { ReporterContext, ReporterKind } from '../reporter.ts'
import { cut, plain, plural, wrap } from '../text.ts'
import type { View } from './claims.ts'
import { inkFor } from './ink.ts'
import { Pace } from './pace.ts'
import { StatusLine } from './status.ts'
import { problemLines, summary } from './summary.ts'

/** Wider than this, a line is hard to follow. */
const widest = 120

export function viewOf(context: ReporterContext): View {
  const width = Math.max(40, Math.min(context.out.columns || 80, widest))
  return { width, ink: inkFor(context), root: context.root, verbose: context.verbose ?? false }
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
  const view = viewOf(context)
  const status = new StatusLine(out)
  const print = (lines: readonly string[]) => status.print(lines)
  let run: { readonly plan: Plan; readonly pace: Pace } | undefined
  let startedAt: number | undefined
  let errors = 0
  let problemsTold = 0
  return {
    preparing(what) {
      startedAt ??= Date.now()
      if (out.isTTY) status.show(() => `preparing: ${plain(what)}`)
      else print([`preparing: ${plain(what)}`])
    },
    problems(problems) {
      problemsTold = problems.length
      print(problemLines(problems, view))
    },
    planned(plan) {
      startedAt ??= Date.now()
      errors = 0
      run = { plan, pace: new Pace(plan) }
      print(wrap(planLine(plan), view.width))
    },
    measuring(progress) {
      if (!run) return
      const { pace } = run
      const first = pace.begins(progress)
      if (out.isTTY) status.show(() => pace.status(out.columns, errors))
      else if (first) print([pace.line(errors)])
    },
    sampled(sample) {
      if (sample.error !== undefined) errors++
      if (perSample) print([perSample(sample, run?.plan)])
    },
    finished(report) {
      status.clear()
      print(summary(report, view, { problemsTold, ...(startedAt !== undefined && { ms: Date.now() - startedAt }) }))
      // Watch runs again with the same reporter.
      startedAt = undefined
      problemsTold = 0
    },
    stored(runs) {
      for (const { report } of runs) {
        if (runs.length > 1) print(['', view.ink.strong(cut(headingOf(report), view.width))])
        print(summary(report, view, { problemsTold: 0 }))
      }
    },
    stopped() {
      status.clear()
    },
  }
}

const headingOf = ({ record, environment }: Report): string =>
  `═══ ${plain(basename(record))} · ${environment.startedAt} ═══`

function planLine(plan: Plan): string {
  const { benches, profile, profileName, seed, duet } = plan
  const cells = cellsOf(plan)
  const platforms = new Set(cells.map(({ platform }) => platform)).size
  const rounds = `${plural(profile.rounds, 'round')}${profile.warmup > 0 ? ` and ${profile.warmup} to warm up` : ''}`
  return [
    `${plural(benches.length, 'bench', 'benches')} on ${plural(platforms, 'platform')} (${plural(cells.length, 'cell')})`,
    rounds,
    ...(duet ? [`${duet.length} in duet with native`] : []),
    `profile ${plain(profileName, 40)}`,
    `seed ${plain(seed, 40)}`,
  ].join(' · ')
}

export const standard: ReporterKind = {
  name: 'default',
  about: 'for people: the status while it runs, then tables, claims and findings',
  create(context) {
    withoutFile('default', context)
    return terminalReporter(context)
  },
}
