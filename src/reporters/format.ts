import { mostExtraRounds } from '../core/judge/tests.ts'
import type { MetricResult, PlatformResult } from '../core/model/report.ts'
import type {
  ClaimVerdict,
  Combination,
  Estimate,
  FindingOutcome,
  FindingVerdict,
  PartVerdict,
  Reason,
  ReasonCode,
} from '../core/model/verdict.ts'
import type { Matcher } from '../dsl/claim.ts'
import { describeSelector } from '../dsl/platform.ts'
import { plural, sanitize } from '../util/text.ts'

/** The words of a report: the only place that turns its structured data into sentences. */

/** Three significant digits, without an exponent where people do not expect one. */
export function figure(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-3)) return value.toExponential(2)
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

/** `1.23 [1.18, 1.29]`, or without the bounds if there are none. */
export function interval({ value, low, high }: Pick<Estimate, 'value' | 'low' | 'high'>): string {
  return low === null || high === null ? figure(value) : `${figure(value)} [${figure(low)}, ${figure(high)}]`
}

const factor = (by: number): string => (by === 1 ? '' : ` by ${by}×`)

/** The matcher as an author would say it, such as `within 5 % of native`. */
export function formatMatcher(matcher: Matcher, unit: string | null): string {
  switch (matcher.kind) {
    case 'withinNative':
      return `within ${matcher.percent} % of native`
    case 'equivalentTo':
      return `equivalent to ${matcher.platform} within ±${matcher.percent} %`
    case 'notWorseThan':
      return `not worse than ${matcher.platform} by more than ${matcher.percent} %`
    case 'betterThan':
      return `better than ${matcher.platform}${factor(matcher.by)}`
    case 'worseThan':
      return `worse than ${matcher.platform}${factor(matcher.by)}`
    case 'atMost':
      return `at most ${matcher.value} ${unit ?? ''}`
    case 'atLeast':
      return `at least ${matcher.value} ${unit ?? ''}`
    case 'ranked':
      return `ranked ${matcher.platforms.join(' > ')}`
    case 'noStableOrder':
      return `in no stable order: ${matcher.platforms.join(', ')}`
    case 'peaksAt': {
      const { over, from, to } = matcher
      return `best at ${over} ${from === to ? from : `${from} to ${to}`}`
    }
    case 'constant':
      return `flat within ${matcher.percent} % over ${matcher.over}`
    case 'peakWithin': {
      const { over, platform, percent } = matcher
      return `at its best ${over} not worse than ${platform} at its own best by more than ${percent} %`
    }
    case 'worsensAtMost': {
      const { over, from, to, by } = matcher
      return `at most ${by}× worse at ${over} ${to} than at ${over} ${from}`
    }
  }
}

/** What a claim asserts: its matcher, and on how many platforms it must be true. */
export const formatAssertion = ({ claim, unit }: Pick<ClaimVerdict, 'claim' | 'unit'>): string =>
  formatMatcher(claim.matcher, unit) + (claim.onAtLeast === undefined ? '' : `, on at least ${claim.onAtLeast} of them`)

/** The platforms of a verdict; if the run has none that the claim selects, the selection itself. */
export function formatPlatforms({ claim, platforms }: Pick<ClaimVerdict, 'claim' | 'platforms'>): string {
  if (platforms.length === 0) return describeSelector(claim.on)
  return platforms.join(claim.matcher.kind === 'ranked' ? ' > ' : ', ')
}

