import { reasonText } from '../../reporters/format.ts'
import type { Plan } from '../model/plan.ts'
import type { FindingData } from '../model/suite.ts'
import type { ClaimVerdict, FindingVerdict } from '../model/verdict.ts'
import { needsText } from './samples.ts'

/** From the verdicts of its claims to a finding's: the rule is stated in docs/findings.md. */

/** The verdicts of one claim, each with its place in the report's list. */
export type Group = readonly { readonly index: number; readonly verdict: ClaimVerdict }[]

type Decision = Pick<FindingVerdict, 'verdict' | 'direction' | 'reason' | 'text' | 'decisiveClaim' | 'missingPlatforms'>

/** A finding from the verdicts of its claims, a group each, and of those that it makes as printed. */
export function judgeFinding(
  finding: FindingData,
  all: readonly Group[],
  printed: readonly Group[],
  plan: Pick<Plan, 'platforms'>,
): FindingVerdict {
  const { groups, fallbackLabel } = measuredOf(finding, all)
  const told = judgeGroups(finding, groups, printed, plan)
  return fallbackLabel === undefined
    ? told
    : { ...told, title: `${told.title} (${fallbackLabel})`, text: `${fallbackLabel}: ${told.text}`, fallbackLabel }
}

/** Whether nothing of these claims was measured: for want of an instrument, or because the run left the bench out. */
const unmeasured = (groups: readonly Group[]): boolean =>
  groups.flat().every(({ verdict }) => /^(?:tracer-unavailable|not-measured)/.test(verdict.reason ?? ''))

/** The claims of the finding's own metric; where none of those was measured, those that stand in for them, and their mark. */
function measuredOf(
  { claims }: FindingData,
  groups: readonly Group[],
): { readonly groups: readonly Group[]; readonly fallbackLabel?: string } {
  const own = groups.filter((_, at) => claims[at]?.fallbackLabel === undefined)
  const others = groups.filter((_, at) => claims[at]?.fallbackLabel !== undefined)
  const fallbackLabel = claims.find((claim) => claim.fallbackLabel !== undefined)?.fallbackLabel
  return fallbackLabel === undefined || !unmeasured(own) || unmeasured(others)
    ? { groups: own }
    : { groups: others, fallbackLabel }
}

function judgeGroups(
  finding: FindingData,
  groups: readonly Group[],
  printed: readonly Group[],
  plan: Pick<Plan, 'platforms'>,
): FindingVerdict {
  const { id, title, failOn: gate, misprint: asPrinted } = finding
  const hardware = combine(groups.map(onHardware), finding.unmeasurableParts, plan)
  const apart = groups.map((group) => group.filter(({ verdict }) => verdict.cpuMode))
  // A platform that is not there has been measured nowhere: what it lacks is told once.
  const there = apart.flat().filter(({ verdict }) => verdict.measured !== null || verdict.missingPlatforms.length === 0)
  const how = [...new Set(there.flatMap(({ verdict }) => verdict.cpuMode ?? []))]
  const elsewhere = combine(apart, finding.unmeasurableParts, plan)
  return {
    id,
    title,
    failOn: gate,
    ...(finding.qualitative === undefined ? hardware : qualitativeVerdict(finding.qualitative, hardware)),
    claims: groups.flat().map(({ index }) => index),
    outdatedPremise: finding.outdatedPremise ?? null,
    misprint: asPrinted ? misprintVerdict(asPrinted.why, printed, plan) : null,
    offHardware:
      how.length > 0
        ? { cpuModes: how, verdict: elsewhere.verdict, direction: elsewhere.direction, text: elsewhere.text }
        : null,
  }
}

/** What was not measured on hardware decides nothing here. */
const onHardware = (group: Group): Group =>
  group.map(({ index, verdict }) =>
    verdict.cpuMode && verdict.verdict !== 'not-evaluated'
      ? {
          index,
          verdict: { ...verdict, verdict: 'not-evaluated', direction: null, reason: `environment:${verdict.cpuMode}` },
        }
      : { index, verdict },
  )

/**
 * The parts are the claims that can fail a run; those that only warn are context, unless there are no others. One comparison that is contradicted decides
 * against the finding, one that is in doubt leaves it in doubt, and a part that is decided nowhere leaves it undecidable.
 */
