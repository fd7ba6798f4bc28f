import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict, PartVerdict } from '../../core/model/verdict.ts'
import type { Change } from '../../core/records/row-changes.ts'
import { plural } from '../../util/text.ts'
import { formatRowBasis } from '../comparison.ts'
import {
  formatAssertion,
  formatClaim,
  formatFinding,
  formatFindingTitle,
  formatPlatforms,
  interval,
} from '../format.ts'
import type { BaselineView } from '../metric-table.ts'
import { caseName, claimLocation, outcomeName, type UniqueClaim, uniqueClaims, verdictSymbols } from '../summary.ts'
import { cell, details, filtered, headerCell, list, type Row, table, verdictClass } from './elements.ts'
import { type Html, type HtmlValue, html, joinHtml, lines } from './tag.ts'

/** The verdicts of a run as tables: changes since the baseline, findings, and claims. */

const changeMarks: Record<Change, { readonly symbol: string; readonly className: string }> = {
  lost: { symbol: '✗', className: 'bad' },
  regressed: { symbol: '✗', className: 'bad' },
  improved: { symbol: '✓', className: 'good' },
  unclear: { symbol: '?', className: 'doubt' },
  same: { symbol: '=', className: 'none' },
}
const changes = Object.keys(changeMarks) as Change[]

/** A table of changes with at most this many rows is open from the start. */
const fewRows = 20

/**
 * What changed since the baseline, regressions first.
 * @param record number of the record on the page, which keeps the names of radio buttons apart
 */
export function baselineHtml({ name, comparison }: BaselineView, record: number): Html {
  const { rows, hostDifferences, marginPercent } = comparison
  const sorted = changes.flatMap((change) => rows.filter((row) => row.change === change))
  const tableRows = sorted.map(
    ({ bench, params, platform, metric, ratio, change, reason, of, failsRun }): Row => ({
      kind: change,
      cells: [
        cell(
          `${changeMarks[change].symbol} ${change}${failsRun ? '' : ' (host)'}`,
          `nowrap ${changeMarks[change].className}`,
        ),
        headerCell(caseName(bench, params)),
        cell(platform, 'wrap-anywhere'),
        cell(metric),
        cell(ratio ? `×${interval({ ...ratio, value: ratio.estimate })}` : '–', 'nowrap'),
        cell(formatRowBasis({ reason, of }), 'muted'),
      ],
    }),
  )
  const titles = ['change', 'bench', 'platform', 'metric', 'now ÷ before, 90 % interval', 'what is compared']
  const changeTable = table('Against the baseline', titles, tableRows)
  const count = (change: Change) => rows.filter((row) => row.failsRun && row.change === change).length
  const differences = hostDifferences.map(({ what, baseline, current }) => `${what}: ${baseline} → ${current}`)
  const counts = changes.map((change) => `${count(change)} ${change}`).join(' · ')
  return lines(
    html`<h2>Against the baseline ${name}</h2>`,
    html`<p>${counts} <span class="muted">(margin ${marginPercent} %)</span></p>`,
    differences.length > 0 && [
      html`<p class="doubt">The hosts differ in ${plural(differences.length, 'thing')}, which may cause changes:</p>`,
      list(differences),
    ],
    details(
      plural(rows.length, 'figure'),
      filtered(`against-${record}`, 'Show changes', changes, tableRows, changeTable),
      count('lost') + count('regressed') > 0 || rows.length <= fewRows,
    ),
  )
}

/** The kinds of rows that a filter can select. */
const kinds = ['fails', 'contradicted', 'inconclusive', 'holds-in-part', 'not-evaluated', 'holds']

type Judged = Pick<FindingVerdict, 'outcome' | 'direction' | 'failsRun'>

const kindOf = ({ outcome, failsRun }: Judged): string => (failsRun ? `${outcome} fails` : outcome)

/** The cell with the outcome, and a note whether it fails the run. */
function outcomeCell(verdict: Judged, note: HtmlValue = undefined) {
  const { outcome, failsRun } = verdict
  const text = `${verdictSymbols[outcome]} ${outcomeName(outcome)}`
  const fails = html`<br><strong>fails the run</strong>`
  return cell([text, failsRun ? fails : note], `nowrap ${verdictClass(verdict)}`)
}

/** A part with its quote, and the comparisons beneath it. */
function partHtml(report: Report, part: PartVerdict): Html {
  const { quote, outcome, agreeing, claims } = part
  const comparisons = claims.map((index) => {
    const claim = report.claims[index]!
    const text = `${verdictSymbols[claim.outcome]} ${formatClaim(claim)}`
    return html`<li class="${verdictClass(claim)} wrap-anywhere">${text}</li>`
  })
  const head = `${verdictSymbols[outcome]} ${part.title}: ${outcomeName(outcome)}, ${agreeing.holds} of ${agreeing.of}`
  const said = quote !== null && html`<br><q class="muted">${quote}</q>`
  const title = html`<span class="${verdictClass(part)}">${head}</span>`
  return html`<li class="wrap-anywhere">${title}${said}<ul>${comparisons}</ul></li>`
}

