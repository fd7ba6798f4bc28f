import { basename } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { loadProject } from '../core/project/config.ts'
import { type HostHistory, type MetricHistory, readHistory } from '../core/records/history.ts'
import { formatQuantity } from '../reporters/format.ts'
import { benchName, verdictSymbols } from '../reporters/summary.ts'
import { type Colors, createColors, table, widthOfTable } from '../reporters/terminal/table.ts'
import { plural, sanitize, truncate, wrap } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions } from './options.ts'

const bars = '▁▂▃▄▅▆▇█'

/** One bar per run, scaled from the lowest to the highest value. A run without a value has a dot. */
export function sparkline(values: readonly (number | null)[]): string {
  const present = values.filter((value) => value !== null)
  const [low, high] = [Math.min(...present), Math.max(...present)]
  return values
    .map((value) => {
      if (value === null) return '·'
      return high === low ? '▄' : bars[Math.round(((value - low) / (high - low)) * (bars.length - 1))]!
    })
    .join('')
}

export const command = defineCommand({
  description:
    'Shows how each metric and each finding changed over the stored runs, per host. Change points are advisory.',
  options: pickOptions('bench', 'json', 'config'),
  examples: [{ line: 'history --bench startup/', description: 'the start-up benches' }],
  run: (_args, options, io) => showHistory(options, io),
})

async function showHistory({ bench: texts, ...options }: Options, io: CommandIo): Promise<number> {
  const { root } = await loadProject(io.cwd, options.config)
  const history = readHistory(root, (id) => texts.length === 0 || texts.some((text) => id.includes(text)))
  for (const { record, why } of history.skipped) io.err.write(`skipped ${sanitize(record)}: ${sanitize(why)}\n`)
  if (options.json) io.out.write(`${JSON.stringify(history, null, 1)}\n`)
  else {
    const width = Math.max(40, Math.min(io.out.columns ?? 100, 140))
    for (const host of history.hosts) io.out.write(`${lines(host, width, createColors(io)).join('\n')}\n`)
    if (history.hosts.length === 0) io.out.write('No run is stored yet. Measure one: isobench run\n')
  }
  return exitCodes.clean
}

/** The number of runs in a row: as many of the latest as the width allows, within these limits. */
const shownRuns = { least: 8, most: 40 }

const columns = [
  { title: 'platform', least: 8 },
  { title: 'runs', keep: true as const },
  { title: 'first', align: 'right' as const },
  { title: 'latest', align: 'right' as const },
  { title: '×native', align: 'right' as const },
  { title: '' },
]

function lines({ host, runs, metrics, findings }: HostHistory, width: number, ink: Colors): string[] {
  const ends = [...new Set([runs[0]!, runs.at(-1)!].map(({ startedAt }) => startedAt.slice(0, 16).replace('T', ' ')))]
  const indent = 2
  const rowsWith = (most: number) => metrics.map((history) => row(history, most, ink))
  const room = width - indent - widthOfTable(columns, rowsWith(0))
  const most = Math.max(shownRuns.least, Math.min(shownRuns.most, room))
  const [head, ...rows] = table(columns, rowsWith(most), width - indent, ink)
  const groupOf = ({ bench, params, metric }: MetricHistory) =>
    [[benchName(bench), sanitize(params)].filter(Boolean).join(' '), sanitize(metric, 40)].join(' · ')
  const grouped = metrics.flatMap((history, index) => {
    const heading = groupOf(history)
    const isFirst = index === 0 || groupOf(metrics[index - 1]!) !== heading
    return [...(isFirst ? [...(index === 0 ? [] : ['']), truncate(heading, width)] : []), `  ${rows[index]!}`]
  })
  const notes = metrics.flatMap(({ bench, params, platform, metric, changes }) =>
    changes.map(({ run, differs }) => {
      const what = [benchName(bench), params, platform, metric].filter(Boolean).join(' · ')
      const why = differs.length > 0 ? `; these differ as well since then: ${differs.join('; ')}` : ''
      return `${what}: a new level since ${basename(runs[run]!.record)}${why}`
    }),
  )
  return [
    '',
    ...wrap(`${plural(runs.length, 'run')}, ${ends.join(' to ')}, on ${sanitize(host)}`, width).map(ink.strong),
    '',
    ...(metrics.length > 0 ? [`  ${head!}`, ...grouped] : ['no bench of these runs matches --bench']),
    ...(runs.length > most ? ['', ...wrap(`shown: the latest ${most} runs`, width).map(ink.dim)] : []),
    ...(notes.length > 0
      ? ['', ink.strong('Change points (advisory)'), ...notes.flatMap((text) => wrap(sanitize(text, 600), width))]
      : []),
    ...(findings.length > 0 ? ['', ink.strong('Findings, one mark per run')] : []),
    ...findings.map(({ id, title, verdicts }) => {
      const line = verdicts.slice(-most).map((verdict) => (verdict ? verdictSymbols[verdict] : '·'))
      return `  ${String(id).padStart(3)}  ${line.join('')}  ${wrap(sanitize(title), width - 9 - line.length)[0] ?? ''}`
    }),
  ]
}

function row({ platform, unit, medians, ratios, changes }: MetricHistory, most: number, ink: Colors) {
  const present = medians.filter((value) => value !== null)
  const ratio = ratios.findLast((value) => value !== null)
  const line = (ratio == null ? medians : ratios).slice(-Math.max(1, most))
  return [
    { text: sanitize(platform, 40) },
    { text: most === 0 ? '' : sparkline(line) },
    { text: present.length > 0 ? sanitize(formatQuantity(present[0]!, unit)) : '–', paint: ink.dim },
    { text: present.length > 0 ? sanitize(formatQuantity(present.at(-1)!, unit)) : '–' },
    { text: ratio == null ? '' : ratio.toFixed(2) },
    { text: changes.length > 0 ? 'changed' : '', paint: ink.doubt },
  ]
}
