/** From the verdicts of its claims to a finding's: the rule is stated in docs/findings.md. */
import type { FindingData } from '../collect/types.ts'
import type { Plan } from '../plan/plan.ts'
import { needsText } from './absent.ts'
import type { ClaimVerdict, FindingVerdict } from './judgement.ts'
import { reasonText } from './words.ts'

/** The verdicts of one claim, each with its place in the report's list. */
export type Group = readonly { readonly index: number; readonly verdict: ClaimVerdict }[]

type Decision = Pick<FindingVerdict, 'verdict' | 'direction' | 'reason' | 'text' | 'decisive' | 'needs'>

/** A finding from the verdicts of its claims, a group each, and of those that it makes as printed. */
export function judgeFinding(
  finding: FindingData,
  all: readonly Group[],
  printed: readonly Group[],
  plan: Pick<Plan, 'platforms'>,
): FindingVerdict {
  const { groups, mark } = measuredOf(finding, all)
  const told = judgeGroups(finding, groups, printed, plan)
  return mark === undefined ? told : { ...told, title: `${told.title} (${mark})`, text: `${mark}: ${told.text}`, mark }
}

/** Whether nothing of these claims was measured: for want of an instrument, or because the run left the bench out. */
const unmeasured = (groups: readonly Group[]): boolean =>
  groups.flat().every(({ verdict }) => /^(?:instrument-absent|not-measured)/.test(verdict.reason ?? ''))

/** The claims of the finding's own metric; where none of those was measured, those that stand in for them, and their mark. */
function measuredOf(
  { claims }: FindingData,
  groups: readonly Group[],
): { readonly groups: readonly Group[]; readonly mark?: string } {
  const own = groups.filter((_, at) => claims[at]?.fallback === undefined)
  const others = groups.filter((_, at) => claims[at]?.fallback !== undefined)
  const mark = claims.find(({ fallback }) => fallback !== undefined)?.fallback
  return mark === undefined || !unmeasured(own) || unmeasured(others) ? { groups: own } : { groups: others, mark }
}

function judgeGroups(
  finding: FindingData,
  groups: readonly Group[],
  printed: readonly Group[],
  plan: Pick<Plan, 'platforms'>,
): FindingVerdict {
  const { id, title, gate, asPrinted } = finding
  const hardware = decide(groups.map(onHardware), finding.undecided, plan)
  const apart = groups.map((group) => group.filter(({ verdict }) => verdict.apart))
  // A platform that is not there has been measured nowhere: what it lacks is told once.
  const there = apart.flat().filter(({ verdict }) => verdict.measured !== null || verdict.needs.length === 0)
  const how = [...new Set(there.flatMap(({ verdict }) => verdict.apart ?? []))]
  const elsewhere = decide(apart, finding.undecided, plan)
  return {
    id,
    title,
    gate,
    ...(finding.qualitative === undefined ? hardware : qualitatively(finding.qualitative, hardware)),
    claims: groups.flat().map(({ index }) => index),
    premise: finding.premise ?? null,
    asPrinted: asPrinted ? printedVerdict(asPrinted.why, printed, plan) : null,
    apart:
      how.length > 0 ? { how, verdict: elsewhere.verdict, direction: elsewhere.direction, text: elsewhere.text } : null,
  }
}

/** What was not measured on hardware decides nothing here. */
const onHardware = (group: Group): Group =>
  group.map(({ index, verdict }) =>
    verdict.apart && verdict.verdict !== 'undecidable'
      ? {
          index,
          verdict: { ...verdict, verdict: 'undecidable', direction: null, reason: `environment:${verdict.apart}` },
        }
      : { index, verdict },
  )

/**
 * The parts are the claims that can fail a run; those that only warn are context, unless there are no others. One comparison that is contradicted decides
 * against the finding, one that is in doubt leaves it in doubt, and a part that is decided nowhere leaves it undecidable.
 */
