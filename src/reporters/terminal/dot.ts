import { withoutFile } from '../document.ts'
import type { ReporterKind } from '../reporter.ts'
import { terminalReporter, viewOf } from './default.ts'

/** A character per sample, `x` where it failed, then the same summary as `default`. For long runs in small logs. */
export const dot: ReporterKind = {
  name: 'dot',
  about: 'a character per sample, x for a failed one; then the summary',
  create(context) {
    withoutFile('dot', context)
    const { out } = context
    const { width, ink } = viewOf(context)
    const { problems, planned, finished, stored } = terminalReporter(context)
    let column = 0
    const newLine = () => {
      if (column > 0) out.write('\n')
      column = 0
    }
    return {
      problems(all) {
        newLine()
        problems?.(all)
      },
      planned(plan) {
        newLine()
        planned?.(plan)
      },
      sampled({ error }) {
        out.write(error === undefined ? '.' : ink.bad('x'))
        if (++column === width) newLine()
      },
      finished(report) {
        newLine()
        return finished?.(report)
      },
      ...(stored && { stored }),
      stopped: newLine,
    }
  },
}
