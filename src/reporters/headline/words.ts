import { describeParams } from '../../core/model/plan.ts'
import type { ClaimVerdict, Estimate } from '../../core/model/verdict.ts'
import { plural } from '../../util/text.ts'
import { formatRowReason } from '../comparison.ts'
import {
  duration,
  figure,
  formatColumn,
  formatEstimate,
  formatExtraRounds,
  formatMatcher,
  formatPlatforms,
  formatQuantity,
} from '../format.ts'
import { claimLocation } from '../summary.ts'
import type { Fact, FactSubject, Since } from './facts.ts'
import type { FindingNote } from './findings.ts'
import type { ClaimCounts, Headline } from './headline.ts'
import type { Command, Disturbance, NextStep } from './next-steps.ts'

/** The sentences of a headline. Names are as authors wrote them: sanitize or escape the result. */

/** Signs that mean the same in every report. Color never is the only sign. */
export const signs = { better: '▲', worse: '▼', same: '·', fails: '✗', warns: '!', passes: '✓', doubt: '?' } as const

const stateWords: Record<Headline['state'], string> = {
  passed: 'PASS',
  failed: 'FAIL',
  undecided: 'OPEN',
  nothing: 'NOTHING JUDGED',
  invalid: 'INVALID',
  interrupted: 'INTERRUPTED',
}

/** The verdict in a word: `PASS`. */
export const verdictWord = ({ state }: Headline): string => stateWords[state]

export const verdictSign = ({ state }: Headline): string =>
  state === 'passed' ? signs.passes : state === 'failed' || state === 'invalid' ? signs.fails : signs.doubt

/** What the verdict is about, in a sentence without a full stop. */
export function verdictText({ state, failures, problems, undecided, unmeasured, baseline }: Headline): string {
  const regressed = failures.filter((one) => one.subjects.some(({ since }) => since.kind === 'regressed')).length
  const claimed = failures.length - regressed
  switch (state) {
    case 'passed':
      return 'nothing fails this run'
    case 'failed':
      return [
        ...(claimed > 0 ? [`${plural(claimed, 'result')} ${claimed === 1 ? 'is' : 'are'} not as claimed`] : []),
        ...(regressed > 0 ? [`${plural(regressed, 'result')} regressed against the baseline ${baseline?.name}`] : []),
      ].join(', ')
    case 'undecided':
      return `${plural(undecided.count, 'claim')} stayed undecided, or a finding is open`
    case 'nothing':
      if (unmeasured.length > 0) return `the run needs ${unmeasured.join(', ')}, and did not measure it`
      return baseline ? 'no regression could be found' : 'no claim could be judged'
    case 'invalid':
      return problems.length > 0
        ? `${plural(problems.length, 'problem')} in the project's files`
        : 'it could not be judged'
    case 'interrupted':
      return 'the verdicts are those of the samples so far'
  }
}

/** `91 hold · 1 worse · 2 better than claimed · 127 need more rounds · 4 without data · 42 not asked for`. */
export function countsText(counts: ClaimCounts): string {
  const parts: readonly [number, string][] = [
    [counts.worse, 'worse than claimed'],
    [counts.better, 'better than claimed'],
    [counts.inconclusive, counts.inconclusive === 1 ? 'needs more rounds' : 'need more rounds'],
    [counts.notEvaluated, 'without data'],
    [counts.notAsked, 'not asked for'],
  ]
  const holds = counts.holds === 1 ? '1 claim holds' : `${counts.holds} claims hold`
  return [holds, ...parts.flatMap(([count, text]) => (count > 0 ? [`${count} ${text}`] : []))].join(' · ')
}

/** A time of day as people read it: `29 Nov 06:29`. */
export function shortTime(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  const month = at.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })
  return `${at.getUTCDate()} ${month} ${iso.slice(11, 16)}`
}

/** What the run was compared with. */
export function comparedText({ baseline, former }: Headline): string {
  if (baseline) {
    const { rows, canTell, marginPercent } = baseline.comparison
    const count = (change: string) => rows.filter((row) => row.failsRun && row.change === change).length
    const counts = `${count('regressed') + count('lost')} regressed, ${count('unclear')} unclear of ${rows.length}`
    const few = canTell ? '' : '; no regression could be found'
    return `against the baseline ${baseline.name}: ${counts} (margin ${marginPercent} %)${few}`
  }
  if (former) return `no baseline; the last run here was on ${shortTime(former.environment.startedAt)}`
  return 'no baseline, and no earlier run of this host'
}

