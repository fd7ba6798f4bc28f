/** What is told of a finding, found once for the table, the explanation and Markdown. */
import type { ClaimVerdict, FindingVerdict } from '../../core/judge/judgement.ts'
import { figure, interval } from '../../core/judge/words.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { Report } from '../../core/report/schema.ts'
import { flagMeanings } from '../facts.ts'
import { sanitize } from '../text.ts'

/** The claim that the verdict rests on, or stands for the others. */
export const decisiveClaim = (report: Report, { decisiveClaim: decisive }: FindingVerdict): ClaimVerdict | undefined =>
  decisive === null ? undefined : report.claims[decisive]

/** `gvisor 0.823 ×native [0.817, 0.826], events`, or nothing where nothing was measured. */
export function formatDecisiveValue(claim: ClaimVerdict | undefined): string {
  if (!claim?.measured) return ''
  return sanitize(`${claim.platform} ${interval(claim.measured)} ${claim.of}, ${claim.metric}`)
}

/** Which way a finding moved away from what is stated: nothing where it has not. */
export const formatDirection = ({ verdict, direction }: FindingVerdict): string =>
  verdict === 'contradicted' ? (direction === 'better' ? 'better' : 'worse') : ''

/** Whether a claim's figure is of a cell that is flagged: what is that much better than native is more often a cache. */
const isSuspect = (report: Report, claim: ClaimVerdict | undefined): boolean =>
  report.cases
    .filter(({ id, params }) => id === claim?.bench && describeParams(params) === describeParams(claim.params))
    .some(({ results: cells }) =>
      cells.some(({ platform, flags }) => platform === claim?.platform && flags.includes('suspiciously-fast')),
    )

/** What else there is to know of a finding, each with its label. */
export function notesOf(report: Report, finding: FindingVerdict): [string, string][] {
  const {
    outdatedPremise: premise,
    misprint: asPrinted,
    offHardware: apart,
    failOn: gate,
    verdict,
    direction,
  } = finding
  const notes: [string, string][] = []
  if (direction === 'better' && isSuspect(report, decisiveClaim(report, finding)))
    notes.push(['suspect', flagMeanings['suspiciously-fast']])
  if (apart) {
    const moved = apart.direction ? `, ${apart.direction}` : ''
    notes.push([
      'apart',
      `on ${apart.cpuModes.join(' and ')} guests, which say nothing of hardware: ${apart.verdict}${moved}; ${apart.text}`,
    ])
  }
  if (premise) notes.push(['premise', premise])
  if (asPrinted) notes.push(['printed', `${asPrinted.why}; as printed: ${asPrinted.verdict}: ${asPrinted.text}`])
  if (gate === 'never' && verdict === 'contradicted')
    notes.push(['gate', 'a ranking or a trade-off: shown, never fails a run'])
  return notes.map(([label, text]) => [label, sanitize(text, 600)])
}

/** `28 findings: 3 hold · 1 contradicted (1 better) · …`. */
export function formatTally(findings: readonly FindingVerdict[]): string {
  const of = (verdict: FindingVerdict['verdict']) => findings.filter((one) => one.verdict === verdict)
  const better = of('contradicted').filter(({ direction }) => direction === 'better').length
  const qualitative = findings.filter(({ reason }) => reason === 'qualitative').length
  return [
    `${of('holds').length} hold`,
    `${of('contradicted').length} contradicted${better > 0 ? ` (${better} for the better)` : ''}`,
    `${of('inconclusive').length} in doubt`,
    `${of('not-evaluated').length - qualitative} undecidable`,
    ...(qualitative > 0 ? [`${qualitative} qualitative`] : []),
  ].join(' · ')
}

/** A round's figures as one line: `1: 12.1, 2: 11.9`. */
export const rounds = (samples: readonly { readonly round: number; readonly value: number }[]): string =>
  samples.map(({ round, value }) => `${round + 1}: ${figure(value)}`).join(', ')
