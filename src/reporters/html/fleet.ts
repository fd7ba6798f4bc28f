import { exitCodes } from '../../core/judge/exit-code.ts'
import type { Fleet, FleetRatio, FleetVerdict, HostKind } from '../../core/model/fleet.ts'
import { absent } from '../../core/records/host-attributes.ts'
import { listText, plural, truncateMiddle } from '../../util/text.ts'
import {
  countsText,
  dissentSentences,
  exitText,
  fleetNotes,
  hostRatiosText,
  isNotable,
  kindText,
  leftOutText,
  noSummaryText,
  rangeText,
  ratioNote,
  ratioPlatform,
  statementText,
} from '../fleet-words.ts'
import { interval } from '../format.ts'
import { caseName, outcomeName, verdictSymbols } from '../summary.ts'
import { link } from './anchors.ts'
import { contentsHtml } from './contents.ts'
import { htmlDocument } from './document.ts'
import { cell, details, entryList, headerCell, list, table, verdictClass } from './elements.ts'
import { ratiosChart } from './fleet-chart.ts'
import { type Html, html, lines } from './tag.ts'

/** The page of several kinds of host side by side. It needs neither network nor scripts. */

/** The most ratios in the chart. */
const mostRatios = 20

/** The page as text. */
export function fleetPage(fleet: Fleet): string {
  const { hosts, exit, leftOut, verdicts, ratios } = fleet
  const title = `isobench fleet: ${plural(hosts.length, 'kind')} of host`
  const parts = [
    { id: 'verdicts', title: 'Verdicts' },
    { id: 'matrix', title: 'Verdicts by host' },
    ...(ratios.length > 0 ? [{ id: 'ratios', title: 'Ratios' }] : []),
    { id: 'hosts', title: 'Hosts' },
  ]
  const dissents = verdicts.filter(({ dissent }) => dissent).length
  const counts = `${plural(dissents, 'statement')} of ${verdicts.length} on which hosts differ`
  const className = exit.code === exitCodes.clean ? 'good' : exit.code === exitCodes.failed ? 'bad' : 'doubt'
  const page = htmlDocument(
    title,
    lines(
      html`<h1>${title}</h1>`,
      contentsHtml('Contents', parts, []),
      html`<p class="counts ${className}">${counts}</p>`,
      html`<p class="muted">${exitText(fleet)}</p>`,
      list(fleetNotes(fleet)),
      leftOut.length > 0 &&
        details(`${plural(leftOut.length, 'record')} left out`, list(leftOut.map(leftOutText)), true),
      verdictsHtml(verdicts),
      matrixHtml(verdicts, hosts),
      ratios.length > 0 && ratiosHtml(ratios),
      hostsHtml(hosts),
    ),
  )
  return page.toString()
}

const anchorOf = (index: number): string => `statement-${index + 1}`

function verdictsHtml(verdicts: readonly FleetVerdict[]): Html {
  const numbered = verdicts.map((verdict, index) => ({ verdict, index }))
  const entries = (all: typeof numbered) => entryList(all.map(({ verdict, index }) => entryOf(verdict, index)))
  const [notable, others] = [true, false].map((wanted) =>
    numbered.filter(({ verdict }) => isNotable(verdict) === wanted),
  ) as [typeof numbered, typeof numbered]
  return lines(
    html`<h2 id="verdicts">Verdicts</h2>`,
    notable.length > 0 ? entries(notable) : html`<p class="good">✓ No kind of host contradicts a statement.</p>`,
    others.length > 0 && details(`${plural(others.length, 'statement')} without a contradiction`, entries(others)),
  )
}

/** The color of all verdicts of a statement together. */
function classOf({ hosts, counts }: FleetVerdict): string {
  if (hosts.some((one) => one?.outcome === 'contradicted' && one.direction === 'worse')) return 'bad'
  if (counts.contradicted + counts.inconclusive > 0) return 'doubt'
  return counts.holds > 0 ? 'good' : 'none'
}

function entryOf(verdict: FleetVerdict, index: number) {
  const { dissent, counts, hosts } = verdict
  const stated = hosts.filter((one) => one !== null).length
  const holding = counts.holds + counts['holds-in-part']
  return {
    id: anchorOf(index),
    kind: '',
    mark: html`<span class="${classOf(verdict)}">${holding} of ${stated} hold</span>`,
    content: lines(
      html`<h3 class="entry">${statementText(verdict)}</h3>`,
      html`<p>${countsText(verdict)}</p>`,
      dissent && list(dissentSentences(dissent)),
    ),
  }
}

