import type { Report } from '../core/model/report.ts'
import { brokenPlatforms } from '../core/watch/changes.ts'
import type { Failure } from '../core/watch/failures.ts'
import { type EmptyFilter, filterReport, matchesName, type ReportView } from '../core/watch/name-filter.ts'
import type { Watch } from '../core/watch/watch.ts'
import { codeFrame } from '../reporters/code-frame.ts'
import { duration } from '../reporters/format.ts'
import { benchName, count, countsLine, roundCount, verdictSymbols } from '../reporters/summary.ts'
import { benchLines } from '../reporters/terminal/benches.ts'
import { claimLines, type RenderOptions } from '../reporters/terminal/claims.ts'
import { findingLines, platformLines, problemLines } from '../reporters/terminal/summary.ts'
import { dimmed } from '../reporters/terminal/table.ts'
import { plural, sanitize, wrap } from '../util/text.ts'
import { changeLines, interimSign } from './watch-changes.ts'
import { clock, joinParts } from './watch-status.ts'

/** The lines of the screen of watch mode: what changed on top, then the results. Pure. */

/** What of a watch is shown. */
export type WatchView = Pick<
  Watch,
  | 'report'
  | 'stale'
  | 'before'
  | 'changes'
  | 'failures'
  | 'problems'
  | 'note'
  | 'latestJob'
  | 'only'
  | 'emptyFilter'
  | 'heldBack'
  | 'background'
>

export function renderWatch(watch: WatchView, view: RenderOptions): string[] {
  const { report, before, problems, changes, emptyFilter } = watch
  const top = [...headLines(watch, view), ...problemLines(problems, view, true)]
  if (emptyFilter) return [...top, ...emptyFilterLines(emptyFilter, view)]
  if (!report) return top
  const filtered = filterReport(report, watch.only)
  const shown = { ...report, ...filtered, findings: report.findings }
  const inView = ({ case: id, platform }: { readonly case: string; readonly platform: string }) =>
    filtered.cases.some((one) => one.case === id && one.results.some((result) => result.platform === platform)) &&
    // A filter keeps native for the ratios of the other platforms.
    matchesName(watch.only.platform, platform)
  // A flag that its runtime does not know is what somebody is looking for; what never worked here is not.
  const broken = new Set(brokenPlatforms(report, before))
  const isStale = (id: string, platform: string) => watch.stale.get(id)?.has(platform) === true
  const marked: RenderOptions = {
    ...view,
    isStale: ({ case: id, bench, platforms }) =>
      [...watch.stale].some(
        ([one, names]) =>
          (one === id || (id === null && one.startsWith(bench.id))) && platforms.some((name) => names.has(name)),
      ),
  }
  return [
    ...top,
    ...platformLines(report, view, ({ name }) => broken.has(name)),
    ...watch.failures.flatMap((failure) => {
      const isFormer = failure.platforms.every(({ name }) => isStale(failure.case, name))
      return failureLines(failure, filtered, isFormer ? { ...view, ink: dimmed(view.ink) } : view)
    }),
    ...(before ? changeLines(before, filtered, changes.filter(inView), report.profile.rounds, view) : []),
    ...benchLines(shown, view, { isStale, withoutErrors: true }),
    ...claimLines(
      { ...shown, claims: filtered.claims.filter(({ reason }) => reason?.code !== 'sample-errors') },
      marked,
    ),
    ...findingLines({ ...report, findings: filtered.findings }, view),
    ...platformLines(report, view, ({ name }) => !broken.has(name)),
    '',
    ...wrap(countsText(watch, filtered), view.width).map(view.ink.strong),
  ]
}

/** The counts of what is in view, and what to know about all of them. */
export function countsText({ report, stale, only, emptyFilter }: WatchView, filtered?: ReportView): string {
  if (!report || emptyFilter) return ''
  const { claims, cases } = filtered ?? filterReport(report, only)
  // Native has the rounds of all platforms that were measured one after the other.
  const results = cases
    .flatMap((one) => one.results.filter(({ platform }) => platform !== 'native'))
    .flatMap(({ metrics }) => Object.values(metrics))
  return [
    countsLine(count(claims)),
    ...(stale.size > 0 ? ['dimmed: before the change'] : []),
    ...(results.some((result) => roundCount(result) > report.profile.rounds) ? [`${interimSign} interim looks`] : []),
  ].join(' · ')
}

