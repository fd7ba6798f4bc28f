import { basename } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { loadProject } from '../core/project/config.ts'
import {
  type History,
  type HostHistory,
  historySince,
  latestFigures,
  type MetricHistory,
  readHistory,
  type Since,
} from '../core/records/history.ts'
import { type Unjudged, unjudged, worsened } from '../core/records/history-verdict.ts'
import { median, minSegment } from '../core/stats/index.ts'
import { formatChange, formatQuantity } from '../reporters/format.ts'
import { changePointNote, describeChange, seriesName } from '../reporters/level-changes.ts'
import { verdictSymbols } from '../reporters/summary.ts'
import { type Colors, createColors, tableRows, widthOfTable } from '../reporters/terminal/table.ts'
import { UsageError } from '../util/errors.ts'
import { isDay, listText, plural, sanitize, truncate, wrap } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, type OptionTable, pickOptions } from './options.ts'

/** `20`, `2026-01-31`, `2026-01-31T12:00Z` or the beginning of a commit. */
const since = z.string().transform((text, context): Since => {
  const count = /^(\d{1,5})(?: ?runs?)?$/.exec(text)
  if (count && Number(count[1]) > 0) return { runs: Number(count[1]) }
  if (/^\d{4}-\d\d-\d\d(T[\d:.]+Z?)?$/.test(text) && !Number.isNaN(Date.parse(text)) && isDay(text.slice(0, 10)))
    return { date: new Date(text).toISOString() }
  if (/^[0-9a-f]{6,40}$/.test(text)) return { revision: text }
  context.addIssue({
    code: 'custom',
    message: `"${text}" is not a date such as 2026-01-31, a number of runs such as 20, or a commit.`,
  })
  return z.NEVER
})

const historyOptions = {
  ...pickOptions('bench'),
  since: {
    value: '<when>',
    group: 'Input',
    description: 'show the runs since a date, the first run of a commit, or so many of the latest runs',
    example: '--since 2026-01-31',
    schema: since.optional(),
  },
  failOn: {
    value: '<what>',
    group: 'Judge',
    description: '`worse`: exit with code 1 if the latest change of a metric, other than of native, is for the worse',
    example: '--fail-on worse',
    schema: z.enum(['worse'], 'write worse.').optional(),
  },
  ...pickOptions('json', 'config'),
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Shows how each metric and each finding changed over the stored runs, per host, and where a metric changed its ' +
    'level: by how much, since when, and what else changed then. It searches all runs, also those before --since. ' +
    'With --fail-on worse it exits with code 1 if a metric became worse, and with 4 if the latest ' +
    'runs cannot show it: none is stored or shown, the latest is unreadable, damaged, failed or lacks a bench that ' +
    'earlier runs of its file have, the runs of its host and work are too few, or the work changed with a level. ' +
    'A copy of a run counts once.',
  options: historyOptions,
  examples: [
    { line: 'history --bench startup/', description: 'the start-up benches' },
    { line: 'history --since 14 --fail-on worse', description: 'fail a nightly job if the last 14 runs became worse' },
  ],
  run: (_args, options, io) => showHistory(options, io),
})

