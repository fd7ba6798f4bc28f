import type { Change } from '../../core/baseline/compare.ts'
import { interval } from '../../core/judge/words.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { BaselineView } from '../before.ts'
import { escapeHtml } from '../escape.ts'
import { benchName } from '../facts.ts'
import { plural } from '../text.ts'
import { cell, details, filtered, headerCell, tableHtml } from './parts.ts'

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
      cell(ratio ? `×${interval({ ...ratio, rounds: 0 })}` : '–', 'once'),
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
