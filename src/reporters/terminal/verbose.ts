import type { Plan } from '../../core/plan/plan.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { Sample } from '../../core/record/schema.ts'
import { amount } from '../amount.ts'
import { withoutFile } from '../document.ts'
import { benchName } from '../facts.ts'
import type { ReporterKind } from '../reporter.ts'
import { plain } from '../text.ts'
import { terminalReporter } from './default.ts'

/** `round 3 · gvisor · prime verification · events 1,234 events/s`, or the error. */
function sampleLine({ point, platform, round, warmup, values, error }: Sample, plan: Plan | undefined): string {
  const at = plan?.points.find(({ id }) => id === point)
  const bench = plan?.benches.find(({ id }) => id === at?.bench)
  const name = at ? [benchName(at.bench), plain(describeParams(at.params))].filter(Boolean).join(' ') : plain(point)
  const figures = Object.entries(values ?? {}).map(
    ([metric, value]) => `${plain(metric, 60)} ${plain(amount(value, bench?.metrics[metric]?.unit ?? ''), 40)}`,
  )
  const outcome = error === undefined ? figures.join(', ') : `failed: ${plain(error)}`
  return `${warmup ? 'warm-up' : 'round'} ${round} · ${plain(platform, 60)} · ${name} · ${outcome}`
}

export const verbose: ReporterKind = {
  name: 'verbose',
  about: 'default, with a line per sample and every claim that does not hold in detail',
  create(context) {
    withoutFile('verbose', context)
    return terminalReporter({ ...context, verbose: true }, sampleLine)
  },
}