async function showHistory(
  { bench: texts, since: from, failOn, ...options }: CheckedOptions<typeof historyOptions>,
  io: CommandIo,
): Promise<number> {
  const { root } = await loadProject(io.cwd, options.config)
  const all = readHistory(root, (id) => texts.length === 0 || texts.some((text) => id.includes(text)))
  const history = from && all.hosts.length > 0 ? historySince(all, from) : all
  io.err.write(skippedText(history.skipped) + damagedText(all) + copiesText(history.copies))
  if (all.hosts.length === 0 && history.skipped.length > 0)
    throw new UsageError(
      `isobench history: ${plural(history.skipped.length, 'stored run')} cannot be read, and there is no other`,
      'move them out of .isobench/runs, and measure again: isobench run',
    )
  const names = texts.map((text) => `"${text}"`)
  if (texts.length > 0 && all.hosts.length > 0 && all.hosts.every(({ metrics }) => metrics.length === 0))
    throw new UsageError(
      `isobench history: --bench: no stored run has a bench with ${names.join(' or ')} in its id.`,
      'isobench list shows the ids',
    )
  const worse = worsened(history)
  if (options.json) io.out.write(`${JSON.stringify(history, null, 1)}\n`)
  else {
    const width = Math.max(40, Math.min(io.out.columns ?? 100, 140))
    for (const host of history.hosts) io.out.write(`${historyLines(host, width, createColors(io)).join('\n')}\n`)
    if (all.hosts.length === 0) io.out.write('No run is stored yet. Measure one: isobench run\n')
    else if (history.hosts.length === 0) io.out.write(`${noneSince(all)}\n`)
    else io.out.write(hiddenText(all, history))
  }
  if (failOn === undefined) return exitCodes.clean
  if (worse.length === 0) {
    const reason = unjudged(all, history)
    if (!reason) return exitCodes.clean
    io.err.write(`nothing is judged: ${unjudgedText(reason, all)}\n`)
    return exitCodes.nothing
  }
  const series = history.hosts.flatMap(({ runs, metrics }) =>
    metrics.filter((one) => worse.includes(one)).map((one) => worseText(one, runs)),
  )
  io.err.write(`${plural(worse.length, 'metric')} became worse: ${series.join('; ')}\n`)
  return exitCodes.failed
}

const day = (startedAt: string): string => startedAt.slice(0, 10)

/** Results and records that a message names. */
const namedResults = 4

function unjudgedText(reason: Unjudged, all: History): string {
  switch (reason.why) {
    case 'no-run':
      return all.hosts.length === 0 ? 'no run is stored' : 'no run that is shown has results'
    case 'unreadable':
      return `the latest runs cannot be read: ${sanitize(listText(reason.records, namedResults))}`
    case 'damaged':
      return `the latest run has damaged lines: ${sanitize(listText(reason.records, namedResults))}`
    case 'lost': {
      const names = reason.metrics.map((one) => `${seriesName(one)} on ${sanitize(one.platform, 40)}`)
      return (
        `the latest run does not have ${listText(names, namedResults)}, which is lost or has another name now; ` +
        `after ${2 * minSegment} runs without it, it counts as removed`
      )
    }
    case 'no-ratio': {
      const names = reason.metrics.map((one) => `${seriesName(one)} on ${sanitize(one.platform, 40)}`)
      return `the latest run has no ratio to native of ${listText(names, namedResults)}`
    }
    case 'failed': {
      const names = reason.metrics.map((one) => `${seriesName(one)} on ${sanitize(one.platform, 40)}`)
      return `the latest run has no value of ${listText(names, namedResults)}`
    }
    case 'too-few-runs':
      return (
        `a change point needs ${2 * minSegment} runs of the same work on the same host, and no metric of the latest ` +
        `run has more than ${reason.most} yet, native aside`
      )
    case 'different-work': {
      const names = reason.metrics.map((one) => `${seriesName(one)} on ${sanitize(one.platform, 40)}`)
      return (
        `the work changed with the level of ${listText(names, namedResults)}, so a platform need not be the cause; ` +
        `${2 * minSegment} runs of the new work can show it`
      )
    }
  }
}

/** The records that do not count because other records have their samples. Empty without any. */
function copiesText(copies: History['copies']): string {
  if (copies.length === 0) return ''
  const names = copies.map(({ record, of }) => `${sanitize(record)} (${sanitize(of)})`)
  return `left out, because another record has the same samples: ${listText(names, namedResults)}\n`
}

/** The records that lack damaged lines. Empty without any. */
function damagedText({ hosts }: History): string {
  const damaged = hosts.flatMap(({ runs }) => runs.flatMap((run) => (run.damagedLines === undefined ? [] : [run])))
  if (damaged.length === 0) return ''
  const names = damaged.map(
    ({ record, damagedLines }) => `${sanitize(basename(record))} (${plural(damagedLines!, 'damaged line')})`,
  )
  return `read without damaged lines: ${listText(names, namedResults)}\n`
}

