import { describeParams } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict, Estimate, Reason } from '../../core/model/verdict.ts'
import type { FindingSource } from '../../dsl/registry.ts'
import { listText, plural } from '../../util/text.ts'
import { benchElsewhere, benchPlace, claimLocation, formatPlace } from '../claim-place.ts'
import { formatRowReason } from '../comparison.ts'
import {
  comparative,
  figure,
  formatColumn,
  formatEstimate,
  formatMatcher,
  formatPlatforms,
  formatQuantity,
} from '../format.ts'
import { countNames } from '../new-names.ts'
import { unmeasuredTexts } from '../unmeasured.ts'
import type { Disturbance } from './disturbance.ts'
import type { Fact, FactSubject, Since } from './facts.ts'
import type { FindingNote } from './findings.ts'
import type { ClaimCounts, Headline } from './headline.ts'
import type { Command } from './next-steps.ts'

/** The sentences of a headline. Names are as authors wrote them: sanitize or escape the result. */

/** Signs that mean the same in every report. Color never is the only sign. */
export const signs = { better: '▲', worse: '▼', same: '·', fails: '✗', warns: '!', passes: '✓', doubt: '?' } as const

/** The signs of findings that say something. None of them fails the run. */
export const noteSigns: Record<FindingNote['kind'], string> = {
  lost: signs.worse,
  improved: signs.better,
  doubtful: signs.doubt,
  holds: '',
  open: '',
}

const stateWords: Record<Headline['state'], string> = {
  passed: 'PASS',
  incomplete: 'INCOMPLETE',
  failed: 'FAIL',
  undecided: 'OPEN',
  nothing: 'NOTHING JUDGED',
  invalid: 'INVALID',
  interrupted: 'INTERRUPTED',
  killed: 'KILLED',
}

/** The verdict in a word: `PASS`. */
export const verdictWord = ({ state, unmeasured }: Headline): string =>
  state === 'nothing' && unmeasured.length > 0 ? 'INCOMPLETE' : stateWords[state]

export const verdictSign = ({ state }: Headline): string =>
  state === 'passed' ? signs.passes : state === 'failed' || state === 'invalid' ? signs.fails : signs.doubt

const clauses = (parts: readonly string[], otherwise: string): string => parts.join(', ') || otherwise

/** How the worst subject of a fact differs from what is claimed. */
export const directionText = ({ subjects: [worst], direction }: Fact): string =>
  comparative(worst?.verdict ?? { unit: null, direction })

/** How several results differ from what is claimed. */
function differText(directions: readonly string[]): string {
  const [word = 'worse', ...others] = new Set(directions)
  return word === 'better' || others.length > 0 ? 'not as claimed' : `${word} than claimed`
}

/** Whether the run has no result of what the baseline has measured. */
const isLost = ({ subjects }: Fact): boolean =>
  subjects.every(({ since }) => since.kind === 'regressed' && since.row.change === 'lost')

/** What the verdict is about, in a sentence without a full stop. */
export function verdictText(headline: Headline): string {
  const { state, failures, newNames, problems, open, unmeasured, baseline, suspended, isIncomplete, rounds, error } =
    headline
  const names = countNames(newNames)
  const fromBaseline = failures.filter((one) => one.subjects.some(({ since }) => since.kind === 'regressed'))
  const lost = fromBaseline.filter(isLost).length
  const regressed = fromBaseline.length - lost
  const claimed = failures.length - fromBaseline.length
  const differ = differText(failures.map(directionText))
  switch (state) {
    case 'passed':
      return 'nothing fails this run'
    case 'incomplete':
      return 'nothing that was measured fails this run, but samples are missing'
    case 'failed':
      return clauses(
        [
          ...(regressed > 0 ? [`${plural(regressed, 'result')} regressed against the baseline ${baseline?.name}`] : []),
          ...(lost > 0
            ? [`${plural(lost, 'result')} of the baseline ${baseline?.name} ${lost === 1 ? 'is' : 'are'} lost`]
            : []),
          ...(names > 0
            ? [`${plural(names, 'name')} ${names === 1 ? 'is' : 'are'} new against the baseline ${baseline?.name}`]
            : []),
          ...(claimed > 0 ? [`${plural(claimed, 'result')} ${claimed === 1 ? 'is' : 'are'} ${differ}`] : []),
        ],
        'a finding is contradicted',
      )
    case 'undecided':
      return clauses(
        [
          ...suspendedTexts(suspended),
          ...(open.claims > 0 ? [`${plural(open.claims, 'claim')} could not be decided`] : []),
          ...(open.findings > 0
            ? [`${plural(open.findings, 'finding')} ${open.findings === 1 ? 'is' : 'are'} open`]
            : []),
        ],
        isIncomplete ? 'samples are missing' : 'a result may have regressed, or is no longer decided',
      )
    case 'nothing':
      if (unmeasured.length > 0) return unmeasuredTexts(unmeasured).join('; ')
      return baseline ? 'no regression could be found' : 'no claim could be judged'
    case 'invalid':
      return problems.length > 0
        ? `${plural(problems.length, 'problem')} in the project's files`
        : (error ?? 'it could not be judged')
    case 'interrupted':
      return 'the verdicts are those of the samples so far'
    case 'killed':
      return `this run was killed, and has samples of ${rounds.measured} of ${plural(rounds.planned, 'round')}`
  }
}

