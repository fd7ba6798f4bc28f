import { describeExit } from '../core/judge/exit-code.ts'
import { describeParams } from '../core/model/plan.ts'
import type { CaseResult, Report } from '../core/model/report.ts'
import type { StoredRun } from '../core/reporter.ts'
import { plural } from '../util/text.ts'
import { regressionSummary } from './comparison.ts'
import { documentReporter, escapeMarkdown as md } from './document.ts'
import { formatClaim, formatFinding, formatFindingTitle } from './format.ts'
import { markdownTable } from './markdown-table.ts'
import { type BaselineView, metricTables, sideBySide } from './metric-table.ts'
import type { ReporterContext } from './reporter.ts'
import { timeBudgetText } from './stop.ts'
import {
  claimLocation,
  count,
  countsLine,
  excludedPlatformsNote,
  failedResults,
  flagLegend,
  measuredBenches,
  notEvaluated,
  shownPath,
  unavailablePlatforms,
  uniqueClaims,
  verdictNotes,
  verdictSymbols,
} from './summary.ts'

/** The result of the run: the counts, what regressed, the exit code, claims that do not hold, and the findings. */
export function verdictsMarkdown(report: Report, { root, against }: Pick<ReporterContext, 'root' | 'against'>): string {
  const baseline = against?.(report)
  const claims = uniqueClaims(report, ({ outcome }) => outcome === 'contradicted' || outcome === 'inconclusive')
  return [
    '# isobench',
    '',
    `**${countsLine(count(report.claims))}**`,
    '',
    ...(baseline ? regressionsOf(baseline) : []),
    ...verdictNotes(report).flatMap((note) => [md(note), '']),
    `Exit code ${report.exit.code}: ${describeExit(report.exit)}. ` + `Record: ${md(shownPath(report.record, root))}`,
    '',
    ...report.problems.map(({ file, message }) => `- ✗ ${md(file)}: ${md(message)}`),
    ...absent(report),
    '',
    '## Claims',
    '',
    ...claims.map(({ verdict, fails, sources }) => {
      const { file, line } = claimLocation(verdict, root)
      const params = describeParams(verdict.params)
      const where = md(`${file}${line === undefined ? '' : `:${line}`}`)
      const rounds = verdict.estimate ? ` (90 % interval, ${plural(verdict.estimate.rounds, 'round')})` : ''
      const what = `${fails ? '**fails the run** ' : ''}${md(formatClaim(verdict))}${rounds}`
      return `- ${verdictSymbols[verdict.outcome]} ${what}${params && `, ${md(params)}`}; ${where} (${sources})`
    }),
    ...failedResults(report).map(({ bench, result, claims }) => {
      const params = describeParams(bench.params)
      const where = `${md(bench.bench.name)}${params && ` ${md(params)}`} on ${md(result.platform)}`
      const symbol = verdictSymbols['not-evaluated']
      return `- ${symbol} ${plural(claims, 'claim')} not evaluated because samples failed: ${where}`
    }),
    `- ${verdictSymbols.holds} ${count(report.claims).holds} hold`,
    ...notEvaluated(report).map(
      ({ text, count }) => `- ${verdictSymbols['not-evaluated']} ${count} not evaluated: ${md(text)}`,
    ),
    '',
    ...findings(report),
  ].join('\n')
}

function regressionsOf(baseline: BaselineView): string[] {
  const { head, items } = regressionSummary(baseline)
  return [
    `**${md(head)}**`,
    '',
    ...items.map(({ text }) => `- ✗ regressed: ${md(text)}`),
    ...(items.length > 0 ? [''] : []),
  ]
}

function absent(report: Report): string[] {
  const { entirely, partially } = unavailablePlatforms(report)
  const lines = (platforms: Report['platforms'], what: (name: string) => string) =>
    platforms.map(
      ({ name, reason, fix }) =>
        `- ${md(name)} ${what(name)}: ${md(reason ?? 'no reason given')}${fix ? `; fix: ${md(fix)}` : ''}`,
    )
  const note = excludedPlatformsNote(report.excludedPlatforms)
  const budget = timeBudgetText(report)
  return [
    ...(budget === undefined ? [] : [`- ${md(budget)}`]),
    ...(note === undefined ? [] : [`- ${md(note)}`]),
    ...lines(entirely, () => 'cannot run'),
    ...lines(
      partially,
      (name) => `cannot boot a guest, measured is ${measuredBenches(report, name).map(md).join(', ')}`,
    ),
  ]
}

function findings(report: Report): string[] {
  const { findings } = report
  if (findings.length === 0) return []
  return [
    '## Findings',
    '',
    ...markdownTable(
      [{ title: '', align: 'center' }, { title: '#', align: 'right' }, 'finding', 'why'],
      findings.map((finding) => [
        verdictSymbols[finding.outcome],
        String(finding.id),
        md(formatFindingTitle(finding)),
        md(formatFinding(finding, report)),
      ]),
    ),
    '',
  ]
}

/** A table for each bench, its parameters and metrics beneath each other. */
export function benchesMarkdown(report: Report): string {
  const sections = report.cases.flatMap((bench, at) => [
    ...(report.cases[at - 1]?.bench.id === bench.bench.id
      ? []
      : [`## ${md(bench.bench.name)}`, '', md(bench.bench.file), '']),
    ...tables(report, bench),
    ...bench.results.flatMap(({ platform, errors }) =>
      errors.length > 0
        ? [`- ${md(platform)}: ${plural(errors.length, 'sample')} failed, the first: ${md(errors[0]!)}`]
        : [],
    ),
    '',
  ])
  return [...sections, ...flagLegend(report).flatMap((text) => [md(text), ''])].join('\n')
}

function tables(report: Report, bench: CaseResult): string[] {
  const params = describeParams(bench.params)
  return metricTables(report, bench).flatMap(({ metric, better, rows }) => [
    `${params && `${md(params)} · `}**${md(metric)}**, ${better}`,
    '',
    ...markdownTable(
      [
        { title: '', align: 'center' },
        'platform',
        { title: 'median', align: 'right' },
        '×native [90 % interval]',
        { title: 'rounds', align: 'right' },
        'notes',
      ],
      rows.map(({ verdict, platform, median, ratio, interval, rounds, notes }) => [
        verdict ? verdictSymbols[verdict.outcome] : '',
        md(platform),
        md(median),
        md(`${ratio} ${interval}`.trim()),
        rounds,
        notes,
      ]),
    ),
    '',
  ])
}

const documentOf = (report: Report, context: ReporterContext): string =>
  `${verdictsMarkdown(report, context)}\n${benchesMarkdown(report)}`

/** What the records have in common, beside each other: ×native where there is one, else the median. */
function comparisonMarkdown(runs: readonly StoredRun[]): string {
  const { columns, rows } = sideBySide(runs)
  return [
    '# isobench: several records',
    '',
    ...markdownTable(
      ['bench', 'platform', 'metric', ...columns.map((title) => ({ title: md(title), align: 'right' as const }))],
      rows.map(({ bench, platform, metric, figures }) => [
        md(bench),
        md(platform),
        md(metric),
        ...figures.map((one) => md(one.text)),
      ]),
    ),
    '',
  ].join('\n')
}

export const markdown = documentReporter(
  'markdown',
  'Markdown: claims, findings, and a table per bench',
  documentOf,
  (runs, context) => [comparisonMarkdown(runs), ...runs.map(({ report }) => documentOf(report, context))].join('\n'),
)
