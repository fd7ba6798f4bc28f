import { exitCodes } from '../../core/judge/exit-code.ts'
import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict, PartVerdict } from '../../core/model/verdict.ts'
import type { Change } from '../../core/records/row-changes.ts'
import { groupBy } from '../../util/group-by.ts'
import { plural } from '../../util/text.ts'
import { benchElsewhere, claimLocation, formatPlace } from '../claim-place.ts'
import { changeCounts, formatChangeKind, formatRowBasis } from '../comparison.ts'
import { formatDirection } from '../findings.ts'
import {
  comparative,
  formatAssertion,
  formatClaim,
  formatFinding,
  formatFindingTitle,
  formatPlatforms,
  interval,
} from '../format.ts'
import { signs } from '../headline/words.ts'
import type { BaselineView } from '../metric-table.ts'
import { formatPartOutcome, readingGroups } from '../parts.ts'
import {
  bySeries,
  caseName,
  failsWords,
  outcomeName,
  type UniqueClaim,
  uniqueClaims,
  verdictSymbols,
} from '../summary.ts'
import { type Anchors, link } from './anchors.ts'
import {
  cell,
  changeKinds,
  details,
  type Entry,
  entryList,
  filtered,
  firstKind,
  headerCell,
  list,
  type Row,
  table,
  verdictClass,
  verdictKinds,
} from './elements.ts'
import { signBefore } from './marks.ts'
import { type Html, html, joinHtml, lines } from './tag.ts'

/** The verdicts of a run as tables: changes since the baseline, findings, and claims. */

const changeMarks: Record<Change, { readonly symbol: string; readonly className: string }> = {
  lost: { symbol: '✗', className: 'bad' },
  regressed: { symbol: '✗', className: 'bad' },
  improved: { symbol: '✓', className: 'good' },
  unclear: { symbol: '?', className: 'doubt' },
  same: { symbol: '=', className: 'none' },
}
const changes = changeKinds.filter((kind): kind is Change => kind !== 'changed')

/** All that was compared with the baseline, folded: what fails the run is in the summary. */
export function baselineHtml({ name, comparison }: BaselineView, anchors: Anchors): Html {
  const { rows, hostDifferences, marginPercent } = comparison
  const sorted = changes.flatMap((change) => rows.filter((row) => row.change === change))
  const tableRows = sorted.map((row): Row => {
    const { bench, params, platform, metric, ratio, change, reason, of } = row
    return {
      kind: change,
      cells: [
        cell(`${changeMarks[change].symbol} ${formatChangeKind(row)}`, `nowrap ${changeMarks[change].className}`),
        headerCell(anchors.linkToBench(bench, caseName(bench, params))),
        cell(platform, 'wrap-anywhere'),
        cell(metric),
        cell(ratio ? `×${interval({ ...ratio, value: ratio.estimate })}` : '–', 'nowrap'),
        cell(formatRowBasis({ reason, of }), 'muted'),
      ],
    }
  })
  const titles = ['change', 'bench', 'platform', 'metric', 'now ÷ before, 90 % interval', 'what is compared']
  const changeTable = table('Against the baseline', titles, tableRows)
  const differences = hostDifferences.map(({ what, baseline, current }) => `${what}: ${baseline} → ${current}`)
  return lines(
    html`<h2 id="${anchors.part('baseline')}">Against the baseline ${name}</h2>`,
    html`<p>${changeCounts(rows, changes)} <span class="muted">(margin ${marginPercent} %)</span></p>`,
    differences.length > 0 && [
      html`<p class="doubt">The hosts differ in ${plural(differences.length, 'thing')}, which may cause changes:</p>`,
      list(differences),
    ],
    details(
      plural(rows.length, 'figure'),
      filtered(anchors.part('baseline-filter'), 'Show changes', changes, tableRows, changeTable),
    ),
  )
}

type Judged = Pick<FindingVerdict, 'outcome' | 'direction' | 'failsRun'>

const kindOf = ({ exit }: Report, { outcome, failsRun }: Judged): string =>
  failsRun && exit.code !== exitCodes.inconclusive ? `${outcome} fails` : outcome

