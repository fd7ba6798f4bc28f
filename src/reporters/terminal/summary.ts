import type { ExclusionReason } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import type { Problem } from '../../core/model/suite.ts'
import type { FindingVerdict } from '../../core/model/verdict.ts'
import { pad, plural, sanitize, truncate, wrap } from '../../util/text.ts'
import { problemFrame } from '../code-frame.ts'
import { formatDirection } from '../findings.ts'
import { formatFinding, formatFindingTitle } from '../format.ts'
import { timeBudgetText } from '../stop.ts'
import {
  bySeries,
  excludedPlatformsNote,
  failsWords,
  measuredBenches,
  shownPath,
  unavailablePlatforms,
  verdictNotes,
  verdictSymbols,
} from '../summary.ts'
import { benchLines } from './benches.ts'
import { claimLines, type RenderOptions } from './claims.ts'
import { type ScreenOptions, screenLines } from './headline.ts'
import { type Colors, verdictColor } from './table.ts'

/** A line for each finding, and why beneath those that do not hold; what is decisive is never cut. */
export function findingLines(report: Report, { width, ink }: RenderOptions): string[] {
  if (report.findings.length === 0) return []
  const digits = Math.max(...report.findings.map(({ id }) => String(id).length))
  const linesOf = (finding: FindingVerdict): string[] => {
    const paint = verdictColor(finding, ink)
    const head = `${verdictSymbols[finding.outcome]} ${pad(String(finding.id), digits, 'right')}`
    const room = width - 6 - digits
    const beneath = ' '.repeat(6 + digits)
    const decisive = finding.outcome === 'contradicted' || finding.outcome === 'inconclusive'
    const sized = (text: string) => (decisive ? wrap(text, room) : [truncate(text, room)])
    const fails = finding.failsRun ? `${failsWords(report)}: ` : ''
    const improved = finding.direction === 'better' ? `${formatDirection(report, finding)} than stated: ` : ''
    const title = sized(sanitize(formatFindingTitle(finding))).map((line, at) =>
      at === 0 ? `  ${paint(head)}  ${line}` : beneath + line,
    )
    if (finding.outcome === 'holds') return title
    const text = fails + improved + sanitize(formatFinding(finding, report))
    return [...title, ...sized(text).map((line) => beneath + paint(line))]
  }
  return bySeries(report.findings).flatMap(({ title, findings }) => [
    '',
    ink.strong(title),
    ...findings.flatMap(linesOf),
  ])
}

/** The screen after a run; with `--all` after every table, claim and finding. */
export function summary(report: Report, view: RenderOptions, ran: ScreenOptions): string[] {
  const { width, ink } = view
  if (!view.all) return screenLines(report, view, ran)
  return [
    ...platformLines(report, view),
    ...benchLines(report, view),
    ...excludedLines(report, width, ink),
    ...excludedPlatformLines(report, width, ink),
    ...claimLines(report, view),
    ...findingLines(report, view),
    '',
    ...verdictNotes(report).flatMap((note) => wrap(note, width).map(ink.dim)),
    ...screenLines(report, view, ran),
  ]
}

/** The platforms that do not work, of those that are `among` them, with the reason and what to do. */
export function platformLines(
  report: Pick<Report, 'platforms' | 'cases'>,
  { width, ink }: RenderOptions,
  among: (platform: Report['platforms'][number]) => boolean = () => true,
): string[] {
  const { entirely, partially } = unavailablePlatforms(report)
  const section = (absent: Report['platforms'], what: string) => {
    const own = absent.filter(among)
    if (own.length === 0) return []
    return [
      '',
      ink.strong(`${plural(own.length, 'platform')} of ${report.platforms.length} ${what}`),
      ...own.flatMap(({ name, reason, fix }) => {
        const measured = measuredBenches(report, name).map((bench) => sanitize(bench, 60))
        const only = measured.length > 0 ? ` (measured: ${measured.join(', ')})` : ''
        return [
          ...wrap(`– ${sanitize(name, 60)}: ${sanitize(reason ?? 'no reason given', 240)}${only}`, width - 4).map(
            (line, at) => `  ${at === 0 ? '' : '  '}${line}`,
          ),
          ...(fix ? wrap(`fix: ${sanitize(fix)}`, width - 4).map((line) => ink.dim(`    ${line}`)) : []),
        ]
      }),
    ]
  }
  return [...section(entirely, 'cannot run here'), ...section(partially, 'cannot boot a guest here')]
}

function excludedLines(report: Report, width: number, ink: Colors): string[] {
  const left = report.excluded
  if (left.length === 0) return []
  const words: Record<ExclusionReason, string> = {
    skip: 'skipped',
    todo: 'still to be written',
    only: 'not marked .only',
    filter: 'filtered out',
    profile: 'left to the profile full',
    shard: 'left to other shards',
    'shard-missing': 'of lost shards',
    'not-failed-before': 'not failed in the latest run',
    'time-budget': 'not measured for lack of time',
    'tracer-unavailable': 'not traceable on this host',
  }
  const parts = Object.entries(words).flatMap(([why, word]) => {
    const number = left.filter((one) => one.reason === why).length
    return number > 0 ? [`${number} ${word}`] : []
  })
  const texts = left.flatMap(({ reason, detail }) => (reason === 'shard-missing' ? `shard ${detail}` : (detail ?? [])))
  const reasons = [...new Set(texts)]
  return [
    '',
    ...wrap(`${plural(left.length, 'bench', 'benches')} left out: ${parts.join(', ')}`, width).map(ink.dim),
    ...wrap(sanitize(timeBudgetText(report) ?? '', 600), width - 2).flatMap((line) =>
      line ? [ink.dim(`  ${line}`)] : [],
    ),
    ...reasons.flatMap((reason) => wrap(sanitize(reason), width - 2).map((line) => ink.dim(`  ${line}`))),
  ]
}

function excludedPlatformLines({ excludedPlatforms }: Report, width: number, ink: Colors): string[] {
  const note = excludedPlatformsNote(excludedPlatforms)
  return note === undefined ? [] : ['', ...wrap(note, width).map(ink.dim)]
}

/**
 * Files and benches that isobench could not use: what is wrong, where, and how to fix it.
 * @param frames whether to show the source, which may have changed since a stored run
 */
export function problemLines(
  problems: readonly Problem[],
  { width, ink, root }: RenderOptions,
  frames = false,
): string[] {
  return problems.flatMap((problem) => {
    const { file, message, fix, location } = problem
    const place = location ? `${shownPath(location.file, root)}:${location.line}:${location.column}` : file
    return [
      '',
      ...wrap(`✗ ${sanitize(place)}: ${sanitize(message)}`, width - 2).map((line, at) =>
        ink.bad(at === 0 ? line : `  ${line}`),
      ),
      ...(frames ? problemFrame(problem, width) : []),
      ...(fix ? wrap(`fix: ${sanitize(fix)}`, width - 2).map((line) => `  ${line}`) : []),
    ]
  })
}
