import { describeParams } from '../../core/model/plan.ts'
import type { Outcome } from '../../core/model/verdict.ts'
import type { BenchVerdicts } from '../../core/reporter.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { comparative, figure, formatEstimateUnit, formatPlatforms } from '../format.ts'
import { signs } from '../headline/words.ts'
import { benchName, verdictSymbols } from '../summary.ts'
import type { RenderOptions } from './claims.ts'
import { verdictColor } from './table.ts'

/** The verdicts of a bench as soon as it is measured: one line for each metric with claims. */

type Verdict = BenchVerdicts['claims'][number]

/** The worst first. */
const ranks: readonly ((verdict: Verdict) => boolean)[] = [
  ({ outcome, direction }) => outcome === 'contradicted' && direction === 'worse',
  ({ outcome }) => outcome === 'contradicted',
  ({ outcome }) => outcome === 'inconclusive',
  ({ outcome }) => outcome === 'holds',
]

/** The claims that samples could decide, each subject once with its worst verdict, the worst first. */
function worstOfEach(claims: readonly Verdict[]): Verdict[] {
  const ordered = ranks.flatMap((rank, at) =>
    claims.filter((one) => rank(one) && !ranks.slice(0, at).some((former) => former(one))),
  )
  const subjects = new Set<string>()
  return ordered.filter((verdict) => {
    const subject = JSON.stringify([verdict.platforms, describeParams(verdict.params)])
    const isNew = !subjects.has(subject)
    subjects.add(subject)
    return isNew
  })
}

/** `gvisor rw=read 0.87 ×native`. */
function subjectOf(verdict: Verdict): string {
  const params = describeParams(verdict.params)
  const value = verdict.estimate ? `${figure(verdict.estimate.value)} ${formatEstimateUnit(verdict)}` : ''
  return [formatPlatforms(verdict), params, value].filter(Boolean).join(' ')
}

/** `✗ prime verification · events: 9 hold; worse: gvisor 0.87 ×native, gvisor-ptrace 0.73 ×native`. */
export function benchVerdictLines({ bench, claims }: BenchVerdicts, { width, ink }: RenderOptions): string[] {
  const metrics = [...new Set(claims.map(({ claim }) => claim.metric))]
  return metrics.flatMap((metric) => {
    const verdicts = worstOfEach(claims.filter(({ claim }) => claim.metric === metric))
    const [worst] = verdicts
    if (!worst) return []
    const of = (outcome: Outcome) => verdicts.filter((one) => one.outcome === outcome)
    const moved = (direction: 'worse' | 'better') => {
      const subjects = of('contradicted').filter((one) => one.direction === direction)
      return subjects.length > 0 ? [`${comparative(subjects[0]!)}: ${subjects.map(subjectOf).join(', ')}`] : []
    }
    const counts = [`${of('holds').length} hold`, `${of('inconclusive').length} inconclusive`]
    const parts = [...counts.filter((text) => !text.startsWith('0 ')), ...moved('worse'), ...moved('better')]
    const symbol = worst.direction === 'better' ? signs.better : verdictSymbols[worst.outcome]
    const text = `${symbol} ${benchName(bench)} · ${metric}: ${parts.join('; ')}`
    return [verdictColor(worst, ink)(truncate(sanitize(text), width))]
  })
}
