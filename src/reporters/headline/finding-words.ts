import { describeParams } from '../../core/model/plan.ts'
import { formatExtraRounds, formatPlatforms, formatReasonCode } from '../format.ts'
import type { FindingNote } from './findings.ts'
import { allowedText, comparisonText, measuredText } from './words.ts'

/** What findings say of a run, in words. Sanitize or escape the result. */

const readingsText = formatReasonCode('readings-differ')

const unlikely = 'likely a cache or a clock, not a gain'

/** What a finding says here, shortly: `docker 26.4 % [25.5, 27.5 %], claimed: at most 2 %; 0 of 7 hold`. */
export function findingFact({ kind, readingsDiffer, worst, holds, of, isSuspicious }: FindingNote): string {
  const count = of > 1 ? `${holds} of ${of} hold` : ''
  if (!worst) return [readingsDiffer ? readingsText : '', count].filter(Boolean).join('; ')
  const params = describeParams(worst.params)
  const doubt = kind === 'improved' && isSuspicious ? unlikely : ''
  const rounds = kind === 'doubtful' ? formatExtraRounds(worst.extraRoundsNeeded) : ''
  const subject = `${formatPlatforms(worst)}${params ? ` ${params}` : ''}`
  const allowed = allowedText(worst).replace('claimed: ', '')
  return [`${subject} ${measuredText(worst)}, ${allowed}`, rounds, doubt, count].filter(Boolean).join('; ')
}

/** What a finding says here, in sentences: the worst comparison, the best one, and how many hold. */
export function findingSentences({
  kind,
  readingsDiffer,
  worst,
  best,
  holds,
  of,
  isSuspicious,
}: FindingNote): string[] {
  const count = of > 1 ? [`${holds} of ${of} comparisons hold`] : []
  if (!worst)
    return [...(readingsDiffer ? [`${readingsText}, and its words do not say which one is meant`] : []), ...count]
  const rounds = kind === 'doubtful' ? formatExtraRounds(worst.extraRoundsNeeded) : ''
  return [
    `${comparisonText(worst)}; ${allowedText(worst)}`,
    ...(best ? [`at the other end, ${comparisonText(best)}`] : []),
    ...(rounds ? [rounds] : []),
    ...(kind === 'improved' && isSuspicious ? [unlikely] : []),
    ...count,
  ]
}
