import type { FindingData } from '../model/suite.ts'
import type { Combination, Reason, ReasonCode, Verdicts } from '../model/verdict.ts'

/** Combines the verdicts of a finding's claims. docs/explanation/findings.md states the rule. */

type ClaimVerdict = Verdicts['claims'][number]
type FindingVerdict = Verdicts['findings'][number]

/** The verdicts of one claim, each with its index in the report. */
export type Group = readonly { readonly index: number; readonly verdict: ClaimVerdict }[]

/**
 * Judges a finding.
 * @param all the verdicts of its claims, a group for each
 * @param printed the verdicts of the claims of its misprint
 */
export function judgeFinding(finding: FindingData, all: readonly Group[], printed: readonly Group[]): FindingVerdict {
  const { groups, fallbackLabel } = measuredGroups(finding, all)
  const { misprint, qualitative, unmeasurableParts } = finding
  const hardware = combine(groups.map(onHardware), unmeasurableParts)
  return {
    id: finding.id,
    title: finding.title,
    failOn: finding.failOn,
    ...hardware,
    // An argument never holds; the outcome of its example is shown.
    ...(qualitative !== undefined && ({ outcome: 'not-evaluated', direction: null } as const)),
    claims: groups.flat().map(({ index }) => index),
    ...(fallbackLabel !== undefined && { fallbackLabel }),
    outdatedPremise: finding.outdatedPremise ?? null,
    qualitative: qualitative === undefined ? null : { why: qualitative, example: hardware.outcome },
    misprint: misprint
      ? {
          why: misprint.why,
          ...combine(printed.map(onHardware), []),
          claims: printed.flat().map(({ index }) => index),
        }
      : null,
    offHardware: offHardware(groups, unmeasurableParts),
  }
}

/** Whether nothing of these claims was measured, because the tracer or the bench is missing. */
const isUnmeasured = (groups: readonly Group[]): boolean =>
  groups.flat().every(({ verdict: { reason } }) => reason && unmeasuredCodes.includes(reason.code))

const unmeasuredCodes: readonly ReasonCode[] = ['tracer-unavailable', 'not-measured', 'time-budget']

/** The claims about the finding's metric, or its fallback claims if none of them was measured. */
function measuredGroups(
  { claims }: FindingData,
  groups: readonly Group[],
): { readonly groups: readonly Group[]; readonly fallbackLabel?: string } {
  const own = groups.filter((_, at) => claims[at]?.fallbackLabel === undefined)
  const fallback = groups.filter((_, at) => claims[at]?.fallbackLabel !== undefined)
  const fallbackLabel = claims.find((claim) => claim.fallbackLabel !== undefined)?.fallbackLabel
  return fallbackLabel === undefined || !isUnmeasured(own) || isUnmeasured(fallback)
    ? { groups: own }
    : { groups: fallback, fallbackLabel }
}

/** The same rule over guests that did not run on hardware; null if there were none. */
function offHardware(groups: readonly Group[], unmeasurableParts: readonly string[]): FindingVerdict['offHardware'] {
  const separate = groups.map((group) => group.filter(({ verdict }) => verdict.cpuMode))
  // An unavailable platform was measured nowhere: its absence is stated once, with the hardware.
  const measured = separate
    .flat()
    .filter(({ verdict }) => verdict.estimate !== null || verdict.missingPlatforms.length === 0)
  const cpuModes = [...new Set(measured.flatMap(({ verdict }) => verdict.cpuMode ?? []))]
  return cpuModes.length > 0 ? { cpuModes, ...combine(separate, unmeasurableParts) } : null
}

/** A verdict about guests that did not run on hardware decides nothing about hardware. */
const onHardware = (group: Group): Group =>
  group.map(({ index, verdict }) =>
    verdict.cpuMode && verdict.outcome !== 'not-evaluated'
      ? {
          index,
          verdict: {
            ...verdict,
            outcome: 'not-evaluated',
            direction: null,
            reason: { code: 'not-on-hardware', cpuMode: verdict.cpuMode },
          },
        }
      : { index, verdict },
  )

/**
 * The parts of a finding are its claims that can fail a run; claims that only warn are context, unless there are no
 * others. One contradicted comparison contradicts the finding, one in doubt makes it inconclusive, and a part that is
 * decided on no platform leaves it not evaluated.
 */
function combine(groups: readonly Group[], unmeasurableParts: readonly string[]): Combination {
  const deciding = groups.filter((group) => group.some(({ verdict }) => verdict.claim.severity === 'fail'))
  const parts = deciding.length > 0 ? deciding : groups
  const all = parts.flat()
  const withOutcome = (outcome: ClaimVerdict['outcome']) => all.filter(({ verdict }) => verdict.outcome === outcome)
  const holding = withOutcome('holds')
  const base = {
    direction: null,
    reasons: [],
    missingPlatforms: [],
    decisiveClaim: holding[0]?.index ?? null,
    agreeing: { holds: holding.length, of: all.length },
  }
  const contradicted = withOutcome('contradicted')
  if (contradicted.length > 0) {
    const worse = contradicted.find(({ verdict }) => verdict.direction === 'worse')
    const decisiveClaim = (worse ?? contradicted[0]!).index
    return { ...base, outcome: 'contradicted', direction: worse ? 'worse' : 'better', decisiveClaim }
  }
  const doubtful = withOutcome('inconclusive')[0]
  if (doubtful) {
    const reasons = doubtful.verdict.reason ? [doubtful.verdict.reason] : []
    return { ...base, outcome: 'inconclusive', reasons, decisiveClaim: doubtful.index }
  }
  const openParts = parts.filter((group) => group.every(({ verdict }) => verdict.outcome === 'not-evaluated'))
  if (openParts.length > 0) {
    const open = openParts.flat()
    return {
      ...base,
      outcome: 'not-evaluated',
      reasons: distinctReasons(open),
      missingPlatforms: [...new Set(open.flatMap(({ verdict }) => verdict.missingPlatforms))],
    }
  }
  const reason: Reason | undefined =
    unmeasurableParts.length > 0
      ? { code: 'part-not-measurable', parts: unmeasurableParts }
      : holding.length === 0
        ? { code: 'not-measured' }
        : undefined
  return { ...base, outcome: reason ? 'not-evaluated' : 'holds', reasons: reason ? [reason] : [] }
}

const absenceCodes: readonly ReasonCode[] = [
  'platform-unavailable',
  'platform-unknown',
  'platform-excluded',
  'workload-unsupported',
  'no-native',
]

/** Each reason once, with all its platforms. A claim without its platforms has no other reason. */
function distinctReasons(open: Group): Reason[] {
  const reasons = open.flatMap(({ verdict: { reason, missingPlatforms } }) =>
    reason && (missingPlatforms.length === 0 || absenceCodes.includes(reason.code)) ? [reason] : [],
  )
  const distinct = new Map<string, Reason>()
  for (const reason of reasons) {
    const key = 'platforms' in reason ? reason.code : JSON.stringify(reason)
    const former = distinct.get(key)
    const merged =
      'platforms' in reason && former && 'platforms' in former
        ? { ...reason, platforms: [...new Set([...former.platforms, ...reason.platforms])] }
        : reason
    distinct.set(key, merged)
  }
  return [...distinct.values()]
}