function matrixHtml(verdicts: readonly FleetVerdict[], hosts: readonly HostKind[]): Html {
  const rows = verdicts.map((verdict, index) => ({
    cells: [
      headerCell(link(anchorOf(index), shortName(verdict))),
      ...verdict.hosts.map((one) =>
        one
          ? cell(
              html`<span role="img" aria-label="${outcomeName(one.outcome)}">${verdictSymbols[one.outcome]}</span>`,
              verdictClass(one),
            )
          : cell(''),
      ),
    ],
  }))
  const titles = ['statement', ...hosts.map(({ id }) => link(id, id))]
  const used = Object.entries(verdictSymbols).map(([outcome, symbol]) => `${symbol} ${outcome.replaceAll('-', ' ')}`)
  return lines(
    html`<h2 id="matrix">Verdicts by host</h2>`,
    html`<p class="muted">${used.join(' · ')}</p>`,
    html`<div class="matrix many">${table('Verdicts by host', titles, rows)}</div>`,
  )
}

/** The most columns of a statement in a table. */
const mostColumns = 100

const shortName = (verdict: FleetVerdict): string => truncateMiddle(statementText(verdict), mostColumns)

function ratiosHtml(ratios: readonly FleetRatio[]): Html {
  const summarized = ratios.filter(({ summary }) => summary)
  const few = ratios.filter(({ summary }) => !summary)
  const rows = summarized.map((ratio) => {
    const summary = ratio.summary!
    return {
      cells: [
        headerCell(caseName(ratio.bench, ratio.params)),
        cell(ratio.metric),
        cell(ratioPlatform(ratio)),
        cell(ratio.hosts.length, 'number'),
        cell(interval({ ...summary, value: summary.ratio }), 'number'),
        cell(rangeText(summary.prediction), 'number'),
        cell(`${Math.round(100 * summary.inconsistency)} %`, 'number'),
        cell(hostRatiosText(ratio), 'wrap'),
      ],
    }
  })
  const titles = ['bench', 'metric', 'platform', 'hosts', 'mean [90 %]', 'next host', 'I²', 'ratios of hosts']
  const unsummarized = few.map(
    (ratio) =>
      `${caseName(ratio.bench, ratio.params)}, ${ratio.metric}, ${ratioPlatform(ratio)}: ${hostRatiosText(ratio)}; ` +
      noSummaryText(ratio),
  )
  return lines(
    html`<h2 id="ratios">Ratios to native</h2>`,
    html`<p class="muted">${ratioNote} Those that differ most between hosts come first.</p>`,
    summarized.length > 0 && ratiosChart(summarized.slice(0, mostRatios)),
    rows.length > 0 && details(`The same as a table (${rows.length})`, table('Ratios to native', titles, rows)),
    few.length > 0 && details(`${plural(few.length, 'ratio')} without a summary`, list(unsummarized)),
  )
}

function hostsHtml(hosts: readonly HostKind[]): Html {
  const names = [...new Set(hosts.flatMap(({ attributes }) => Object.keys(attributes)))]
  const differing = names.filter((name) => new Set(hosts.map(({ attributes }) => attributes[name])).size > 1)
  const rows = hosts.map((kind) => ({
    id: kind.id,
    cells: [
      { ...headerCell(kind.id), className: 'nowrap' },
      cell(kindText(kind), 'wrap-anywhere'),
      cell(listText(kind.hostnames), 'wrap-anywhere'),
      cell(kind.records.length, 'number'),
      cell(kind.exitCode, 'number'),
    ],
  }))
  const attributes = hosts.map(({ id, attributes: own }) =>
    details(
      `${id}: attributes that differ between hosts`,
      html`<dl>${differing.map((name) => html`<dt>${name}</dt><dd>${own[name] ?? absent}</dd>\n`)}</dl>`,
    ),
  )
  return lines(
    html`<h2 id="hosts">Hosts</h2>`,
    table('Kinds of host', ['id', 'host', 'names', 'records', 'exit code'], rows),
    differing.length > 0 && lines(...attributes),
  )
}