/**
 * The outcome, whether it is better than claimed, and whether it fails the run.
 * @param word how it differs from what is claimed
 */
function outcomeMark(report: Report, verdict: Judged, word: string): Html {
  const { outcome, direction, failsRun } = verdict
  const isBetter = outcome === 'contradicted' && direction === 'better'
  const text = isBetter ? `${signs.better} ${word}` : `${verdictSymbols[outcome]} ${outcomeName(outcome)}`
  const fails = failsRun && html` <br><strong>${failsWords(report)}</strong>`
  return html`<span class="${verdictClass(verdict)}">${text}${fails}</span>`
}

/** A part with its quote, and the comparisons beneath it. */
function partHtml(report: Report, part: PartVerdict): Html {
  const { quote, outcome, claims } = part
  const comparisons = claims.map((index) => {
    const claim = report.claims[index]!
    const text = `${verdictSymbols[claim.outcome]} ${caseName(claim.bench, claim.params)}: ${formatClaim(claim)}`
    return html`<li class="${verdictClass(claim)} wrap-anywhere">${text}</li>`
  })
  const head = `${verdictSymbols[outcome]} ${part.title}: ${formatPartOutcome(report, part)}`
  const said = quote !== null && html`<br><q class="muted">${quote}</q>`
  const title = html`<span class="${verdictClass(part)}">${head}</span>`
  const readings = readingGroups(report, part).map((group) => {
    const text = `${verdictSymbols[group.outcome]} ${group.text}`
    return html`<br><span class="${verdictClass(group)}">${text}</span>`
  })
  return html`<li class="wrap-anywhere">${title}${said}${readings}<ul>${comparisons}</ul></li>`
}

export function findingsHtml(report: Report, anchors: Anchors): Html | undefined {
  if (report.findings.length === 0) return undefined
  const entryOf = (finding: FindingVerdict): Entry => {
    const count = finding.claims.length
    const comparisons =
      count > 0 &&
      details(plural(count, 'comparison'), html`<ul>${finding.parts.map((part) => partHtml(report, part))}</ul>`)
    const title = html`<h3 class="entry">${finding.id}. ${formatFindingTitle(finding)}</h3>`
    return {
      id: anchors.finding(finding.id),
      kind: kindOf(report, finding),
      mark: outcomeMark(report, finding, formatDirection(report, finding)),
      content: [title, html`<p>${formatFinding(finding, report)}</p>`, comparisons],
    }
  }
  const groups = bySeries(report.findings).map((group) => ({ ...group, entries: group.findings.map(entryOf) }))
  const content = groups.map(({ series, title, entries }) =>
    series === undefined ? entryList(entries) : lines(html`<h3>${title}</h3>`, entryList(entries)),
  )
  const entries = groups.flatMap((group) => group.entries)
  const filter = anchors.part('findings-filter')
  return lines(
    html`<h2 id="${anchors.part('findings')}">Findings</h2>`,
    filtered(filter, 'Show findings', verdictKinds, entries, lines(...content)),
  )
}

/** The most claims that are shown from the start, and only if they are contradicted. */
const fewClaims = 20

export function claimsHtml(report: Report, root: string, anchors: Anchors): Html | undefined {
  if (report.claims.length === 0) return undefined
  const entries = report.claims.map((verdict, index): Entry => {
    const { estimate, finding, params, bench } = verdict
    const rounds = estimate ? ` (${plural(estimate.rounds, 'round')})` : ''
    const about = [
      anchors.linkToBench(bench, caseName(bench, params)),
      formatPlace(claimLocation(verdict, root)),
      benchElsewhere(report, verdict, root),
      finding !== null && link(anchors.finding(finding), `finding ${finding}`),
    ]
    return {
      id: anchors.claim(index),
      kind: kindOf(report, verdict),
      mark: outcomeMark(report, verdict, comparative(verdict)),
      content: html`${formatClaim(verdict)}${rounds}<br><span class="muted">${joinHtml(about, ' · ')}</span>`,
    }
  })
  const first = firstKind(verdictKinds, entries)
  const matter = entries.filter(({ kind }) => kind.split(' ').includes(first)).length
  const isOpen = (first === 'fails' || first === 'contradicted') && matter <= fewClaims
  const filter = filtered(anchors.part('claims-filter'), 'Show claims', verdictKinds, entries, entryList(entries))
  return lines(
    html`<h2 id="${anchors.part('claims')}">Claims</h2>`,
    details(plural(entries.length, 'claim'), filter, isOpen),
  )
}