function combine(groups: readonly Group[], unmeasured: readonly string[], plan: Pick<Plan, 'platforms'>): Decision {
  const gating = groups.filter((group) => group.some(({ verdict }) => verdict.severity === 'fail'))
  const parts = gating.length > 0 ? gating : groups
  const all = parts.flat()
  const having = (verdict: ClaimVerdict['verdict']) => all.filter((one) => one.verdict.verdict === verdict)
  const none = { direction: null, reason: null, missingPlatforms: [] }
  const contradicted = having('contradicted')
  if (contradicted.length > 0) {
    const hurts = contradicted.filter(({ verdict }) => verdict.direction === 'worse')
    const told = hurts[0] ?? contradicted[0]!
    const direction = hurts.length > 0 ? 'worse' : 'better'
    return { ...none, verdict: 'contradicted', direction, text: told.verdict.text, decisiveClaim: told.index }
  }
  const doubtful = having('inconclusive')[0]
  if (doubtful) {
    const { reason, text } = doubtful.verdict
    return { ...none, verdict: 'inconclusive', reason, text, decisiveClaim: doubtful.index }
  }
  const agrees = having('holds')
  const decisive = agrees[0]?.index ?? null
  const open = parts.filter((group) => group.every(({ verdict }) => verdict.verdict === 'not-evaluated'))
  const agreeing = agrees.length > 0 ? `; what was measured agrees (${agrees.length} of ${all.length})` : ''
  if (open.length > 0) return { ...notEvaluated(open.flat(), agreeing, plan), decisiveClaim: decisive }
  if (unmeasured.length > 0) {
    const parts = unmeasured.join('; ')
    const text = `not measured: ${parts}${agreeing}`
    return { ...none, verdict: 'not-evaluated', reason: `part-not-measurable:${parts}`, text, decisiveClaim: decisive }
  }
  if (agrees.length === 0)
    return {
      ...none,
      verdict: 'not-evaluated',
      reason: 'not-measured',
      text: 'no part is measured',
      decisiveClaim: decisive,
    }
  const comparisons = agrees.length === 1 ? 'comparison' : 'comparisons'
  const text =
    agrees.length === all.length
      ? `${agrees.length} ${comparisons}, without exception`
      : `decided on ${agrees.length} of ${all.length} comparisons`
  return { ...none, verdict: 'holds', text, decisiveClaim: decisive }
}

/** Platforms that lack come first: they are what the reader can do something about. */
function notEvaluated(open: Group, agreeing: string, plan: Pick<Plan, 'platforms'>): Omit<Decision, 'decisiveClaim'> {
  const reasons = [...new Set(open.flatMap(({ verdict }) => verdict.reason ?? []))]
  const needs = [...new Set(open.flatMap(({ verdict }) => verdict.missingPlatforms))]
  const others = [
    ...new Set(open.flatMap(({ verdict }) => (verdict.missingPlatforms.length > 0 ? [] : (verdict.reason ?? [])))),
  ]
  const texts = [...(needs.length > 0 ? [needsText(needs, plan)] : []), ...others.map(reasonText)]
  return {
    verdict: 'not-evaluated',
    direction: null,
    reason: reasons.join('; '),
    missingPlatforms: needs,
    text: texts.join('; ') + agreeing,
  }
}

/** An argument never just holds; when its example is contradicted, that is told. */
function qualitativeVerdict(why: string, example: Decision): Decision {
  const says: Record<Decision['verdict'], string> = {
    holds: 'its example holds',
    contradicted: `its example does not hold: ${example.text}`,
    inconclusive: `its example is in doubt: ${example.text}`,
    'not-evaluated': `its example cannot be judged: ${example.text}`,
  }
  return {
    ...example,
    verdict: 'not-evaluated',
    direction: null,
    reason: 'qualitative',
    text: `qualitative, ${why}; ${says[example.verdict]}`,
  }
}

function misprintVerdict(
  why: string,
  groups: readonly Group[],
  plan: Pick<Plan, 'platforms'>,
): FindingVerdict['misprint'] {
  const { verdict, text } = combine(groups.map(onHardware), [], plan)
  return { why, verdict, text, claims: groups.flat().map(({ index }) => index) }
}