/** @param record number of the record on the page, which keeps the names of radio buttons apart */
export function findingsHtml(report: Report, record: number): Html | undefined {
  if (report.findings.length === 0) return undefined
  const rows = report.findings.map((finding): Row => {
    const count = finding.claims.length
    const comparisons =
      count > 0 &&
      details(plural(count, 'comparison'), html`<ul>${finding.parts.map((part) => partHtml(report, part))}</ul>`)
    return {
      kind: kindOf(finding),
      cells: [
        outcomeCell(finding, finding.direction === 'better' && html`<br>improved`),
        cell(finding.id, 'number'),
        headerCell(formatFindingTitle(finding)),
        cell([formatFinding(finding, report), comparisons], 'wrap-anywhere'),
      ],
    }
  })
  const findingTable = table('Findings', ['verdict', '#', 'finding', 'why'], rows)
  return lines(html`<h2>Findings</h2>`, filtered(`findings-${record}`, 'Show findings', kinds, rows, findingTable))
}

/** @param record number of the record on the page, which keeps the names of radio buttons apart */
export function claimsHtml(report: Report, root: string, record: number): Html | undefined {
  if (report.claims.length === 0) return undefined
  const rows = report.claims.map((verdict): Row => {
    const { file, line } = claimLocation(verdict, root)
    const { estimate, finding, params } = verdict
    const rounds = estimate ? ` (${plural(estimate.rounds, 'round')})` : ''
    const location = line === undefined ? file : `${file}:${line}`
    return {
      kind: kindOf(verdict),
      cells: [
        outcomeCell(verdict),
        cell(`${formatClaim(verdict)}${rounds}`, 'wrap-anywhere'),
        cell(describeParams(params), 'wrap-anywhere'),
        cell([location, finding !== null && html`<br>finding ${finding}`], 'muted wrap-anywhere'),
      ],
    }
  })
  const claimTable = table('Claims', ['verdict', 'statement', 'parameters', 'where'], rows)
  const filter = filtered(`claims-${record}`, 'Show claims', kinds, rows, claimTable)
  return lines(html`<h2>Claims</h2>`, details(plural(rows.length, 'claim'), filter))
}

const caseKey = (bench: string, params: CaseResult['params']): string => JSON.stringify([bench, describeParams(params)])

/**
 * The claims about one chart: each assertion once, with its outcome on each platform.
 * @param cases of one bench, or one of each bench that is a panel of the chart
 * @param titles of the panels
 * @returns undefined if no claim is about the chart
 */
export function claimsForChart(
  report: Report,
  cases: readonly CaseResult[],
  metric: string,
  titles?: readonly string[],
): Html | undefined {
  const titleOf = new Map(cases.map(({ bench, params }, index) => [caseKey(bench.id, params), titles?.[index]]))
  const claims = uniqueClaims(
    report,
    ({ claim, bench, params }) => claim.metric === metric && titleOf.has(caseKey(bench.id, params)),
  )
  if (claims.length === 0) return undefined
  const decided = claims.filter(({ verdict }) => verdict.outcome !== 'not-evaluated')
  const items = [...groupBy(decided, (claim) => assertionText(claim, cases.length > 1))].map(([assertion, group]) => {
    const outcomes = [...groupBy(group, outcomeKey)].map(([, members]) => {
      const panels = members.flatMap(({ verdict }) => titleOf.get(caseKey(verdict.bench.id, verdict.params)) ?? [])
      const all = panels.length === cases.length && panels.length > 1
      const where = panels.length > 0 && ` (${all ? `all ${panels.length}` : panels.join(', ')})`
      return html`${outcomeHtml(members[0]!.verdict)}${where}`
    })
    return html`<li class="wrap-anywhere">${assertion}: ${joinHtml(outcomes, ', ')}</li>`
  })
  const others = claims.length - decided.length
  const rest =
    others > 0 && html`<li class="muted">${plural(others, 'statement')} could not be decided; see Claims</li>`
  return html`<p class="muted">Claims about this chart</p><ul class="resting">${items}${rest}</ul>`
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}

function assertionText({ verdict, sources }: UniqueClaim, withParams: boolean): string {
  const params = describeParams(verdict.params)
  return `${formatAssertion(verdict)}${withParams && params ? ` at ${params}` : ''} (${sources})`
}

const outcomeKey = ({ verdict }: UniqueClaim): string =>
  JSON.stringify([verdict.outcome, verdictClass(verdict), formatPlatforms(verdict)])

function outcomeHtml(verdict: ClaimVerdict): Html {
  const text = `${verdictSymbols[verdict.outcome]}\u00a0${formatPlatforms(verdict)}`
  return html`<span class="${verdictClass(verdict)}">${text}</span>`
}