/** `✓ 4 ✗ 1 ? 0 – 2`, for narrow screens. */
export function shortCounts({ report, only, emptyFilter }: WatchView): string {
  if (!report || emptyFilter) return ''
  const counts = count(filterReport(report, only).claims)
  const shown = ['holds', 'contradicted', 'inconclusive', 'not-evaluated'] as const
  return shown.map((outcome) => `${verdictSymbols[outcome]} ${counts[outcome]}`).join(' ')
}

function headLines(watch: WatchView, { ink, width }: RenderOptions): string[] {
  const { note, latestJob, only, heldBack, background } = watch
  const filters = [
    ...(only.platform ? [`platforms with "${sanitize(only.platform, 30)}"`] : []),
    ...(only.bench ? [`benches with "${sanitize(only.bench, 30)}"`] : []),
    ...(heldBack > 0 ? [`${plural(heldBack, 'result')} outside of it wait`] : []),
    ...(background ? [] : ['no rounds in the background']),
  ]
  const head = ['isobench watch', ...filters].map((text, rank) => ({ text, rank }))
  const took = latestJob ? [plural(latestJob.rounds, 'round'), duration(latestJob.took)] : []
  return [
    ink.strong(joinParts(head, width)),
    ...(note ? wrap([`${clock(note.at)} ${sanitize(note.text)}`, ...took].join(' · '), width) : []),
  ]
}

/** The most names of benches or platforms that an empty filter lists. */
const mostNames = 12

function emptyFilterLines({ what, pattern, names }: EmptyFilter, { ink, width }: RenderOptions): string[] {
  const key = what === 'bench' ? 't' : 'p'
  const rest = names.length > mostNames ? [`${names.length - mostNames} more`] : []
  const all = [...names.slice(0, mostNames).map((name) => sanitize(name, 60)), ...rest].join(', ')
  return [
    '',
    ...wrap(`no ${what} has "${sanitize(pattern, 60)}" in its name, so nothing is shown or measured`, width).map(
      ink.doubt,
    ),
    ...wrap(`${what === 'bench' ? 'benches' : 'platforms'}: ${all}`, width),
    ...wrap(`${key} changes the filter; ${key} and Enter shows all`, width).map(ink.dim),
  ]
}

/** One block for samples that failed alike, with the line that threw. */
function failureLines(
  { bench, message, location, benchLocation, excerpt, platforms }: Failure,
  { cases }: Pick<Report, 'cases'>,
  { ink, width }: RenderOptions,
): string[] {
  const results = cases.flatMap((one) => (one.bench.id === bench.id ? one.results : []))
  const names = new Set(results.map(({ platform }) => platform))
  const failed = platforms.filter(({ name }) => names.has(name))
  if (failed.length === 0) return []
  const samples = failed.reduce((sum, one) => sum + one.samples, 0)
  const isEverywhere = failed.length === names.size && names.size > 1
  const where = isEverywhere ? `all ${names.size} platforms` : failed.map(({ name }) => sanitize(name, 40)).join(', ')
  const at = location ?? benchLocation
  const place = at ? ` · ${location ? '' : 'bench at '}${sanitize(at.file, 80)}:${at.line}:${at.column}` : ''
  const head = `✗ ${benchName(bench)} fails on ${where}: ${plural(samples, 'sample')}${place}`
  return [
    '',
    ...wrap(head, width).map((line, at) => `${at === 0 ? '' : '  '}${ink.bad(line)}`),
    ...wrap(sanitize(message), width - 2).map((line) => ink.plain(`  ${line}`)),
    ...(excerpt ? codeFrame(excerpt, width).map(ink.plain) : []),
  ]
}
