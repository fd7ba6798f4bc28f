import { describeParams } from '../core/model/plan.ts'
import type { CaseResult, Report } from '../core/model/report.ts'
import type { StoredRun } from '../core/reporter.ts'
import { plural } from '../util/text.ts'
import { claimSource } from './claim-place.ts'
import { documentReporter, escapeMarkdown as md } from './document.ts'
import { describeExit } from './exit-text.ts'
import { missingValues } from './failures.ts'
import { formatClaim, formatFinding, formatFindingTitle } from './format.ts'
import { type Headline, headlineOf } from './headline/headline.ts'
import { comparedWith, failureItem, listed, markdownHeadline } from './markdown-headline.ts'
import { markdownTable } from './markdown-table.ts'
import { metricTables, sideBySide } from './metric-table.ts'
import type { ReporterContext } from './reporter.ts'
import { timeBudgetText } from './stop.ts'
import {
  bySeries,
  caseName,
  count,
  excludedPlatformsNote,
  failedResults,
  failsWords,
  flagLegend,
  measuredBenches,
  notEvaluated,
  shownPath,
  unavailablePlatforms,
  uniqueClaims,
  verdictNotes,
  verdictSymbols,
  withFix,
} from './summary.ts'

/** The most characters of a document. GitHub refuses a comment with more than 65,536. */
const longest = 60_000

/** Of the whole document: what comes first, and how much. */
const limits = { failures: 10, notes: 5, columns: 12, rows: 20 }

/** The most entries of a folded list, so that it fits beside the others. */
const mostFolded = 60

/** A part that a reader can open. */
const folded = (summary: string, lines: readonly string[]): string =>
  ['<details>', `<summary>${md(summary)}</summary>`, '', ...lines, '</details>', ''].join('\n')

/**
 * The verdict, what fails and the matrix, then the claims, findings and tables folded.
 * @param most characters; parts that do not fit are left out and named
 */
export function markdownDocument(report: Report, context: ReporterContext, most = longest): string {
  const headline = headlineOf(report, comparedWith(report, context))
  const head = headOf(headline, report, context).join('\n')
  const more = headline.failures.slice(limits.failures)
  const moreLines = listed(more, mostFolded, (fact) => failureItem(fact, headline, report, context.root))
  const parts = [
    ...(more.length > 0 ? [{ title: 'More failures', text: folded('More failures', [...moreLines, '']) }] : []),
    { title: 'Claims', text: folded('Claims', claimLines(report, context)) },
    ...(report.findings.length > 0 ? [{ title: 'Findings', text: folded('Findings', findings(report)) }] : []),
    ...benchParts(report, context.root),
  ]
  const left: string[] = []
  let text = `${head}\n`
  // Room for the names of what is left out.
  for (const part of parts) {
    if (text.length + part.text.length + 2000 > most) left.push(part.title)
    else text += `${part.text}\n`
  }
  const named = left.slice(0, 20).map(md).join(', ') + (left.length > 20 ? ` and ${left.length - 20} more` : '')
  return left.length === 0
    ? text
    : `${text}Too long for this page: ${named}. The html report has them.\n`.slice(0, most)
}

function headOf(headline: Headline, report: Report, { root }: ReporterContext): string[] {
  return [
    '# isobench',
    '',
    ...markdownHeadline(headline, report, root, limits),
    ...verdictNotes(report).flatMap((note) => [md(note), '']),
    `Exit code ${report.exit.code}: ${md(describeExit(report))}. Record: ${md(shownPath(report.record, root))}`,
    '',
  ]
}

/** Platforms that cannot run, and claims that do not hold. */
function claimLines(report: Report, { root }: ReporterContext): string[] {
  const claims = uniqueClaims(report, ({ outcome }) => outcome === 'contradicted' || outcome === 'inconclusive')
  return [
    ...absent(report),
    ...listed(claims, mostFolded, (unique) => {
      const { verdict, fails } = unique
      const subject = md(caseName(verdict.bench, verdict.params))
      const where = md(claimSource(report, unique, root))
      const rounds = verdict.estimate ? ` (90 % interval, ${plural(verdict.estimate.rounds, 'round')})` : ''
      const what = `${fails ? `**${failsWords(report)}** ` : ''}${md(formatClaim(verdict))}${rounds}`
      return `- ${verdictSymbols[verdict.outcome]} ${subject}: ${what}; ${where}`
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
  ]
}

function absent(report: Report): string[] {
  const { entirely, partially } = unavailablePlatforms(report)
  const lines = (platforms: Report['platforms'], what: (name: string) => string) =>
    platforms.map(
      ({ name, reason, fix }) => `- ${md(name)} ${what(name)}: ${md(withFix(reason ?? 'no reason given', fix))}`,
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

const findings = (report: Report): string[] =>
  bySeries(report.findings).flatMap(({ series, title, findings: own }) => [
    ...(series === undefined ? [] : [`**${title}**`, '']),
    ...markdownTable(
      [{ title: '', align: 'center' }, { title: '#', align: 'right' }, 'finding', 'why'],
      own.map((finding) => [
        verdictSymbols[finding.outcome],
        String(finding.id),
        md(formatFindingTitle(finding)),
        md(formatFinding(finding, report)),
      ]),
    ),
    '',
  ])

/** A part for each bench, its parameters and metrics beneath each other. */
function benchParts(report: Report, root: string): { readonly title: string; readonly text: string }[] {
  const ids = [...new Set(report.cases.map(({ bench }) => bench.id))]
  const legend = flagLegend(report).flatMap((text) => [md(text), ''])
  return ids.map((id) => {
    const cases = report.cases.filter(({ bench }) => bench.id === id)
    const { name, file } = cases[0]!.bench
    const lines = cases.flatMap((bench) => [...tables(report, bench), ...failedLines(bench, root)])
    return { title: name, text: folded(`${name} (${file})`, [...lines, '', ...legend]) }
  })
}

const failedLines = (bench: CaseResult, root: string): string[] =>
  missingValues(bench, root).map((text) => `- ${md(text)}`)

function tables(report: Report, bench: CaseResult): string[] {
  const params = describeParams(bench.params)
  return metricTables(report, bench).flatMap(({ metric, better, beside, rows }) => [
    `**${md(metric)}**, ${better}${params && ` · ${md(params)}`}`,
    '',
    ...markdownTable(
      [
        { title: '', align: 'center' },
        'platform',
        { title: 'median', align: 'right' },
        '×native [90 % interval]',
        { title: 'rounds', align: 'right' },
        ...beside.map((title) => ({ title: md(title), align: 'right' as const })),
        'notes',
      ],
      rows.map(({ verdict, platform, median, ratio, interval, rounds, notes, beside: others }) => [
        verdict ? verdictSymbols[verdict.outcome] : '',
        md(platform),
        md(median),
        md(`${ratio} ${interval}`.trim()),
        rounds,
        ...others.map(md),
        notes,
      ]),
    ),
    '',
  ])
}

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
  'Markdown: the verdict and a matrix; claims, findings and tables folded',
  (report, context) => markdownDocument(report, context),
  (runs, context) => {
    const comparison = comparisonMarkdown(runs)
    const each = Math.max(4000, Math.floor((longest - comparison.length) / runs.length))
    return [comparison, ...runs.map(({ report }) => markdownDocument(report, context, each))].join('\n')
  },
)
