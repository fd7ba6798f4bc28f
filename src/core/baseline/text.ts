import { printable } from '../../errors.ts'
import { interval } from '../judge/words.ts'
import { describeParams } from '../plan/plan.ts'
import type { Change, Comparison, Row } from './compare.ts'
import { sweepRate } from './compare.ts'

const marks: Record<Change, string> = { regressed: '✗', improved: '✓', same: '=', unclear: '?' }
const order: readonly Change[] = ['same', 'unclear', 'improved', 'regressed']

const cells = (row: Row): string[] => [
  `${marks[row.change]} ${row.change}${row.gates ? '' : ' (host)'}`,
  printable(`${row.bench.slice(row.bench.indexOf('#') + 1)} ${describeParams(row.params)}`.trim(), 48),
  printable(row.platform, 24),
  printable(row.metric, 20),
  row.ratio ? `×${interval({ ...row.ratio, rounds: 0 })}` : '–',
  row.reason ?? (row.of === 'value' ? 'of the values' : 'of the ratios to native'),
]

/** The comparison as a table with what matters most last, without escape codes. */
export function comparisonText(comparison: Comparison): string {
  const { rows, unlike, onlyIn, marginPercent } = comparison
  const sorted = order.flatMap((change) => rows.filter((row) => row.change === change).map(cells))
  const table = [['', 'bench', 'platform', 'metric', 'now ÷ before [90 %]', 'what is compared'], ...sorted]
  const widths = table[0]!.map((_, at) => Math.max(...table.map((line) => line[at]!.length)))
  const lines = table.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  )
  const count = (change: Change) => rows.filter((row) => row.gates && row.change === change).length
  const only = (side: 'a' | 'b', which: string) =>
    onlyIn[side].length > 0 ? [`Only in ${which}: ${onlyIn[side].map((cell) => printable(cell, 120)).join('; ')}`] : []
  return `${[
    `Before: ${comparison.a}`,
    `Now:    ${comparison.b}`,
    '',
    ...lines,
    '',
    ...(unlike.length > 0
      ? ['The hosts are unlike, so that differences may be theirs:', ...unlike.map(differenceText), '']
      : []),
    ...only('a', 'the run before'),
    ...only('b', 'the run now'),
    ...(comparison.smallestQ > sweepRate
      ? ['Too few rounds for a sweep of this size: not even a lone regression could be told. Measure more rounds.']
      : []),
    `${count('regressed')} regressed · ${count('improved')} improved · ${count('same')} same · ${count('unclear')} unclear (margin ${marginPercent} %, Benjamini–Hochberg at ${100 * sweepRate} %)`,
  ].join('\n')}\n`
}

export const differenceText = ({ what, a, b }: Comparison['unlike'][number]): string =>
  `  ${printable(what, 60)}: ${printable(a, 200)} → ${printable(b, 200)}`
