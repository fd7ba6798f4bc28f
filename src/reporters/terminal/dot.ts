import { withoutFile } from '../document.ts'
import type { ReporterFactory } from '../reporter.ts'
import { renderOptions, terminalReporter } from './default.ts'

/** A character per sample, `x` where it failed, then the same summary as `default`. For long runs in small logs. */
export const dot: ReporterFactory = {
  name: 'dot',
  description: 'a character per sample, x for a failed one; then the summary',
  create(context) {
    withoutFile('dot', context)
    const { out } = context
    const { width, ink } = renderOptions(context)
    const {
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
      onProblems(all) {
        newLine()
        problems?.(all)
      },
      onPlan(plan) {
        newLine()
        planned?.(plan)
      },
      onSample({ error }) {
        out.write(error === undefined ? '.' : ink.bad('x'))
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
