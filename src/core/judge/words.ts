/** Verdicts as sentences that a tired person understands. */
import type { ClaimVerdict, Estimate, ReasonCode } from './judgement.ts'
import { reasonCodes } from './judgement.ts'

/** Three significant digits, without an exponent where people do not expect one. */
export function figure(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-3)) return value.toExponential(2)
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

/** `1.23 [1.18, 1.29]`, or without the bounds where there are none. */
export function interval({ estimate, low, high }: Estimate): string {
  return low === null || high === null ? figure(estimate) : `${figure(estimate)} [${figure(low)}, ${figure(high)}]`
}

export const reasonText = (reason: string): string => {
  const [code, ...about] = reason.split(':')
  const meaning = reasonCodes[code as ReasonCode] as string | undefined
  return [about.join(':'), meaning ?? code].filter(Boolean).join(': ')
}

export interface Wording {
  readonly verdict: ClaimVerdict['verdict']
  readonly direction: ClaimVerdict['direction']
  readonly reason: string | null
  readonly platform: string
  readonly metric: string
  readonly claim: string
  readonly measured: Estimate | null
  readonly extraRoundsNeeded?: number | null
  /** What the measured figure is: `×native`, or a unit. */
  readonly of: string
  /** What there is to see where no figure is. */
  readonly seen?: string
}

/** One sentence: what was claimed, what was measured, and why it is not decided. */
export function sentence({
  verdict,
  direction,
  reason,
  platform,
  metric,
  claim,
  measured,
  extraRoundsNeeded: moreRounds,
  of,
  seen: otherwise = 'not measured',
}: Wording): string {
  const what = `${metric} of ${platform}`
  const seen = measured ? `${interval(measured)} ${of}` : otherwise
  const more = moreRounds ? `, about ${figure(moreRounds)} more would do` : ''
  switch (verdict) {
    case 'holds':
      return `${what} is ${claim}: ${seen}`
    case 'contradicted':
      return `${what} is ${direction === 'better' ? 'better than claimed' : 'worse than claimed'} (${claim}): ${seen}`
    case 'inconclusive':
      return `${what} may or may not be ${claim}: ${seen}; ${reasonText(reason ?? '')}${more}`
    case 'not-evaluated':
      return `${what} cannot be judged (${claim}): ${reasonText(reason ?? '')}`
  }
}