/** The claims about a chart name at most so many platforms on which they hold. The table has all. */
const mostHolding = 4

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
  anchors: Anchors,
  titles?: readonly string[],
): Html | undefined {
  const titleOf = new Map(cases.map(({ bench, params }, index) => [caseKey(bench.id, params), titles?.[index]]))
  const benches = new Set(cases.map(({ bench }) => bench.id))
  const claims = uniqueClaims(
    report,
    ({ claim, bench, params }) =>
      claim.metric === metric && benches.has(bench.id) && titleOf.has(caseKey(bench.id, params)),
  )
  if (claims.length === 0) return undefined
  const decided = claims.filter(({ verdict }) => verdict.outcome !== 'not-evaluated')
  const items = [...groupBy(decided, (claim) => assertionKey(claim, cases.length > 1))].map(([, group]) => {
    const holding = group.filter(({ verdict }) => verdict.outcome === 'holds')
    const isMany = titles === undefined && holding.length > mostHolding
    const named = isMany ? group.filter((one) => !holding.includes(one)) : group
    const outcomes = [...groupBy(named, outcomeKey)].map(([, members]) => {
      const panels = members.flatMap(({ verdict }) => titleOf.get(caseKey(verdict.bench.id, verdict.params)) ?? [])
      const all = panels.length === cases.length && panels.length > 1
      const where = panels.length > 0 && ` (${all ? `all ${panels.length}` : panels.join(', ')})`
      return html`${outcomeHtml(members[0]!.verdict)}${where}`
    })
    const assertion = assertionText(group[0]!, cases.length > 1)
    const sources = sourcesHtml(group[0]!, anchors)
    const others = `${holding.length} ${outcomes.length > 0 ? 'others' : 'platforms'}`
    if (isMany) outcomes.push(html`<span class="good">${verdictSymbols.holds}\u00a0${others}</span>`)
    return html`<li class="wrap-anywhere">${assertion} (${sources}): ${joinHtml(outcomes, ', ')}</li>`
  })
  const others = claims.length - decided.length
  const allClaims = link(anchors.part('claims'), 'Claims')
  const rest =
    others > 0 && html`<li class="muted">${plural(others, 'statement')} could not be decided; see ${allClaims}</li>`
  return html`<p class="muted">Claims about this chart</p><ul class="resting">${items}${rest}</ul>`
}

function assertionText({ verdict }: UniqueClaim, withParams: boolean): string {
  const params = describeParams(verdict.params)
  return `${formatAssertion(verdict)}${withParams && params ? ` at ${params}` : ''}`
}

const assertionKey = (claim: UniqueClaim, withParams: boolean): string =>
  JSON.stringify([assertionText(claim, withParams), claim.findings, claim.isOwn])

/** Who states a claim, with links to the findings. */
function sourcesHtml({ findings, isOwn }: UniqueClaim, anchors: Anchors): Html {
  const links = findings.map((id) => link(anchors.finding(id), `finding ${id}`))
  return joinHtml([...links, isOwn && 'the bench'], ', ')
}

const outcomeKey = ({ verdict }: UniqueClaim): string =>
  JSON.stringify([verdict.outcome, verdictClass(verdict), formatPlatforms(verdict)])

function outcomeHtml(verdict: ClaimVerdict): Html {
  const text = `${signBefore(verdict).trim() || verdictSymbols[verdict.outcome]}\u00a0${formatPlatforms(verdict)}`
  return html`<span class="${verdictClass(verdict)}">${text}</span>`
}