const reasonTexts: Record<ReasonCode, string> = {
  'platform-unavailable': 'the platform does not work on this host, or the run excluded it',
  'platform-unknown': 'this run has no platform of that name or kind',
  'platform-excluded': 'the run leaves such platforms out by default; --all-platforms includes them',
  'workload-unsupported': 'the platform cannot run such a workload',
  'no-native': 'native was not measured, so there is nothing to compare with',
  'not-measured': 'the bench was not part of this run',
  'time-budget': 'not measured: time budget',
  'shard-missing': 'no record has its samples of the bench',
  'tracer-unavailable': 'the kernel of this host cannot be traced that way',
  'sample-errors': 'its samples failed',
  'not-observed':
    'its samples have no value: there was no output or no second clone, or isobench cannot observe it there',
  'too-few-rounds': 'fewer rounds than the test needs; at least five',
  'too-few-points': 'too few values of the parameter were measured to compare one part of the series with another',
  'too-few-platforms': 'fewer platforms than the claim needs; a median needs at least two',
  'different-work': 'the samples did not do the same work',
  'client-bound': 'the load generator was the limit, so the values describe the load generator',
  'suspiciously-fast': 'more than a tenth better than native, which is more often a cache or a clock than a gain',
  'zero-value': 'a figure of 0 has no ratio',
  'interval-crosses-margin': 'the interval contains the margin; more rounds narrow it',
  'equals-margin': 'its values lie exactly at the margin, and more rounds like them do not decide it',
  'within-half-margin':
    'beyond the margin, but the noise is too great to be sure of more than half of it; more rounds would decide',
  'host-overloaded':
    'the values decide it, but other processes used at least half of the CPUs in most rounds; ' +
    'stop them and run again',
  'dependent-rounds':
    'the rounds depend on each other, so the interval is too narrow; ' +
    'measure more rounds over more time, and look for what changes during the run',
  multiplicity: 'beyond the margin, but among so many it may be chance; more rounds would decide',
  'noise-floor': 'the margin is smaller than the noise of this host; the smallest usable margin is given',
  'no-published-number': 'the source states no number for it; a chart in the source may show one',
  'part-not-measurable': 'a part of the statement has no bench in this suite',
  'not-on-hardware': 'its guests were not on hardware, so it is judged separately',
  'readings-differ': 'the readings differ',
}

const signedPercent = (percent: number): string =>
  `${percent < 0 ? '' : '+'}${figure(Number(percent.toPrecision(2)))} %`

const multiplicityTexts = {
  run: 'that could fail',
  finding: 'of the finding',
  benches: 'of the benches',
  claim: 'of the ranking',
} as const

/** What a reason is about: platforms, a number, or a message. */
export function formatReasonSubject(reason: Reason): string {
  switch (reason.code) {
    case 'multiplicity':
      return `one of ${reason.tests} ${multiplicityTexts[reason.among]}`
    case 'dependent-rounds':
      return (
        `correlation ${reason.correlation.toFixed(2)}` +
        `${reason.comparisons > 1 ? ` over ${reason.comparisons} comparisons of the bench` : ''}, ` +
        `drift ${signedPercent(reason.driftPercent)}`
      )
    case 'noise-floor':
      return `${reason.smallestMarginPercent.toPrecision(2)} %`
    case 'tracer-unavailable':
      return reason.message
    case 'shard-missing':
      return `shard ${reason.shard}`
    case 'part-not-measurable':
      return reason.parts.join('; ')
    case 'not-on-hardware':
      return reason.cpuMode
    case 'too-few-platforms':
      return reason.measured === undefined ? '' : `only ${reason.measured} of ${plural(reason.needed, 'platform')}`
    case 'readings-differ':
      return `holds for ${reason.holds.join(', ')}; contradicted for ${reason.contradicted.join(', ')}`
    default: {
      const platforms = 'platforms' in reason ? reason.platforms.join(', ') : ''
      const at = 'at' in reason && reason.at ? `${reason.at.parameter} ${reason.at.values.join(', ')}` : ''
      return [platforms, at].filter(Boolean).join(' at ')
    }
  }
}

/** Why something is not decided. */
export function formatReason(reason: Reason): string {
  const parts = [formatReasonSubject(reason), reasonTexts[reason.code]].filter(Boolean)
  return (reason.code === 'readings-differ' ? parts.reverse() : parts).join(': ')
}

/** A reason without what it is about: the same text for all claims with this code. */
export const formatReasonCode = (code: ReasonCode): string => reasonTexts[code]

/** What an estimate is: `×native`, or a unit. */
function formatEstimateKind(estimate: Estimate): string {
  switch (estimate.kind) {
    case 'ratio':
      return `×${'platform' in estimate.to ? estimate.to.platform : 'median'}`
    case 'amount':
      return estimate.unit
    case 'argmax':
      return estimate.parameter
    case 'spread':
      return `× ${estimate.parameter}=${estimate.best}, at ${estimate.parameter}=${estimate.worst}`
    case 'change':
      return `× ${estimate.parameter}=${estimate.from}, at ${estimate.parameter}=${estimate.to}`
    case 'rank-correlation':
      return 'mean rank correlation'
  }
}

