import type { Fleet, FleetRatio, FleetVerdict } from '../core/model/fleet.ts'
import { listText, plural, sanitize, wrap } from '../util/text.ts'
import {
  countsText,
  dissentSentences,
  exitText,
  fleetNotes,
  hostRatiosText,
  isNotable,
  kindText,
  leftOutText,
  marksOf,
  noSummaryText,
  rangeText,
  ratioNote,
  ratioPlatform,
  statementText,
} from './fleet-words.ts'
import { interval } from './format.ts'
import { caseName } from './summary.ts'
import { type Colors, type Column, table } from './terminal/table.ts'

/** The verdicts of several kinds of host as text. */

/** How wide the text is, and whether it has every row. */
export interface FleetLayout {
  readonly width: number
  readonly all: boolean
  readonly ink: Colors
}

/** The most rows without `all`. */
const mostRatios = 12
const mostHosts = 40

/** The comparison as text, at most `width` columns wide. */
export function fleetText(fleet: Fleet, layout: FleetLayout): string {
  const { width, all, ink } = layout
  const { hosts, leftOut } = fleet
  const shown = all ? hosts : hosts.slice(0, mostHosts)
  const records = hosts.reduce((sum, { records: own }) => sum + own.length, 0)
  const wrapped = (text: string, indent = 0) => wrap(text, width - indent).map((line) => ' '.repeat(indent) + line)
  return `${[
    '',
    ...wrapped(`${plural(hosts.length, 'kind')} of host, ${plural(records, 'record')}`).map(ink.strong),
    ...shown.flatMap((kind) => wrapped(`${kind.id}  ${kindText(kind)}${namesText(kind.hostnames)}`, 2)),
    ...(shown.length < hosts.length
      ? wrapped(`and ${hosts.length - shown.length} more (--all lists every host).`, 2)
      : []),
    ...leftOut.flatMap((one) => wrapped(sanitize(`left out: ${leftOutText(one)}`), 2).map(ink.doubt)),
    ...verdictLines(fleet.verdicts, layout),
    ...ratioLines(fleet.ratios, layout),
    '',
    ...fleetNotes(fleet)
      .flatMap((note) => wrapped(note))
      .map(ink.dim),
    ...wrapped(exitText(fleet)),
  ].join('\n')}\n`
}

const namesText = (names: readonly string[]): string =>
  names.length > 0 ? `: ${listText(names.map((name) => sanitize(name, 40)))}` : ''

function verdictLines(verdicts: readonly FleetVerdict[], { width, all, ink }: FleetLayout): string[] {
  const shown = verdicts.filter((one) => all || one.finding !== null || isNotable(one))
  const sorted = [...shown.filter(isNotable), ...shown.filter((one) => !isNotable(one))]
  const wrapped = (text: string, indent: number) => wrap(text, width - indent).map((line) => ' '.repeat(indent) + line)
  const rows = sorted.flatMap((verdict) => {
    const paint = isNotable(verdict) ? (verdict.hosts.some((one) => one?.failsRun) ? ink.bad : ink.doubt) : ink.good
    return [
      '',
      ...wrapped(statementText(verdict), 2),
      ...wrapped(marksOf(verdict).join(''), 4),
      ...wrapped(countsText(verdict), 4).map(paint),
      ...(verdict.dissent ? dissentSentences(verdict.dissent).flatMap((text) => wrapped(text, 4)) : []),
    ]
  })
  const hidden = verdicts.length - sorted.length
  const note = `${plural(hidden, 'expectation')} of benches on which no host is contradicted (--all lists them).`
  return [
    '',
    ink.strong('Verdicts, one mark per kind of host'),
    ...(rows.length > 0 ? rows : ['  There is no finding and no contradicted expectation.']),
    ...(hidden > 0 ? ['', ...wrapped(note, 2)] : []),
  ]
}

const columns: readonly Column[] = [
  { title: 'bench', keep: true, names: true, roomy: 18, least: 5, cut: 'middle' },
  { title: 'metric', keep: true, names: true, most: 20, roomy: 8, least: 4 },
  { title: 'platform', keep: true, names: true, roomy: 8, least: 6 },
  { title: 'hosts', keep: true, align: 'right', drop: 2 },
  { title: 'mean [90 %]', keep: true },
  { title: 'next host', keep: true, drop: 4 },
  { title: 'I²', keep: true, align: 'right', drop: 3 },
]

function ratioLines(ratios: readonly FleetRatio[], { width, all, ink }: FleetLayout): string[] {
  if (ratios.length === 0) return []
  const summarized = ratios.filter(({ summary }) => summary)
  const shown = all ? summarized : summarized.slice(0, mostRatios)
  const rows = shown.map((ratio) =>
    [
      caseName(ratio.bench, ratio.params),
      sanitize(ratio.metric),
      ratioPlatform(ratio),
      String(ratio.hosts.length),
      interval({ ...ratio.summary!, value: ratio.summary!.ratio }),
      rangeText(ratio.summary!.prediction),
      `${Math.round(100 * ratio.summary!.inconsistency)} %`,
    ].map((text) => ({ text })),
  )
  const few = ratios.filter(({ summary }) => !summary)
  const left = summarized.length - shown.length
  const wrapped = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`)
  return [
    '',
    ...wrap('Ratios to native, those that differ most between hosts first', width).map(ink.strong),
    ...(rows.length > 0 ? table(columns, rows, width - 2, ink).map((line) => `  ${line}`) : []),
    ...(left > 0 ? wrapped(`and ${left} more (--all lists every ratio).`) : []),
    ...(all ? few : few.slice(0, 3)).flatMap((ratio) =>
      wrapped(
        `${caseName(ratio.bench, ratio.params)}, ${sanitize(ratio.metric)}, ${ratioPlatform(ratio)}: ` +
          `${hostRatiosText(ratio)}; no summary: ${noSummaryText(ratio)}.`,
      ),
    ),
    ...(few.length > 3 && !all ? wrapped(`${few.length - 3} more have no summary.`) : []),
    ...(rows.length > 0 ? wrapped(ratioNote).map(ink.dim) : []),
  ]
}