/** What the data say, and why it is no verdict. */
function suspendedTexts(suspended: Headline['suspended']): string[] {
  const text = (code: Reason['code'], why: (count: number) => string): string[] => {
    const open = suspended.filter(({ reason }) => reason?.code === code)
    if (open.length === 0) return []
    const directions = open.flatMap((one) => {
      const direction = one.reason && 'wouldBe' in one.reason ? one.reason.wouldBe : 'holds'
      return direction === 'holds' ? [] : [comparative({ ...one, direction })]
    })
    const are = open.length === 1 ? 'is' : 'are'
    return [`${plural(open.length, 'result')} ${are} ${differText(directions)}, but ${why(open.length)}`]
  }
  return [
    ...text('dependent-rounds', (count) => `${count === 1 ? 'its' : 'their'} rounds depend on each other`),
    ...text('host-overloaded', () => 'other processes had most of the CPUs'),
  ]
}

/** `claims: 91 hold · 1 worse · 2 better · 127 inconclusive · 4 without data · 42 not asked for`. */
export function countsText(counts: ClaimCounts): string {
  const parts: readonly [number, string][] = [
    [counts.worse, 'worse'],
    [counts.better, 'better'],
    [counts.inconclusive, 'inconclusive'],
    [counts.notEvaluated, 'without data'],
    [counts.notAsked, 'not asked for'],
  ]
  const holds = counts.holds === 1 ? 'claims: 1 holds' : `claims: ${counts.holds} hold`
  return [holds, ...parts.flatMap(([count, text]) => (count > 0 ? [`${count} ${text}`] : []))].join(' · ')
}

/** A time of day as people read it: `29 Nov 06:29`. */
export function shortTime(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  const month = at.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })
  return `${at.getUTCDate()} ${month} ${iso.slice(11, 16)}`
}

/** How many results of a baseline that the run does not have a text names. */
const namedResults = 3

/** How many parameters of a bench a text names. */
const shownPlaces = 3

/** What the run was compared with. */
export function comparedText({ baseline, former }: Headline): string {
  if (baseline) {
    const { rows, canTell, marginPercent, onlyIn } = baseline.comparison
    const count = (change: string) => rows.filter((row) => row.failsRun && row.change === change).length
    const compared = rows.filter((row) => row.failsRun).length
    const changed = rows.filter((row) => row.failsRun && row.reason?.code === 'different-work').length
    const work = changed > 0 ? `; the work of ${changed} changed, so save a new baseline to compare them` : ''
    const lost = count('lost')
    const counts =
      `${count('regressed')} regressed, ${lost > 0 ? `${lost} lost, ` : ''}` +
      `${count('unclear')} unclear of ${compared} (margin ${marginPercent} %)`
    const few = canTell || lost === compared ? '' : `; no ${lost > 0 ? 'other ' : ''}regression could be found`
    const absent = onlyIn.baseline.length > 0 ? `; not measured now: ${listText(onlyIn.baseline, namedResults)}` : ''
    if (compared === 0)
      return `baseline ${baseline.name}: no result is in both runs, native aside, so nothing can be compared${absent}`
    return `baseline ${baseline.name}: ${counts}${work}${few}${absent}`
  }
  if (former) return `no baseline, last run here ${shortTime(former.environment.startedAt)}`
  return former === null ? 'no baseline, first run here' : 'no baseline'
}