/** The bench, the metric and the platforms of a fact. */
export function factTitle({ bench, metric, subjects }: Fact): string {
  const platforms = [...new Set(subjects.flatMap((one) => [subjectPlatforms(one)]))]
  const where = platforms.length <= 2 ? platforms.join(', ') : plural(platforms.length, 'platform')
  return `${bench.name} ${metric} · ${where}`
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

/** What was allowed: `10 % allowed`, `claimed: at most 100 ms`. */
export function allowedText({ claim: { matcher, onAtLeast }, unit }: ClaimVerdict): string {
  const some = onAtLeast === undefined ? '' : `, on at least ${onAtLeast} of them`
  switch (matcher.kind) {
    case 'withinNative':
    case 'notWorseThan':
      return `${matcher.percent} % allowed${some}`
    case 'equivalentTo':
      return `±${matcher.percent} % allowed${some}`
    case 'atMost':
      return `claimed: at most ${formatQuantity(matcher.value, unit ?? '')}${some}`
    case 'atLeast':
      return `claimed: at least ${formatQuantity(matcher.value, unit ?? '')}${some}`
    default:
      return `claimed: ${formatMatcher(matcher, unit)}${some}`
  }
}

/** How a subject differs from what was claimed, or from the baseline. */
function subjectText(subject: FactSubject, withPlatform: boolean): string {
  const { verdict, params, since, median } = subject
  const values = describeParams(params)
  const about = [...(withPlatform ? [subjectPlatforms(subject)] : []), ...(values ? [values] : [])].join(' ')
  const head = about === '' ? '' : `${about}: `
  if (!verdict) return since.kind === 'regressed' ? head + regressedText(since) : head
  const { estimate } = verdict
  const shown = estimate?.kind === 'amount' ? formatQuantity(estimate.value, estimate.unit) : ''
  const table = median !== null && estimate?.kind === 'amount' ? formatQuantity(median, estimate.unit) : shown
  return `${head}${measuredText(verdict)}${table === shown ? '' : ` (median ${table})`}`
}

/** By how much: the worst subject, what was allowed, and the mildest if there are several. */
export function factText({ subjects }: Fact): string {
  const [worst] = subjects as [FactSubject]
  const mildest = subjects.at(-1)!
  const several = subjects.length > 1
  const differs = new Set(subjects.map(subjectPlatforms)).size > 1
  const text = `${several ? 'worst ' : ''}${subjectText(worst, differs)}`
  const allowed = worst.verdict ? `, ${allowedText(worst.verdict)}` : ''
  return `${text}${allowed}${several ? `; least ${subjectText(mildest, differs)}` : ''}`
}

/** How sure: the rounds, and the interval. */
export function sureText({ subjects: [worst], direction }: Fact): string {
  const { verdict, rounds } = worst!
  if (!verdict) return 'the change is beyond the margin among all results that could regress'
  const count = verdict.estimate?.rounds ?? 0
  const agree = rounds
    ? `${direction === 'better' ? 'better' : 'worse'} in ${rounds.beyond} of ${plural(rounds.of, 'round')}`
    : plural(count, 'round')
  return verdict.published ? 'as published' : `${agree}; the whole 90 % interval is beyond what is allowed`
}

function regressedText({ row, baseline }: Extract<Since, { kind: 'regressed' | 'baseline' }>): string {
  if (row.reason !== null && row.change === 'lost') return `no result any more: ${formatRowReason(row.reason)}`
  const { ratio } = row
  if (!ratio) return `measured in the baseline ${baseline} too`
  const { estimate, low, high } = ratio
  const bounds = low === null || high === null ? '' : ` [${figure(low)}, ${figure(high)}]`
  return `${figure(estimate)} × the baseline ${baseline}${bounds}`
}

/** Since when it is so. */
export function sinceText({ since }: FactSubject, { former, baseline }: Pick<Headline, 'former' | 'baseline'>): string {
  switch (since.kind) {
    case 'regressed':
      return `regressed: ${regressedText(since)}`
    case 'baseline':
      return `${since.row.change === 'unclear' ? 'no clear change' : 'no change'}: ${regressedText(since)}`
    case 'former': {
      const { outcome, verdict, startedAt } = since
      const then = shortTime(startedAt)
      const value = verdict.estimate ? `, ${measuredText(verdict)}` : ''
      if (outcome === 'contradicted') return `also in the run of ${then}${value}`
      return outcome === 'holds'
        ? `new: it held in the run of ${then}${value}`
        : `undecided in the run of ${then}${value}`
    }
    case 'first':
      return former || baseline ? 'not measured or not claimed before' : 'first run here, no baseline'
  }
}

/** Other platforms on which the same claim holds: what a reader needs to exclude the host. */
export function othersText({ holdsOn, subjects }: Fact): string | undefined {
  const [nearest] = holdsOn
  if (!nearest || subjects[0]?.verdict?.claim.matcher.kind === 'ranked') return undefined
  const names = [...new Set(holdsOn.map(formatPlatforms))]
  const shown = names.length > 2 ? plural(names.length, 'platform') : names.join(', ')
  return `the same claim holds on ${shown}${names.length === 1 ? ` (${measuredText(nearest)})` : ''}`
}

/** Where it is claimed: the place, and the findings. */
export function sourcesText({ subjects, findings, bench }: Fact, root: string): string {
  const { verdict } = subjects[0]!
  const place = verdict ? claimLocation(verdict, root) : { file: bench.file }
  const line = 'line' in place && place.line !== undefined ? `:${place.line}` : ''
  const ids = findings.length === 0 ? '' : `, ${findings.length === 1 ? 'finding' : 'findings'} ${findings.join(', ')}`
  return `${place.file}${line}${ids}`
}

/** `about 40 s`, `40 s to 2 min`; undefined if unknown. */
export function durationText(seconds: Command['seconds']): string | undefined {
  if (!seconds) return undefined
  const [least, most] = [duration(1000 * seconds.least), duration(1000 * seconds.most)]
  return least === most ? `about ${least}` : `${least} to ${most}`
}

const unlikely = 'likely a cache or a clock, not a gain'

/** What a finding says here, in a sentence without a full stop. */
export function findingText({ kind, worst, best, holds, of, platforms, isSuspicious }: FindingNote): string {
  if (!worst) return `${holds} of ${plural(of, 'comparison')} hold`
  const params = describeParams(worst.params)
  const subject = `${formatPlatforms(worst)}’s ${worst.claim.metric}${params ? ` at ${params}` : ''}`
  const many = platforms.length > 1 ? `; ${plural(platforms.length, 'platform')} in all` : ''
  const other = best ? `, ${formatPlatforms(best)}’s ${measuredText(best)}` : ''
  const rounds = formatExtraRounds(worst.extraRoundsNeeded)
  const more = rounds ? `; ${rounds}` : ''
  const text = `${subject} is ${measuredText(worst)}${other}; ${allowedText(worst)}`
  const count = of > 1 ? `; ${holds} of ${of} comparisons hold` : ''
  if (kind === 'doubtful') return `${text}${more}${count}`
  return `${text}${many}${count}${kind === 'improved' && isSuspicious ? `; ${unlikely}` : ''}`
}

/** When other processes disturbed the run. */
export function disturbanceText({ disturbed, of, most }: Disturbance): string {
  const when = most ? `, ${most.count} of them from ${most.from.slice(11, 19)} to ${most.to.slice(11, 19)} UTC` : ''
  return `other processes used the CPUs of guests during ${disturbed} of ${plural(of, 'sample')}${when}`
}

/** What to do, before its command. */
export function nextText({ kind, count, of }: NextStep, { disturbance }: Pick<Headline, 'disturbance'>): string {
  switch (kind) {
    case 'decide':
      return count === 1 ? 'decide the open claim' : `decide the ${count} open claims`
    case 'quiet':
      return `stop other processes: ${disturbance ? disturbanceText(disturbance) : ''}`
    case 'keep':
      return 'keep a run to compare with'
    case 'platforms':
      return `${count} of ${plural(of, 'platform')} cannot run here`
    case 'repair':
      return `see why ${plural(count, 'sample')} failed`
    case 'details':
      return 'all tables, claims and findings'
  }
}
