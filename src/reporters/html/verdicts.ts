import { describeParams } from '../../core/model/plan.ts'
import type { CaseResult, Report } from '../../core/model/report.ts'
import type { Change } from '../../core/records/baseline.ts'
import { plural } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import {
  formatAssertion,
  formatClaim,
  formatFinding,
  formatFindingTitle,
  formatPlatforms,
  interval,
} from '../format.ts'
import type { BaselineView } from '../metric-table.ts'
import { benchName, claimLocation, outcomeName, uniqueClaims, verdictSymbols } from '../summary.ts'
import { cell, details, filtered, headerCell, tableHtml, verdictClass } from './elements.ts'

const looks: Record<Change, readonly [string, string]> = {
  regressed: ['✗', 'bad'],
  improved: ['✓', 'good'],
  unclear: ['?', 'doubt'],
  same: ['=', 'none'],
}
/** As many rows as a reader is shown without asking for them. */
const fewRows = 20
const order = Object.keys(looks) as Change[]

/** What changed since the baseline, what regressed first. `at` sets several records apart. */
export function baselineHtml({ name, comparison }: BaselineView, at: number): string {
  const { rows, hostDifferences: unlike, marginPercent } = comparison
  const sorted = order.flatMap((change) => rows.filter((row) => row.change === change))
  const lines = sorted.map(({ bench, params, platform, metric, ratio, change, reason, of, failsRun: gates }) => ({
    kind: change,
    cells: [
      cell(`${looks[change][0]} ${change}${gates ? '' : ' (host)'}`, `once ${looks[change][1]}`),
      headerCell(escapeHtml([benchName(bench), describeParams(params)].filter(Boolean).join(' '))),
      cell(escapeHtml(platform), 'break'),
      cell(escapeHtml(metric)),
      cell(ratio ? `×${interval({ ...ratio, value: ratio.estimate })}` : '–', 'once'),
      cell(escapeHtml(reason ?? (of === 'value' ? 'of the values' : 'of the ratios to native')), 'soft'),
    ],
  }))
  const head = ['change', 'bench', 'platform', 'metric', 'now ÷ before, 90 % interval', 'what is compared']
  const table = tableHtml('Against the baseline', head, lines)
  const count = (change: Change) => rows.filter((row) => row.failsRun && row.change === change).length
  const differs = unlike.map(
    ({ what, baseline: a, current: b }) => `<li class="break">${escapeHtml(`${what}: ${a} → ${b}`)}</li>`,
  )
  const warning =
    differs.length === 0
      ? ''
      : `<p class="doubt">The hosts differ in ${plural(differs.length, 'thing')}, so that differences may be theirs:</p><ul>${differs.join('')}</ul>`
  return `<h2>Against the baseline ${escapeHtml(name)}</h2>
<p>${order.map((change) => `${count(change)} ${change}`).join(' · ')} <span class="soft">(margin ${marginPercent} %)</span></p>
${warning}
${details(plural(rows.length, 'figure'), filtered(`against-${at}`, 'Show changes', order, lines, table), count('regressed') > 0 || rows.length <= fewRows)}`
}

const kinds = ['fails', 'contradicted', 'inconclusive', 'not-evaluated', 'holds']
const kindOf = (verdict: string, fails: boolean): string => (fails ? `${verdict} fails` : verdict)

/** `at` sets the radio buttons of several records apart. */
export function findingsHtml(report: Report, at: number): string {
  if (report.findings.length === 0) return ''
  const rows = report.findings.map((one) => {
    const rests = one.claims.map((index) => {
      const claim = report.claims[index]!
      return `<li class="${verdictClass(claim)} break">${verdictSymbols[claim.outcome]} ${escapeHtml(formatClaim(claim))}</li>`
    })
    const claims =
      rests.length === 0
        ? ''
        : `<details><summary>${plural(rests.length, 'comparison')}</summary><ul>${rests.join('')}</ul></details>`
    const note = one.failsRun ? '<br><strong>fails the run</strong>' : one.direction === 'better' ? '<br>improved' : ''
    return {
      kind: kindOf(one.outcome, one.failsRun),
      cells: [
        cell(`${verdictSymbols[one.outcome]} ${outcomeName(one.outcome)}${note}`, `once ${verdictClass(one)}`),
        cell(String(one.id), 'number'),
        headerCell(escapeHtml(formatFindingTitle(one))),
        cell(escapeHtml(formatFinding(one, report)) + claims, 'break'),
      ],
    }
  })
  const table = tableHtml('Findings', ['verdict', '#', 'finding', 'why'], rows)
  return `<h2>Findings</h2>\n${filtered(`findings-${at}`, 'Show findings', kinds, rows, table)}`
}