/** What the estimate of a verdict is, and how it was made: `×median, unpaired`. Empty without an estimate. */
export function formatEstimateUnit({ estimate, published }: Pick<ClaimVerdict, 'estimate' | 'published'>): string {
  if (!estimate) return ''
  const made = published ? ', as stated' : estimate.kind === 'ratio' && !estimate.paired ? ', unpaired' : ''
  return formatEstimateKind(estimate) + made
}

/** The estimate of a verdict with its interval: `1.08 [1.06, 1.1] ×native`. */
export function formatEstimate(verdict: Pick<ClaimVerdict, 'estimate' | 'published' | 'platforms'>): string {
  const { estimate, platforms } = verdict
  if (estimate) {
    // A claim about several platforms is decided by one of them, and not always by the first.
    const whose = estimate.kind === 'ratio' && platforms.length > 1 ? `${estimate.platform} ` : ''
    return `${whose}${interval(estimate)} ${formatEstimateUnit(verdict)}`
  }
  return verdict.published ? 'by the order that is stated' : 'not measured'
}

/** What more rounds would do: `about 12 more rounds would decide it`. Empty if unknown. */
export function formatExtraRounds(needed: ClaimVerdict['extraRoundsNeeded']): string {
  if (needed === null) return ''
  if (needed === 'too-many') return `more rounds alone will not decide it (more than ${mostExtraRounds})`
  return `about ${plural(needed, 'more round')} would decide it`
}

/**
 * How a platform differs from a claim: `better` or `worse`, and for counts `fewer` or `more`. A smaller count, such as
 * that of system calls, need not be better.
 */
export function comparative({ unit, better, direction }: Pick<ClaimVerdict, 'unit' | 'better' | 'direction'>): string {
  const isBetter = direction === 'better'
  if (unit !== 'count' || better === undefined) return isBetter ? 'better' : 'worse'
  return isBetter === (better === 'lower') ? 'fewer' : 'more'
}

/** One sentence: what was claimed, what was measured, and why it is not decided. */
export function formatClaim(verdict: Omit<ClaimVerdict, 'failsRun'>): string {
  const { claim, outcome, reason, extraRoundsNeeded } = verdict
  const subject = `${claim.metric} of ${formatPlatforms(verdict)}`
  const claimed = formatAssertion(verdict)
  const measured = formatEstimate(verdict)
  const why = reason ? formatReason(reason) : ''
  const rounds = formatExtraRounds(extraRoundsNeeded)
  const more = rounds ? `; ${rounds}` : ''
  switch (outcome) {
    case 'holds':
      return `${subject} is ${claimed}: ${measured}`
    case 'contradicted':
      return `${subject} is ${comparative(verdict)} than claimed (${claimed}): ${measured}`
    case 'inconclusive':
      return `${subject} is inconclusive (${claimed}): ${measured}; ${why}${more}`
    case 'not-evaluated':
      return `${subject} cannot be judged (${claimed}): ${why}`
  }
}

/** What the words of a finding need of its report. */
interface Context {
  readonly claims: readonly Omit<ClaimVerdict, 'failsRun'>[]
  readonly platforms: readonly { readonly name: string; readonly reason?: string | null }[]
  readonly excludedPlatforms?: readonly { readonly name: string }[]
}

/** The platforms that are missing, by the reason: `needs osv, osv-firecracker: no OSv image; kata: not in this run`. */
function formatMissing(names: readonly string[], platforms: Context['platforms']): string {
  const byReason = new Map<string, string[]>()
  for (const name of names) {
    const reason = platforms.find((platform) => platform.name === name)?.reason ?? 'not in this run'
    // "firecracker is not installed" need not name firecracker again.
    const own = `${name} is `
    const short = reason.startsWith(own) ? reason.slice(own.length) : reason
    byReason.set(short, [...(byReason.get(short) ?? []), name])
  }
  return `needs ${[...byReason].map(([reason, those]) => `${those.join(', ')}: ${reason}`).join('; ')}`
}

const absenceCodes: readonly ReasonCode[] = [
  'platform-unavailable',
  'platform-unknown',
  'platform-excluded',
  'no-native',
]