function decide(groups: readonly Group[], unmeasured: readonly string[], plan: Pick<Plan, 'platforms'>): Decision {
  const gating = groups.filter((group) => group.some(({ verdict }) => verdict.severity === 'fail'))
  const parts = gating.length > 0 ? gating : groups
  const all = parts.flat()
  const having = (verdict: ClaimVerdict['verdict']) => all.filter((one) => one.verdict.verdict === verdict)
  const none = { direction: null, reason: null, needs: [] }
  const contradicted = having('contradicted')
  if (contradicted.length > 0) {
    const hurts = contradicted.filter(({ verdict }) => verdict.direction === 'worse')
    const told = hurts[0] ?? contradicted[0]!
    const direction = hurts.length > 0 ? 'worse' : 'better'
    return { ...none, verdict: 'contradicted', direction, text: told.verdict.text, decisive: told.index }
  }
  const doubtful = having('inconclusive')[0]
  if (doubtful) {
    const { reason, text } = doubtful.verdict
    return { ...none, verdict: 'inconclusive', reason, text, decisive: doubtful.index }
  }
  const agrees = having('holds')
  const decisive = agrees[0]?.index ?? null
  const open = parts.filter((group) => group.every(({ verdict }) => verdict.verdict === 'undecidable'))
  const agreeing = agrees.length > 0 ? `; what was measured agrees (${agrees.length} of ${all.length})` : ''
  if (open.length > 0) return { ...undecided(open.flat(), agreeing, plan), decisive }
  if (unmeasured.length > 0) {
    const parts = unmeasured.join('; ')
    const text = `not measured: ${parts}${agreeing}`
    return { ...none, verdict: 'undecidable', reason: `part-undecided:${parts}`, text, decisive }
  }
  if (agrees.length === 0)
    return { ...none, verdict: 'undecidable', reason: 'not-measured', text: 'no part is measured', decisive }
  const comparisons = agrees.length === 1 ? 'comparison' : 'comparisons'
  const text =
    agrees.length === all.length
      ? `${agrees.length} ${comparisons}, without exception`
      : `decided on ${agrees.length} of ${all.length} comparisons`
  return { ...none, verdict: 'holds', text, decisive }
}

/** Platforms that lack come first: they are what the reader can do something about. */
function undecided(open: Group, agreeing: string, plan: Pick<Plan, 'platforms'>): Omit<Decision, 'decisive'> {
  const reasons = [...new Set(open.flatMap(({ verdict }) => verdict.reason ?? []))]
  const needs = [...new Set(open.flatMap(({ verdict }) => verdict.needs))]
  const others = [...new Set(open.flatMap(({ verdict }) => (verdict.needs.length > 0 ? [] : (verdict.reason ?? []))))]
  const texts = [...(needs.length > 0 ? [needsText(needs, plan)] : []), ...others.map(reasonText)]
  return {
    verdict: 'undecidable',
    direction: null,
    reason: reasons.join('; '),
    needs,
    text: texts.join('; ') + agreeing,
  }
}

/** An argument never just holds; when its example is contradicted, that is told. */
function qualitatively(why: string, example: Decision): Decision {
  const says: Record<Decision['verdict'], string> = {
    holds: 'its example holds',
    contradicted: `its example does not hold: ${example.text}`,
    inconclusive: `its example is in doubt: ${example.text}`,
    undecidable: `its example cannot be judged: ${example.text}`,
  }
  return {
    ...example,
    verdict: 'undecidable',
    direction: null,
    reason: 'qualitative',
    text: `qualitative, ${why}; ${says[example.verdict]}`,
  }
}

function printedVerdict(
  why: string,
  groups: readonly Group[],
  plan: Pick<Plan, 'platforms'>,
): FindingVerdict['asPrinted'] {
  const { verdict, text } = decide(groups.map(onHardware), [], plan)
  return { why, verdict, text, claims: groups.flat().map(({ index }) => index) }
}