export function claimsHtml(report: Report, root: string, at: number): string {
  if (report.claims.length === 0) return ''
  const rows = report.claims.map((claim) => {
    const { file, line } = claimLocation(claim, root)
    const fails = claim.failsRun
    const rounds = claim.estimate ? ` (${plural(claim.estimate.rounds, 'round')})` : ''
    const by = claim.finding === null ? '' : `<br>finding ${claim.finding}`
    return {
      kind: kindOf(claim.outcome, fails),
      cells: [
        cell(
          `${verdictSymbols[claim.outcome]} ${outcomeName(claim.outcome)}${fails ? '<br><strong>fails the run</strong>' : ''}`,
          `once ${verdictClass(claim)}`,
        ),
        cell(escapeHtml(formatClaim(claim)) + rounds, 'break'),
        cell(escapeHtml(describeParams(claim.params)), 'break'),
        cell(`${escapeHtml(file)}${line === undefined ? '' : `:${line}`}${by}`, 'soft break'),
      ],
    }
  })
  const table = tableHtml('Claims', ['verdict', 'statement', 'parameters', 'where'], rows)
  return `<h2>Claims</h2>\n${filtered(`claims-${at}`, 'Show claims', kinds, rows, table)}`
}

/**
 * The claims that rest on one picture: each statement once, and on which platforms it came out how.
 * @param points of one bench with one or several sets of parameters, or of several benches
 * @param parts what to call those benches
 */
export function claimsForChart(
  report: Report,
  points: readonly CaseResult[],
  metric: string,
  parts?: readonly string[],
): string {
  const keyOf = (bench: string, of: CaseResult['params']) => JSON.stringify([bench, describeParams(of)])
  const known = new Map(points.map(({ bench, params }, at) => [keyOf(bench.id, params), parts?.[at]]))
  const about = uniqueClaims(
    report,
    ({ claim, bench, params }) => claim.metric === metric && known.has(keyOf(bench.id, params)),
  )
  if (about.length === 0) return ''
  // Statement, then mark and platform, then the benches that it came out so in.
  const groups = new Map<string, Map<string, string[]>>()
  const decided = about.filter(({ verdict }) => verdict.outcome !== 'not-evaluated')
  for (const { verdict, sources } of decided) {
    const params = describeParams(verdict.params)
    const at = points.length > 1 && params ? ` at ${params}` : ''
    const key = `${formatAssertion(verdict)}${at} (${sources})`
    const mark = `<span class="${verdictClass(verdict)}">${verdictSymbols[verdict.outcome]}\u00a0${escapeHtml(formatPlatforms(verdict))}</span>`
    const group = groups.get(key) ?? new Map<string, string[]>()
    const part = known.get(keyOf(verdict.bench.id, verdict.params))
    groups.set(key, group.set(mark, [...(group.get(mark) ?? []), ...(part === undefined ? [] : [escapeHtml(part)])]))
  }
  const items = [...groups].map(([key, platforms]) => {
    const came = [...platforms].map(([mark, some]) => {
      const where = some.length === points.length && some.length > 1 ? `all ${some.length}` : some.join(', ')
      return where === '' ? mark : `${mark} (${where})`
    })
    return `<li class="break">${escapeHtml(key)}: ${came.join(', ')}</li>`
  })
  const others = about.length - decided.length
  if (others > 0) items.push(`<li class="soft">${plural(others, 'statement')} could not be decided; see Claims</li>`)
  return `<p class="soft">Claims that rest on it</p><ul class="resting">${items.join('')}</ul>`
}
