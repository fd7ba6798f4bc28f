import type { Plan } from '../../core/plan/plan.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { Sample } from '../../core/record/schema.ts'
import { formatQuantity } from '../amount.ts'
import { withoutFile } from '../document.ts'
import { benchName } from '../facts.ts'
import type { ReporterFactory } from '../reporter.ts'
import { sanitize } from '../text.ts'
import { terminalReporter } from './default.ts'

/** `round 3 · gvisor · prime verification · events 1,234 events/s`, or the error. */
function sampleLine({ case: point, platform, round, warmup, values, error }: Sample, plan: Plan | undefined): string {
  const at = plan?.cases.find(({ id }) => id === point)
  const bench = plan?.benches.find(({ id }) => id === at?.bench)
  const name = at
    ? [benchName(at.bench), sanitize(describeParams(at.params))].filter(Boolean).join(' ')
    : sanitize(point)
  const figures = Object.entries(values ?? {}).map(
    ([metric, value]) =>
      `${sanitize(metric, 60)} ${sanitize(formatQuantity(value, bench?.metrics[metric]?.unit ?? ''), 40)}`,
  )
  const outcome = error === undefined ? figures.join(', ') : `failed: ${sanitize(error)}`
  return `${warmup ? 'warm-up' : 'round'} ${round} · ${sanitize(platform, 60)} · ${name} · ${outcome}`
}

export const verbose: ReporterFactory = {
  name: 'verbose',
  description: 'default, with a line per sample and every claim that does not hold in detail',
  create(context) {
    withoutFile('verbose', context)
    return terminalReporter({ ...context, verbose: true }, sampleLine)
  },
}