/** How many platforms a title names. */
const namedPlatforms = 3

/** The first names, and how many more there are. */
const listNames = (names: readonly string[]): string => {
  const shown = names.slice(0, names.length > namedPlatforms ? namedPlatforms - 1 : namedPlatforms)
  return [...shown, ...(names.length > shown.length ? [`${names.length - shown.length} more`] : [])].join(', ')
}

/** The bench, the metric and the platforms of a fact, the worst platform first. */
export function factTitle({ bench: { name }, metric, subjects }: Fact): string {
  const named = name.endsWith(metric) ? name : `${name} ${metric}`
  return `${named} · ${listNames([...new Set(subjects.map(subjectPlatforms))])}`
}

const subjectPlatforms = ({ verdict, platforms }: FactSubject): string =>
  verdict ? formatPlatforms(verdict) : platforms.join(', ')

/** A number with two significant digits, as a reader compares it. */
const short = (value: number): string =>
  Math.abs(value) >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))

/** Beyond a factor of two, a factor is easier to read than percent. */
const usesPercent = (value: number): boolean => value >= 0.5 && value < 2

const reference = (to: (Estimate & { kind: 'ratio' })['to'], missing: readonly string[] = []): string => {
  if ('platform' in to) return to.platform
  const members = to.medianOf.filter((name) => !missing.includes(name))
  return `the median of ${members.length > 3 ? `${members.length} others` : members.join(', ')}`
}

/** `25 % less than native [19, 28 %]`, `31 × native [29, 33]`, `26.5 % [24.5, 28.5 %]`. */
export function measuredText(verdict: ClaimVerdict): string {
  const { estimate, missingMembers } = verdict
  if (estimate?.kind === 'ratio') {
    const { value, low, high } = estimate
    const to = reference(estimate.to, missingMembers)
    if (!usesPercent(value)) {
      const bounds = low === null || high === null ? '' : ` [${short(low)}, ${short(high)}]`
      return `${short(value)} × ${to}${bounds}`
    }
    const sign = value < 1 ? -1 : 1
    const percent = (ratio: number) => short(sign * (ratio - 1) * 100)
    const ends = low === null || high === null ? [] : [low, high].map(percent).sort((a, b) => Number(a) - Number(b))
    const bounds = ends.length === 0 ? '' : ` [${ends.join(', ')} %]`
    return `${percent(value)} % ${value < 1 ? 'less' : 'more'} than ${to}${bounds}`
  }
  if (estimate?.kind === 'amount') {
    const [value, low, high] = formatColumn([estimate.value, estimate.low, estimate.high], estimate.unit)
    return estimate.low === null || estimate.high === null ? value! : `${value} [${withoutUnit(low!)}, ${high}]`
  }
  return formatEstimate(verdict)
}

/** `12.3` of `12.3 ms`. */
const withoutUnit = (quantity: string): string => quantity.split(' ')[0]!

/** A margin as the estimate is shown: in percent beside percent, as a factor beside a factor. */
function marginText(percent: number, estimate: Estimate | null): string {
  if (estimate?.kind !== 'ratio' || usesPercent(estimate.value)) return `${percent} %`
  return `${short(estimate.value > 1 ? 1 + percent / 100 : Math.max(0, 1 - percent / 100))} ×`
}

/** What was allowed: `10 % allowed`, `claimed: at most 100 ms`. */
export function allowedText({ claim: { matcher, onAtLeast }, unit, estimate }: ClaimVerdict): string {
  const some = onAtLeast === undefined ? '' : `, on at least ${onAtLeast} of them`
  switch (matcher.kind) {
    case 'withinNative':
    case 'notWorseThan':
      return `${marginText(matcher.percent, estimate)} allowed${some}`
    case 'equivalentTo': {
      const isFactor = estimate?.kind === 'ratio' && !usesPercent(estimate.value)
      return `${isFactor ? '' : '±'}${marginText(matcher.percent, estimate)} allowed${some}`
    }
    case 'atMost':
      return `claimed: at most ${formatQuantity(matcher.value, unit ?? '')}${some}`
    case 'atLeast':
      return `claimed: at least ${formatQuantity(matcher.value, unit ?? '')}${some}`
    default:
      return `claimed: ${formatMatcher(matcher, unit)}${some}`
  }
}

