import type { Part } from '../../dsl/registry.ts'
import { claimsOf, type FindingData } from '../model/suite.ts'
import type { Combination, FindingOutcome, Outcome, Reason, ReasonCode, Verdicts } from '../model/verdict.ts'

/**
 * Combines the verdicts of a finding's claims into parts, and the parts into the finding.
 * docs/explanation/findings.md states the rule.
 */

type ClaimVerdict = Verdicts['claims'][number]
type FindingVerdict = Verdicts['findings'][number]

/** The verdicts of one claim, each with its index in the report. */
export type Group = readonly { readonly index: number; readonly verdict: ClaimVerdict }[]

/** A part of a finding with the verdicts of its claims, a group for each. */
interface JudgedPart {
  readonly part: Part
  readonly groups: readonly Group[]
}

/**
 * Judges a finding.
 * @param all the verdicts of its claims: for each part a group for each claim
 * @param printed the verdicts of the claims of its misprint
 */
export function judgeFinding(
  finding: FindingData,
  all: readonly (readonly Group[])[],
  printed: readonly Group[],
): FindingVerdict {
  const { judged, fallbackLabel } = measuredParts(finding, all)
  const { misprint, qualitative } = finding
  const parts = judged.map(({ part, groups }) => ({
    title: part.title,
    quote: part.quote ?? null,
    margins: part.margins ?? null,
    ...judgeReadings(part, groups.map(onHardware)),
    claims: indicesOf(groups),
  }))
  const hardware = combineParts(parts)
  return {
    id: finding.id,
    title: finding.title,
    failOn: finding.failOn,
    ...hardware,
    // An argument never holds; the outcome of its example is shown.
    ...(qualitative !== undefined && ({ outcome: 'not-evaluated', direction: null } as const)),
    parts,
    claims: parts.flatMap(({ claims }) => claims),
    ...(fallbackLabel !== undefined && { fallbackLabel }),
    ...(finding.source && { source: finding.source }),
    outdatedPremise: finding.outdatedPremise ?? null,
    qualitative: qualitative === undefined ? null : { why: qualitative, example: hardware.outcome },
    misprint: misprint
      ? { why: misprint.why, ...combinePart({}, printed.map(onHardware)), claims: indicesOf(printed) }
      : null,
    offHardware: offHardware(judged),
  }
}

const indicesOf = (groups: readonly Group[]): number[] => groups.flat().map(({ index }) => index)

/** Whether nothing of these claims was measured, because the tracer or the bench is missing. */
const isUnmeasured = (groups: readonly Group[]): boolean =>
  groups.flat().every(({ verdict: { reason } }) => reason && unmeasuredCodes.includes(reason.code))

const unmeasuredCodes: readonly ReasonCode[] = ['tracer-unavailable', 'not-measured', 'time-budget', 'shard-missing']

/** The parts with the claims about the finding's metric, or with its fallback claims if nothing else was measured. */
function measuredParts(
  { parts }: FindingData,
  all: readonly (readonly Group[])[],
): { readonly judged: readonly JudgedPart[]; readonly fallbackLabel?: string } {
  const choose = (isFallback: boolean): JudgedPart[] =>
    parts.map((part, at) => ({
      part,
      groups: all[at]!.filter((_, index) => (part.claims[index]?.fallbackLabel !== undefined) === isFallback),
    }))
  const [own, fallback] = [choose(false), choose(true)]
  const groupsOf = (judged: readonly JudgedPart[]) => judged.flatMap(({ groups }) => groups)
  const fallbackLabel = claimsOf({ parts }).find((claim) => claim.fallbackLabel !== undefined)?.fallbackLabel
  return fallbackLabel === undefined || !isUnmeasured(groupsOf(own)) || isUnmeasured(groupsOf(fallback))
    ? { judged: own }
    : { judged: fallback, fallbackLabel }
}

