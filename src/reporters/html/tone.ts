import type { Verdict } from '../../core/judge/judgement.ts'

/** The CSS class of a verdict's colour. */
export function verdictClass(
  of: { readonly verdict: Verdict; readonly direction: 'worse' | 'better' | null } | undefined,
): string {
  if (!of || of.verdict === 'not-evaluated') return 'none'
  if (of.verdict === 'holds') return 'good'
  return of.verdict === 'contradicted' && of.direction === 'worse' ? 'bad' : 'doubt'
}