/** The records that cannot be read, and why the first cannot. Empty without any. */
export function skippedText(skipped: History['skipped']): string {
  const [first, ...others] = skipped
  if (!first) return ''
  const why = sanitize(first.why)
  if (others.length === 0) return `skipped ${sanitize(first.record)}: ${why}\n`
  const names = skipped.map(({ record }) => sanitize(record))
  const listed = listText(names, namedResults)
  return `skipped ${plural(names.length, 'run')} that cannot be read: ${listed}. The first: ${why}\n`
}

function noneSince({ hosts }: History): string {
  const latest = hosts.map(({ runs }) => runs.at(-1)!.startedAt).sort()
  return `No stored run is as new as --since. The latest is of ${day(latest.at(-1)!)}.`
}

/** Says that `--since` hides changes: a series without one may have changed before. */
function hiddenText(all: History, shown: History): string {
  const count = ({ hosts }: History) =>
    hosts.reduce((sum, { metrics }) => sum + metrics.reduce((own, { changes }) => own + changes.length, 0), 0)
  const hidden = count(all) - count(shown)
  return hidden > 0 ? `--since hides ${plural(hidden, 'earlier change point')}.\n` : ''
}

/** `boot · duration on crun, 10 % more since 2026-01-31`. */
function worseText(one: MetricHistory, runs: HostHistory['runs']): string {
  const { ratio, run } = one.changes.at(-1)!
  const amount = ratio ? ` ${formatChange(ratio.estimate)}` : ''
  return `${seriesName(one)} on ${sanitize(one.platform, 40)},${amount} since ${day(runs[run]!.startedAt)}`
}

const bars = '▁▂▃▄▅▆▇█'

/**
 * One bar per run, scaled from the lowest to the highest value. A run without a value has a dot. If there are more runs
 * than `most`, a bar is the median of several.
 * @param changes indices of the first runs of new levels: each has a `│` before it
 */
export function sparkline(
  values: readonly (number | null)[],
  changes: readonly number[] = [],
  most = Number.POSITIVE_INFINITY,
): string {
  const room = Math.max(1, most - changes.length)
  const perBar = Math.max(1, Math.ceil(values.length / room))
  const ends = [...changes, values.length]
  const segments = ends.map((end, nth) => values.slice(ends[nth - 1] ?? 0, end)).map((part) => barValues(part, perBar))
  const present = segments.flat().filter((value) => value !== null)
  const [low, high] = [Math.min(...present), Math.max(...present)]
  const bar = (value: number | null) => {
    if (value === null) return '·'
    return high === low ? '▄' : bars[Math.round(((value - low) / (high - low)) * (bars.length - 1))]!
  }
  return segments.map((part) => part.map(bar).join('')).join('│')
}

/** The values of a level, the median of each `size`. The first bar has the rest, because the latest runs matter. */
function barValues(values: readonly (number | null)[], size: number): (number | null)[] {
  const first = values.length % size
  const starts = [
    ...(first > 0 ? [0] : []),
    ...Array.from({ length: Math.floor(values.length / size) }, (_, i) => first + i * size),
  ]
  return starts.map((start, at) => {
    const group = values.slice(start, starts[at + 1]).filter((value) => value !== null)
    return group.length > 0 ? median(group) : null
  })
}

/** The columns of a row for its runs: as many as the width allows, within these limits. */
const runColumns = { least: 8, most: 60 }

const columns = [
  { title: 'platform', names: true as const, most: 40, least: 8 },
  { title: 'runs', keep: true as const },
  { title: 'first', align: 'right' as const, drop: 1 },
  { title: 'latest', align: 'right' as const, drop: 2 },
  { title: '×native', align: 'right' as const },
  { title: '' },
]