/** How a subject differs from what was claimed, or from the baseline. */
function subjectText({ verdict, since, median }: FactSubject): string {
  if (!verdict) return since.kind === 'regressed' ? regressedText(since) : ''
  const { estimate } = verdict
  if (estimate?.kind !== 'amount' || median === null) return measuredText(verdict)
  const [shown, table] = [estimate.value, median].map((value) => formatQuantity(value, estimate.unit))
  return `${measuredText(verdict)}${table === shown ? '' : ` (median ${table})`}`
}

/** By how much: the worst subject, what was allowed, and the mildest if there are several. */
export function factText(fact: Fact): string {
  const { subjects } = fact
  const [worst] = subjects as [FactSubject]
  // All of them, because a lost one is as bad as another.
  const places = isLost(fact) ? subjects : [worst]
  const params = [...new Set(places.map((one) => describeParams(one.params)))].filter(Boolean)
  const at = params.length > 0 ? ` at ${listText(params, shownPlaces)}` : ''
  const allowed = worst.verdict ? `, ${allowedText(worst.verdict)}` : ''
  const mildest = subjects.at(-1)!.verdict
  const value = mildest && valueText(mildest)
  const differs = value !== (worst.verdict && valueText(worst.verdict))
  const range = value && differs ? `, mildest ${value}` : ''
  return `${subjectText(worst)}${at}${range}${allowed}`
}

/** The value of an estimate alone: `33 %`, `2.3 ×`, `6.04 %`. Undefined if it is of another kind. */
function valueText({ estimate }: ClaimVerdict): string | undefined {
  if (estimate?.kind === 'amount') return formatQuantity(estimate.value, estimate.unit)
  if (estimate?.kind !== 'ratio') return undefined
  const { value } = estimate
  return usesPercent(value) ? `${short(100 * Math.abs(value - 1))} %` : `${short(value)} ×`
}

/** How sure: the rounds, and the interval. */
export function sureText({ subjects: [worst] }: Fact): string {
  const { verdict, rounds, since } = worst!
  if (!verdict) {
    const isLost = since.kind === 'regressed' && since.row.change === 'lost'
    return isLost
      ? 'the baseline has a result, and this run has none'
      : 'beyond the margin, corrected for all results that could regress'
  }
  if (verdict.published) return 'as published'
  const agree = rounds
    ? `${comparative(verdict)} in ${rounds.beyond} of ${plural(rounds.of, 'round')}`
    : plural(verdict.estimate?.rounds ?? 0, 'round')
  return `${agree}, 90 % interval all beyond the claim`
}

function regressedText({ row, baseline }: Extract<Since, { kind: 'regressed' | 'baseline' }>): string {
  if (row.reason !== null && row.change === 'lost') return `no result any more: ${formatRowReason(row.reason)}`
  const { ratio } = row
  if (!ratio) return row.reason ? formatRowReason(row.reason) : `no ratio to the baseline ${baseline}`
  const { estimate, low, high } = ratio
  const bounds = low === null || high === null ? '' : ` [${figure(low)}, ${figure(high)}]`
  return `${figure(estimate)} × the baseline ${baseline}${bounds}`
}

/** Since when it is so. */
export function sinceText(
  { since, verdict: claimed }: FactSubject,
  { former, baseline }: Pick<Headline, 'former' | 'baseline'>,
): string {
  switch (since.kind) {
    case 'regressed':
      // Without a claim, the first line has the figures.
      if (claimed) return `regressed: ${regressedText(since)}`
      return since.row.change === 'lost'
        ? `lost since the baseline ${since.baseline}`
        : `regressed against the baseline ${since.baseline}`
    case 'baseline':
      return `${since.row.change === 'unclear' ? 'no clear change' : 'no change'}: ${regressedText(since)}`
    case 'former': {
      const { outcome, verdict, startedAt, isFurther } = since
      const then = shortTime(startedAt)
      const value = verdict.estimate ? `, ${measuredText(verdict)}` : ''
      if (outcome === 'contradicted' && verdict.direction !== claimed?.direction)
        return `new: it was ${comparative(verdict)} than claimed in the run of ${then}${value}`
      if (outcome === 'contradicted')
        return isFurther ? `even more than in the run of ${then}${value}` : `also in the run of ${then}${value}`
      return outcome === 'holds'
        ? `new: it held in the run of ${then}${value}`
        : `undecided in the run of ${then}${value}`
    }
    case 'first':
      // The baseline may have it: only results of one platform that are worse than claimed are looked up there.
      if (baseline) return `not compared with the baseline ${baseline.name}`
      if (former) return `not in the run of ${shortTime(former.environment.startedAt)}`
      return former === null ? 'the first run here' : 'no earlier run to compare with'
  }
}

