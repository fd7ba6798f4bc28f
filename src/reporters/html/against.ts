import type { Change } from '../../core/baseline/compare.ts'
import { interval } from '../../core/judge/words.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { Against } from '../before.ts'
import { markup } from '../escape.ts'
import { benchName } from '../facts.ts'
import { plural } from '../text.ts'
import { behind, cell, filtered, rowHead, tableOf } from './parts.ts'

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
export function againstHtml({ name, comparison }: Against, at: number): string {
  const { rows, unlike, marginPercent } = comparison
  const sorted = order.flatMap((change) => rows.filter((row) => row.change === change))
  const lines = sorted.map(({ bench, params, platform, metric, ratio, change, reason, of, gates }) => ({
    kind: change,
    cells: [
      cell(`${looks[change][0]} ${change}${gates ? '' : ' (host)'}`, `once ${looks[change][1]}`),
      rowHead(markup([benchName(bench), describeParams(params)].filter(Boolean).join(' '))),
      cell(markup(platform), 'break'),
      cell(markup(metric)),
      cell(ratio ? `×${interval({ ...ratio, rounds: 0 })}` : '–', 'once'),
      cell(markup(reason ?? (of === 'value' ? 'of the values' : 'of the ratios to native')), 'soft'),
    ],
  }))
  const head = ['change', 'bench', 'platform', 'metric', 'now ÷ before, 90 % interval', 'what is compared']
  const table = tableOf('Against the baseline', head, lines)
  const count = (change: Change) => rows.filter((row) => row.gates && row.change === change).length
  const differs = unlike.map(({ what, a, b }) => `<li class="break">${markup(`${what}: ${a} → ${b}`)}</li>`)
  const warning =
    differs.length === 0
      ? ''
      : `<p class="doubt">The hosts differ in ${plural(differs.length, 'thing')}, so that differences may be theirs:</p><ul>${differs.join('')}</ul>`
  return `<h2>Against the baseline ${markup(name)}</h2>
<p>${order.map((change) => `${count(change)} ${change}`).join(' · ')} <span class="soft">(margin ${marginPercent} %)</span></p>
${warning}
${behind(plural(rows.length, 'figure'), filtered(`against-${at}`, 'Show changes', order, lines, table), count('regressed') > 0 || rows.length <= fewRows)}`
}