/** Why a finding, or its wording, is not evaluated: the missing platforms first, because a reader can change those. */
function formatOpenReasons({ reasons, missingPlatforms }: Combination, platforms: Context['platforms']): string[] {
  const unable = reasons.flatMap((reason) => (reason.code === 'workload-unsupported' ? reason.platforms : []))
  const missing = missingPlatforms.filter((name) => !unable.includes(name))
  if (missing.length === 0) return reasons.map(formatReason)
  const others = reasons.filter(({ code }) => !absenceCodes.includes(code))
  return [formatMissing(missing, platforms), ...others.map(formatReason)]
}

/** How the verdicts of several claims combine, in words. */
export function formatCombination(combination: Combination, report: Context): string {
  const { claims, excludedPlatforms = [] } = report
  const excluded = excludedPlatforms.map(({ name }) => ({ name, reason: 'left out by default' }))
  const platforms = [...report.platforms, ...excluded]
  const { outcome, decisiveClaim, agreeing, reasons } = combination
  const { holds, of } = agreeing
  switch (outcome) {
    case 'contradicted':
    case 'inconclusive': {
      const differ = reasons.find(({ code }) => code === 'readings-differ')
      if (differ) return formatReason(differ)
      return decisiveClaim === null ? '' : formatClaim(claims[decisiveClaim]!)
    }
    case 'holds':
      return `${plural(holds, 'comparison')}, without exception`
    case 'holds-in-part':
      return [`${holds} of ${plural(of, 'comparison')}`, ...formatOpenReasons(combination, platforms)].join('; ')
    case 'not-evaluated':
      return of === 0 && reasons.length === 0
        ? 'no part is measured'
        : formatOpenReasons(combination, platforms).join('; ')
  }
}

const exampleTexts: Record<FindingOutcome, string> = {
  holds: 'its example holds',
  'holds-in-part': 'its example holds where it was measured',
  contradicted: 'its example does not hold',
  inconclusive: 'its example is inconclusive',
  'not-evaluated': 'its example cannot be judged',
}

const otherPartTexts: Record<FindingOutcome, string> = {
  holds: 'held',
  'holds-in-part': 'held where measured',
  contradicted: 'contradicted',
  inconclusive: 'inconclusive',
  'not-evaluated': 'not evaluated',
}

/** What the parts say that do not decide the finding: `other parts: 2 held, 1 not evaluated`. */
function formatOtherParts(parts: readonly PartVerdict[], decisive: PartVerdict): string[] {
  const others = parts.filter((part) => part !== decisive)
  const counts = Object.entries(otherPartTexts).flatMap(([outcome, text]) => {
    const count = others.filter((part) => part.outcome === outcome).length
    return count > 0 ? [`${count} ${text}`] : []
  })
  return counts.length > 0 ? [`other ${others.length === 1 ? 'part' : 'parts'}: ${counts.join(', ')}`] : []
}

/** Why a finding has its outcome, in words. */
export function formatFinding(finding: Omit<FindingVerdict, 'failsRun'>, report: Context): string {
  const { qualitative, fallbackLabel, parts, outcome, direction } = finding
  const label = fallbackLabel === undefined ? '' : `${fallbackLabel}: `
  if (qualitative) {
    const { why, example } = qualitative
    const details = example === 'holds' ? '' : `: ${formatCombination({ ...finding, outcome: example }, report)}`
    return `${label}qualitative, ${why}; ${exampleTexts[example]}${details}`
  }
  const decisive = parts.find((part) => part.outcome === outcome && part.direction === direction)
  const text = formatCombination(finding, report)
  if (parts.length < 2 || !decisive || (outcome !== 'contradicted' && outcome !== 'inconclusive')) return label + text
  return label + [`${decisive.title}: ${text}`, ...formatOtherParts(parts, decisive)].join('; ')
}

/** The title of a finding, with the label of its fallback claims if those decided it. */
export const formatFindingTitle = ({
  title,
  fallbackLabel,
}: Pick<FindingVerdict, 'title' | 'fallbackLabel'>): string =>
  fallbackLabel === undefined ? title : `${title} (${fallbackLabel})`

/** Figures with their units as people read them. Files for machines keep the metric's own unit. */

