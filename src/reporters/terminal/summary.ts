import { describeExit, exitCodes } from '../../core/judge/exit-code.ts'
import type { ExclusionReason } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import type { Problem } from '../../core/model/suite.ts'
import { pad, plural, sanitize, truncate, wrap } from '../../util/text.ts'
import { regressionSummary } from '../comparison.ts'
import { duration, formatFinding, formatFindingTitle, timeBudgetText } from '../format.ts'
import type { BaselineView } from '../metric-table.ts'
import {
  count,
  countsLine,
  excludedPlatformsNote,
  failing,
  measuredBenches,
  shownPath,
  unavailablePlatforms,
  verdictNotes,
  verdictSymbols,
} from '../summary.ts'
import { benchLines } from './benches.ts'
import { claimLines, type RenderOptions } from './claims.ts'
import { type Colors, verdictColor } from './table.ts'

/** A line for each finding, and why beneath those that do not hold; what is decisive is never cut. */
export function findingLines(report: Report, { width, ink }: RenderOptions): string[] {
  if (report.findings.length === 0) return []
  const digits = Math.max(...report.findings.map(({ id }) => String(id).length))
  const lines = report.findings.flatMap((finding) => {
    const paint = verdictColor(finding, ink)
    const head = `${verdictSymbols[finding.outcome]} ${pad(String(finding.id), digits, 'right')}`
    const room = width - 6 - digits
    const beneath = ' '.repeat(6 + digits)
    const decisive = finding.outcome === 'contradicted' || finding.outcome === 'inconclusive'
    const sized = (text: string) => (decisive ? wrap(text, room) : [truncate(text, room)])
    const fails = finding.failsRun ? 'fails the run: ' : ''
    const improved = finding.direction === 'better' ? 'improved past the paper: ' : ''
    const title = sized(sanitize(formatFindingTitle(finding))).map((line, at) =>
      at === 0 ? `  ${paint(head)}  ${line}` : beneath + line,
    )
    if (finding.outcome === 'holds') return title
    const text = fails + improved + sanitize(formatFinding(finding, report))
    return [...title, ...sized(text).map((line) => beneath + paint(line))]
  })
  return ['', ink.strong('Findings'), ...lines]
}

/** The summary after a run, what matters most last. The first `problemsShown` problems were printed before it. */
export function summary(
  report: Report,
  view: RenderOptions,
  ran: { readonly ms?: number; readonly problemsShown: number; readonly baseline?: BaselineView | undefined },
): string[] {
  const { width, ink } = view
  return [
    ...platformLines(report, view),
    ...benchLines(report, width, ink),
    ...excludedLines(report, width, ink),
    ...excludedPlatformLines(report, width, ink),
    ...claimLines(report, view),
    ...findingLines(report, view),
    ...problemLines(report.problems.slice(ran.problemsShown) as Problem[], view),
    ...ending(report, view, ran),
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
    'not-failed-before': 'not failed in the latest run',
    'time-budget': 'not measured for lack of time',
    'tracer-unavailable': 'not traceable on this host',
  }
  const parts = Object.entries(words).flatMap(([why, word]) => {
    const number = left.filter((one) => one.reason === why).length
    return number > 0 ? [`${number} ${word}`] : []
  })
  const reasons = [...new Set(left.flatMap(({ detail: reason }) => reason ?? []))]
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

/** Files and benches that isobench could not use: what is wrong, where, and how to fix it. */
export function problemLines(problems: readonly Problem[], { width, ink, root }: RenderOptions): string[] {
  return problems.flatMap(({ file, message, fix, location }) => {
    const place = location ? `${shownPath(location.file, root)}:${location.line}` : file
    return [
      '',
      ...wrap(`✗ ${sanitize(place)}: ${sanitize(message)}`, width - 2).map((line, at) =>
        ink.bad(at === 0 ? line : `  ${line}`),
      ),
      ...(fix ? wrap(`fix: ${sanitize(fix)}`, width - 2).map((line) => `  ${line}`) : []),
    ]
  })
}

/** The most regressions that the summary names. The table of the comparison has all. */
const namedRegressions = 5

function regressionLines(baseline: BaselineView, { width, ink }: RenderOptions): string[] {
  const { head, items } = regressionSummary(baseline)
  const paint = items.length > 0 ? ink.bad : ink.good
  const rest = items.length - namedRegressions
  return [
    ...wrap(head, width).map(paint),
    ...items.slice(0, namedRegressions).flatMap(({ text }) => wrap(`✗ regressed: ${text}`, width - 2).map(indented)),
    ...(rest > 0 ? [`  … and ${rest} more`] : []),
  ]
}

const indented = (line: string, index: number): string => `${index === 0 ? '  ' : '    '}${line}`

function ending(
  report: Report,
  view: RenderOptions,
  { ms, baseline }: { readonly ms?: number; readonly baseline?: BaselineView | undefined },
): string[] {
  const { width, ink, root } = view
  const { code } = report.exit
  const isBad = code === exitCodes.failed || code === exitCodes.invalid
  const paint = code === exitCodes.clean ? ink.good : isBad ? ink.bad : ink.doubt
  const cutShort = {
    finished: '',
    interrupted: 'The run was interrupted. The verdicts are those of its samples so far.',
    killed: 'The run was killed or is still running. The verdicts are those of its samples so far.',
  }[report.status]
  const broken = report.problems.length
  const failed = failing(report)
  const facts = [
    ...(ms === undefined ? [] : [`took ${duration(ms)}`]),
    ...(broken > 0 ? [`${plural(broken, 'problem')} in bench files`] : []),
  ]
  return [
    '',
    ...(cutShort ? wrap(cutShort, width).map(ink.doubt) : []),
    ...wrap(countsLine(count(report.claims)), width).map((line) => paint(ink.strong(line))),
    ...(baseline ? regressionLines(baseline, view) : []),
    ...verdictNotes(report).flatMap((note) => wrap(note, width).map(ink.dim)),
    ...(facts.length > 0 ? wrap(facts.join(' · '), width).map(ink.dim) : []),
    ...wrap(`record ${sanitize(shownPath(report.record, root))}`, width).map(ink.dim),
    ...(failed ? wrap(`fails the run: ${failed}`, width).map(paint) : []),
    ...wrap(`exit code ${code}: ${describeExit(report.exit)}`, width).map(paint),
  ]
}