/** Other platforms on which the same claim holds: what a reader needs to exclude the host. */
export function othersText({ holdsOn, subjects }: Fact): string | undefined {
  const [nearest] = holdsOn
  if (!nearest || subjects[0]?.verdict?.claim.matcher.kind === 'ranked') return undefined
  // A platform that fails in one case can hold in another.
  const failing = new Set(subjects.flatMap(({ verdict }) => (verdict ? formatPlatforms(verdict) : [])))
  const names = [
    ...new Set(
      holdsOn.map((one) => {
        const [name, params] = [formatPlatforms(one), describeParams(one.params)]
        return failing.has(name) && params ? `${name} at ${params}` : name
      }),
    ),
  ]
  return `holds on ${listNames(names)}${names.length === 1 ? ` (${measuredText(nearest)})` : ''}`
}

/** Where it is claimed, and where the bench is if that is elsewhere: `benches/prime.bench.ts:16`. */
export function placeText({ subjects, bench }: Fact, report: Pick<Report, 'cases'>, root: string): string {
  const { verdict } = subjects[0]!
  if (!verdict) return formatPlace(benchPlace(report, bench, root))
  const elsewhere = benchElsewhere(report, verdict, root)
  return formatPlace(claimLocation(verdict, root)) + (elsewhere ? `, ${elsewhere}` : '')
}

/** Where it is claimed: the place, and the findings. */
export function sourcesText(fact: Fact, report: Pick<Report, 'cases'>, root: string): string {
  const { findings } = fact
  const ids = findings.length === 0 ? '' : `, ${findings.length === 1 ? 'finding' : 'findings'} ${findings.join(', ')}`
  return placeText(fact, report, root) + ids
}

/** Seconds from which an estimate is given in minutes, and minutes from which it is given in hours. */
const [enoughSeconds, enoughMinutes] = [100, 100]

/** `about 40 s`, `2 to 6 min`; undefined if unknown. */
export function durationText(seconds: Command['seconds']): string | undefined {
  if (!seconds) return undefined
  const minutes = seconds.most / 60
  const [scale, unit] = minutes > enoughMinutes ? [3600, 'h'] : seconds.most > enoughSeconds ? [60, 'min'] : [1, 's']
  const [least, most] = [seconds.least, seconds.most].map((value) => Math.max(1, Math.round(value / scale)))
  return least === most ? `about ${most} ${unit}` : `${least} to ${most} ${unit}`
}

/** A comparison in plain words: `p90 of gvisor: 5.2 × the median of 5 others [1.9, 15]`. */
export function comparisonText(verdict: ClaimVerdict): string {
  const params = describeParams(verdict.params)
  const subject = `${verdict.claim.metric} of ${formatPlatforms(verdict)}${params ? ` at ${params}` : ''}`
  return `${subject}: ${measuredText(verdict)}`
}

/** Where a publication states a finding: `van Rijn and Rellermeyer, Middleware 2021, section 3.4, figure 12`. */
export function sourceText({ title, section, figures = [] }: FindingSource): string {
  const numbers = figures.length > 0 ? [`${figures.length === 1 ? 'figure' : 'figures'} ${figures.join(', ')}`] : []
  return [title, ...(section ? [`section ${section}`] : []), ...numbers].join(', ')
}

/** When other processes disturbed the run. */
export function disturbanceText({ disturbed, of, most }: Disturbance): string {
  const when = most ? `, ${most.count} from ${most.from.slice(11, 16)} to ${most.to.slice(11, 16)} UTC` : ''
  return `they disturbed ${disturbed} of ${plural(of, 'sample')}${when}`
}