const seconds: Record<string, number> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 }
const timeUnits = [
  ['s', 1],
  ['ms', 1e-3],
  ['µs', 1e-6],
  ['ns', 1e-9],
] as const

/** Three significant digits, and separators instead of an exponent for what is large. */
const plainFigure = (value: number): string =>
  Math.abs(value) >= 1000 && Math.abs(value) < 1e15 ? Math.round(value).toLocaleString('en-US') : figure(value)

function timeUnit(inSeconds: number): (typeof timeUnits)[number] {
  return timeUnits.find(([, scale]) => inSeconds >= scale) ?? (inSeconds === 0 ? timeUnits[0] : timeUnits[3])
}

function shown(value: number, unit: string, chosen?: (typeof timeUnits)[number]): string {
  const scale = seconds[unit]
  if (scale === undefined) return unit === 'count' ? plainFigure(value) : `${plainFigure(value)} ${unit}`
  const [name, of] = chosen ?? timeUnit(value * scale)
  return `${plainFigure((value * scale) / of)} ${name}`
}

/** `1,234 events/s`; a time in the unit that suits it: 0.0123 s is `12.3 ms`. */
export const formatQuantity = (value: number, unit: string): string => shown(value, unit)

/** Figures to be compared by eye: times all in the unit that suits the middle one, unless they are too far apart. */
export function formatColumn(values: readonly (number | null)[], unit: string): string[] {
  const given = values.filter((value) => value !== null && value > 0).sort((a, b) => a! - b!) as number[]
  return values.map((value) => (value === null ? '–' : shown(value, unit, commonUnit(given, unit))))
}

function commonUnit(sorted: readonly number[], unit: string): (typeof timeUnits)[number] | undefined {
  const scale = seconds[unit]
  if (scale === undefined || sorted.length === 0) return undefined
  const common = timeUnit(sorted[Math.floor(sorted.length / 2)]! * scale)
  const [least, most] = [sorted[0]!, sorted.at(-1)!].map((value) => (value * scale) / common[1]) as [number, number]
  return least >= 0.001 && most < 1e6 ? common : undefined
}

const fixed = (value: number, decimals: number): string =>
  value >= 10 || value < 0.01 ? figure(value) : value.toFixed(decimals)

/** Two decimals, or three where an interval is so narrow that two would hide it. */
const decimalsFor = (low: number | null, high: number | null): number =>
  low !== null && high !== null && high - low < 0.02 ? 3 : 2

/** A ratio and its 90 % interval: `0.93` and `[0.91, 0.95]`, with the decimals that the narrowest of a column needs. */
export function formatRatios(column: readonly MetricResult['ratioToNative'][]): { ratio: string; interval: string }[] {
  const decimals = Math.max(2, ...column.map((one) => (one ? decimalsFor(one.low, one.high) : 2)))
  return column.map((one) => {
    if (!one) return { ratio: '', interval: '' }
    const { ratio, low, high } = one
    const bounds = low === null || high === null ? '' : `[${fixed(low, decimals)}, ${fixed(high, decimals)}]`
    return { ratio: fixed(ratio, decimals), interval: bounds }
  })
}

/** A ratio as people say it: `11.6 % less`, `3.2 times`. */
export function formatChange(ratio: number): string {
  if (ratio >= 2) return `${figure(ratio)} times as much`
  const percent = Math.abs(ratio - 1) * 100
  return percent < 0.05 ? 'the same' : `${figure(Number(percent.toFixed(1)))} % ${ratio < 1 ? 'less' : 'more'}`
}

/** `45 s`, `4 min 10 s`, `1 h 5 min`. */
export function duration(ms: number): string {
  const all = Math.round(ms / 1000)
  if (all < 60) return `${all} s`
  const minutes = Math.floor(all / 60)
  if (minutes < 60) return all % 60 === 0 || minutes >= 10 ? `${minutes} min` : `${minutes} min ${all % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** How long the end of a server took, and why. */
export function formatSlowServerStop({ program, ms, samples }: NonNullable<PlatformResult['slowServerStop']>): string {
  const took = `${sanitize(program, 60)} took ${duration(ms)} to end in ${plural(samples, 'sample')}`
  return `${took}: isobench killed it in the guest, but the command of the platform went on (see unshare --kill-child)`
}