/** The history of a host as text, at most `width` columns wide. */
export function historyLines({ host, runs, metrics, findings }: HostHistory, width: number, ink: Colors): string[] {
  const ends = [...new Set([runs[0]!, runs.at(-1)!].map(({ startedAt }) => startedAt.slice(0, 16).replace('T', ' ')))]
  const indent = 2
  const groups = new Map<string, MetricHistory[]>()
  for (const one of metrics) {
    const heading = seriesName(one, metrics)
    groups.set(heading, [...(groups.get(heading) ?? []), one])
  }
  const series = [...groups.values()].flat()
  const rowsWith = (most: number) => series.map((history) => row(history, most, ink))
  const room = width - indent - widthOfTable(columns, rowsWith(0))
  const most = Math.max(runColumns.least, Math.min(runColumns.most, room))
  const [head, ...rows] = tableRows(columns, rowsWith(most), width - indent, ink)
  const grouped = [...groups].flatMap(([heading, members], nth) => [
    ...(nth === 0 ? [] : ['']),
    truncate(heading, width),
    ...members.flatMap((one) => rows[series.indexOf(one)]!.map((line) => `  ${line}`)),
  ])
  return [
    '',
    ...wrap(`${plural(runs.length, 'run')}, ${ends.join(' to ')}, on ${sanitize(host)}`, width).map(ink.strong),
    '',
    ...(metrics.length > 0 ? [`  ${head!.join('')}`, ...grouped] : ['These runs have no results.']),
    ...changeLines(groups, { runs, metrics }, width, ink),
    ...(findings.length > 0
      ? ['', ink.strong(`Findings, one mark per run${most < runs.length ? `, the latest ${most}` : ''}`)]
      : []),
    ...findings.map(({ id, title, verdicts }) => {
      const line = verdicts.slice(-most).map((verdict) => (verdict ? verdictSymbols[verdict] : '·'))
      return `  ${String(id).padStart(3)}  ${line.join('')}  ${wrap(sanitize(title), width - 9 - line.length)[0] ?? ''}`
    }),
  ]
}

/** The change points below the name of their series. */
function changeLines(
  groups: ReadonlyMap<string, readonly MetricHistory[]>,
  { runs, metrics }: Pick<HostHistory, 'runs' | 'metrics'>,
  width: number,
  ink: Colors,
): string[] {
  const indented = (text: string, spaces: number) => wrap(text, width - spaces).map((line) => ' '.repeat(spaces) + line)
  const texts = [...groups].flatMap(([heading, members]) => {
    const changes = members.flatMap((one) =>
      one.changes.flatMap((change) => {
        const [what, ...rest] = describeChange(one, change, runs)
        const paint = change.direction === 'worse' ? ink.bad : ink.good
        return [...indented(what!, 2).map(paint), ...rest.flatMap((line) => indented(line, 4))]
      }),
    )
    return changes.length > 0 ? [truncate(heading, width), ...changes] : []
  })
  if (texts.length === 0) return []
  return ['', ink.strong('Change points'), ...texts, ...wrap(changePointNote(metrics.length), width).map(ink.dim)]
}

function row(one: MetricHistory, most: number, ink: Colors) {
  const { platform, unit, medians, ratios, changes } = one
  const present = medians.filter((value) => value !== null)
  const hasRatios = ratios.some((value) => value !== null)
  const figures = latestFigures(one)
  const latest = changes.at(-1)
  const at = changes.map(({ run }) => run)
  return [
    { text: sanitize(platform) },
    { text: most === 0 ? '' : sparkline(hasRatios ? ratios : medians, at, most) },
    { text: present.length > 0 ? sanitize(formatQuantity(present[0]!, unit)) : '–', paint: ink.dim },
    { text: figures ? sanitize(formatQuantity(figures.median, unit)) : '–' },
    { text: figures?.ratio?.toFixed(2) ?? '' },
    { text: latest?.direction ?? '', paint: latest?.direction === 'worse' ? ink.bad : ink.good },
  ]
}