/** The same rule over guests that did not run on hardware; null if there were none. */
function offHardware(judged: readonly JudgedPart[]): FindingVerdict['offHardware'] {
  const separate = judged.map(({ part, groups }) => ({
    part,
    groups: groups.map((group) => group.filter(({ verdict }) => verdict.cpuMode)),
  }))
  // An unavailable platform was measured nowhere: its absence is stated once, with the hardware.
  const measured = separate
    .flatMap(({ groups }) => groups.flat())
    .filter(({ verdict }) => verdict.estimate !== null || verdict.missingPlatforms.length === 0)
  const cpuModes = [...new Set(measured.flatMap(({ verdict }) => verdict.cpuMode ?? []))]
  if (cpuModes.length === 0) return null
  return { cpuModes, ...combineParts(separate.map(({ part, groups }) => judgeReadings(part, groups))) }
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

/** The verdict of a part, with that under each reading if its words have several. */
type JudgedReadings = Combination & { readonly readings?: FindingVerdict['parts'][number]['readings'] & {} }

/** Judges each reading of a part's words by itself, and the part by all of them. */
function judgeReadings(part: Pick<Part, 'unmeasurable'>, groups: readonly Group[]): JudgedReadings {
  const names = new Set(groups.flat().flatMap(({ verdict }) => verdict.claim.reading ?? []))
  if (names.size < 2) return combinePart(part, groups)
  const readings = [...names].map((reading) => {
    const own = groups.filter((group) => group.some(({ verdict }) => verdict.claim.reading === reading))
    return { reading, ...combinePart(part, own), claims: indicesOf(own) }
  })
  return { ...combineReadings(readings), readings }
}

/**
 * Combines the readings of a part. It is contradicted only under all readings, and holds only under all of them. If
 * some hold and others are contradicted, the part is inconclusive, because nothing says which reading is meant.
 */
function combineReadings(readings: NonNullable<JudgedReadings['readings']>): Combination {
  const contradicted = readings.filter(({ outcome }) => outcome === 'contradicted')
  const all = combineParts(readings)
  if (contradicted.length === 0 || contradicted.length === readings.length) return all
  const others = readings.filter(({ outcome }) => outcome !== 'contradicted')
  const holding = others.filter(({ outcome }) => outcome === 'holds' || outcome === 'holds-in-part')
  const namesOf = (list: typeof readings) => list.map(({ reading }) => reading)
  // A reading in doubt, or one that was not measured, may still agree with the contradicted ones.
  const { reasons, missingPlatforms } = combineParts(others)
  return {
    ...all,
    outcome: 'inconclusive',
    direction: null,
    ...(holding.length > 0
      ? {
          reasons: [{ code: 'readings-differ', holds: namesOf(holding), contradicted: namesOf(contradicted) }],
          missingPlatforms: [],
        }
      : { reasons, missingPlatforms }),
  }
}

/**
 * Combines the comparisons of a part. Claims that only warn are context, unless there are no others. What a platform
 * cannot run by its nature is not counted. One contradicted comparison contradicts the part, and one in doubt makes it
 * inconclusive. It holds only if every comparison was made, each median with all its members.
 */
function combinePart({ unmeasurable }: Pick<Part, 'unmeasurable'>, groups: readonly Group[]): Combination {
  const deciding = groups.filter((group) => group.some(({ verdict }) => verdict.claim.severity === 'fail'))
  const all = (deciding.length > 0 ? deciding : groups).flat()
  const counted = all.filter(({ verdict }) => verdict.reason?.code !== 'workload-unsupported')
  const withOutcome = (outcome: Outcome) => counted.filter(({ verdict }) => verdict.outcome === outcome)
  const holding = withOutcome('holds')
  const base = {
    direction: null,
    reasons: [],
    missingPlatforms: [],
    decisiveClaim: holding[0]?.index ?? null,
    agreeing: { holds: holding.length, of: counted.length },
  }
  if (unmeasurable !== undefined)
    return { ...base, outcome: 'not-evaluated', reasons: [{ code: 'part-not-measurable', parts: [unmeasurable] }] }
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
  const open = withOutcome('not-evaluated')
  const missingMembers = holding.flatMap(({ verdict }) => verdict.missingMembers)
  if (counted.length > 0 && open.length === 0 && missingMembers.length === 0) return { ...base, outcome: 'holds' }
  const reasons = distinctReasons(open.length > 0 || holding.length > 0 ? open : all)
  return {
    ...base,
    outcome: holding.length > 0 ? 'holds-in-part' : 'not-evaluated',
    reasons: reasons.length > 0 || missingMembers.length > 0 ? reasons : [{ code: 'not-measured' }],
    missingPlatforms: [...new Set([...open.flatMap(({ verdict }) => verdict.missingPlatforms), ...missingMembers])],
  }
}

/** Combines the parts of a finding. The first of these that applies to a part is the outcome of the finding. */
function combineParts(parts: readonly Combination[]): Combination {
  const withOutcome = (outcome: FindingOutcome) => parts.filter((part) => part.outcome === outcome)
  const sum = (count: (part: Combination) => number) => parts.reduce((all, part) => all + count(part), 0)
  const decisive = (part: Combination | undefined) => part?.decisiveClaim ?? null
  const held = [...withOutcome('holds'), ...withOutcome('holds-in-part')]
  const base = {
    direction: null,
    reasons: [],
    missingPlatforms: [],
    decisiveClaim: decisive(held[0]),
    agreeing: { holds: sum(({ agreeing }) => agreeing.holds), of: sum(({ agreeing }) => agreeing.of) },
  }
  const contradicted = withOutcome('contradicted')
  if (contradicted.length > 0) {
    const { direction, decisiveClaim } = contradicted.find((part) => part.direction === 'worse') ?? contradicted[0]!
    return { ...base, outcome: 'contradicted', direction, decisiveClaim }
  }
  const [doubtful] = withOutcome('inconclusive')
  if (doubtful)
    return { ...base, outcome: 'inconclusive', reasons: doubtful.reasons, decisiveClaim: decisive(doubtful) }
  if (withOutcome('holds').length === parts.length) return { ...base, outcome: 'holds' }
  const open = parts.filter(({ outcome }) => outcome !== 'holds')
  return {
    ...base,
    outcome: held.length > 0 ? 'holds-in-part' : 'not-evaluated',
    reasons: mergedReasons(open.flatMap(({ reasons }) => reasons)),
    missingPlatforms: [...new Set(open.flatMap(({ missingPlatforms }) => missingPlatforms))],
  }
}

const absenceCodes: readonly ReasonCode[] = [
  'platform-unavailable',
  'platform-unknown',
  'platform-excluded',
  'workload-unsupported',
  'no-native',
]

/** Each reason once. A claim without its platforms has no other reason. */
const distinctReasons = (open: Group): Reason[] =>
  mergedReasons(
    open.flatMap(({ verdict: { reason, missingPlatforms } }) =>
      reason && (missingPlatforms.length === 0 || absenceCodes.includes(reason.code)) ? [reason] : [],
    ),
  )

/** Each reason once, with all its platforms or parts. */
function mergedReasons(reasons: readonly Reason[]): Reason[] {
  const distinct = new Map<string, Reason>()
  for (const reason of reasons) {
    const isList = 'platforms' in reason || 'parts' in reason
    const at = 'at' in reason ? JSON.stringify(reason.at) : ''
    const key = isList ? reason.code + at : JSON.stringify(reason)
    distinct.set(key, merged(distinct.get(key), reason))
  }
  return [...distinct.values()]
}

function merged(former: Reason | undefined, reason: Reason): Reason {
  const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])]
  if (former && 'platforms' in reason && 'platforms' in former)
    return { ...reason, platforms: union(former.platforms, reason.platforms) }
  if (former && 'parts' in reason && 'parts' in former) return { ...reason, parts: union(former.parts, reason.parts) }
  return reason
}
