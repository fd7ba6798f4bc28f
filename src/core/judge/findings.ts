import type { FindingData } from '../collect/types.ts'
import type { ClaimVerdict, FindingVerdict } from './judgement.ts'
import { reasonText } from './words.ts'

/** Some verdicts, each with its place in the report's list. */
export type Indexed = readonly { readonly index: number; readonly verdict: ClaimVerdict }[]

/**
 * A finding from the verdicts of its claims, a group each. One that is contradicted decides against it. It holds when each
 * claim is decided on at least one platform and none is in doubt; a claim that nothing decides leaves it undecidable.
 */
export function judgeFinding(finding: FindingData, groups: readonly Indexed[]): FindingVerdict {
  const all = groups.flat()
  const base = { id: finding.id, title: finding.title, gate: finding.gate, claims: all.map(({ index }) => index) }
  const having = (verdict: ClaimVerdict['verdict']) =>
    all.filter((one) => one.verdict.verdict === verdict).map((one) => one.verdict)
  const contradicted = having('contradicted')
  if (contradicted.length > 0) {
    const hurts = contradicted.filter(({ direction }) => direction === 'worse')
    const told = hurts[0] ?? contradicted[0]!
    return {
      ...base,
      verdict: 'contradicted',
      direction: hurts.length > 0 ? 'worse' : 'better',
      reason: null,
      text: told.text,
    }
  }
  const none = { ...base, direction: null }
  const doubtful = having('inconclusive')[0]
  if (doubtful) return { ...none, verdict: 'inconclusive', reason: doubtful.reason, text: doubtful.text }
  const undecided = groups.find((group) => group.every(({ verdict }) => verdict.verdict === 'undecidable'))
  if (undecided) {
    const reasons = [...new Set(undecided.flatMap(({ verdict }) => verdict.reason ?? []))]
    return { ...none, verdict: 'undecidable', reason: reasons.join('; '), text: reasons.map(reasonText).join('; ') }
  }
  const decided = having('holds').length
  if (finding.undecided.length > 0) {
    const parts = finding.undecided.join('; ')
    const text = decided > 0 ? `what was measured agrees, but not measured: ${parts}` : `not measured: ${parts}`
    return { ...none, verdict: 'undecidable', reason: `part-undecided:${parts}`, text }
  }
  const comparisons = decided === 1 ? 'comparison' : 'comparisons'
  const text =
    decided === all.length
      ? `${decided} ${comparisons}, without exception`
      : `decided on ${decided} of ${all.length} comparisons`
  return { ...none, verdict: 'holds', reason: null, text }
}
