import type { FindingOutcome } from '../../core/model/verdict.ts'
import { plural } from '../../util/text.ts'
import { figure } from '../format.ts'
import { type Html, type HtmlValue, html, lines } from './tag.ts'

/** The elements that every part of the page uses. */

/** The most samples that one text lists. */
const listedSamples = 60

/** `5 samples in ms: 1 · 2 · …`. */
export const samplesText = (values: readonly number[], unit: string): string =>
  `${plural(values.length, 'sample')} in ${unit}: ${samplesList(values)}`

/** `1 · 2 · …`. */
export const samplesList = (values: readonly number[]): string =>
  values.slice(0, listedSamples).map(figure).join(' · ') + (values.length > listedSamples ? ' …' : '')

export interface Cell {
  readonly content: HtmlValue
  readonly className: string
  /** Whether the cell names its row. */
  readonly header: boolean
}

/** A cell of a table, with its CSS classes. */
export const cell = (content: HtmlValue, className = ''): Cell => ({ content, className, header: false })

/** A cell that names its row. */
export const headerCell = (content: HtmlValue): Cell => ({ content, className: 'wrap-anywhere', header: true })

export interface Row {
  readonly cells: readonly Cell[]
  /** The name of the row for links. */
  readonly id?: string
  /** Words by which a filter selects the row, separated by spaces. */
  readonly kind?: string
}

const classAttribute = (className: string): HtmlValue => className !== '' && html` class="${className}"`

const cellHtml = ({ content, className, header }: Cell): Html =>
  header
    ? html`<th scope="row"${classAttribute(className)}>${content}</th>`
    : html`<td${classAttribute(className)}>${content}</td>`

const idAttribute = (id: string | undefined): HtmlValue => id !== undefined && html` id="${id}"`

/** What scrolls by itself if it is wider than the page. */
export const scrolling = (label: string, content: HtmlValue): Html =>
  html`<div class="scroll" tabindex="0" role="group" aria-label="${label}">${content}</div>`

/** A table that scrolls if it is wider than the page. An empty title makes an empty head cell. */
export function table(caption: string, titles: readonly HtmlValue[], rows: readonly Row[]): Html {
  const titleClass = (column: number) => (rows[0]?.cells[column]?.className.startsWith('number') ? 'number' : '')
  const head = titles.map((title, column) =>
    title === '' ? html`<td></td>` : html`<th scope="col"${classAttribute(titleClass(column))}>${title}</th>`,
  )
  const body = rows.map(
    ({ cells, id, kind }) =>
      html`<tr${idAttribute(id)}${kind && html` data-kind="${kind}"`}>${cells.map(cellHtml)}</tr>`,
  )
  return scrolling(
    caption,
    html`
<table><caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${lines(...body)}
</tbody></table>`,
  )
}

/** An entry of a list that a filter can select: on a narrow screen its parts are beneath each other. */
export interface Entry {
  readonly id: string
  /** As of a row. */
  readonly kind: string
  /** The outcome in short. */
  readonly mark: HtmlValue
  readonly content: HtmlValue
}

/** A list of entries with their outcome in front. */
export const entryList = (entries: readonly Entry[]): Html => html`<ul class="entries">
${lines(
  ...entries.map(
    ({ id, kind, mark, content }) =>
      html`<li id="${id}" data-kind="${kind}"><div>${mark}</div><div class="wrap-anywhere">${content}</div></li>`,
  ),
)}
</ul>`

/** The kinds of claims and findings that a filter can select, what matters most first. */
export const verdictKinds = [
  'fails',
  'contradicted',
  'inconclusive',
  'holds-in-part',
  'not-evaluated',
  'holds',
] as const

/** The kinds of changes that a filter can select. */
export const changeKinds = ['lost', 'regressed', 'improved', 'unclear', 'same', 'changed'] as const

/** The kind that a filter shows first: what matters most. */
export function firstKind(kinds: readonly string[], rows: readonly { readonly kind?: string }[]): string {
  return kinds.find((kind) => rows.some((row) => row.kind?.split(' ').includes(kind))) ?? 'all'
}

/**
 * Radio buttons that hide rows by their kind. They need CSS only, so keys and screen readers work as in any form.
 * @param kinds some of `verdictKinds` or `changeKinds`: only those have a style
 */
export function filtered(
  name: string,
  legend: string,
  kinds: readonly string[],
  rows: readonly { readonly kind?: string }[],
  content: Html,
): Html {
  const countOf = (kind: string) => rows.filter((row) => row.kind?.split(' ').includes(kind)).length
  const radio = (kind: string, count: number, checked: boolean) => {
    const state = [checked && html` checked=""`, count === 0 && html` disabled=""`]
    const input = html`<input type="radio" name="${name}" value="${kind}"${state}/>`
    const label = kind === 'fails' ? 'fails the run' : kind
    return html`<label>${input} ${label} <span class="muted">${count}</span></label>`
  }
  const first = firstKind(kinds, rows)
  const radios = [
    radio('all', rows.length, first === 'all'),
    ...kinds.map((kind) => radio(kind, countOf(kind), kind === first)),
  ]
  return html`<div class="filtered"><fieldset><legend>${legend}</legend>${radios}</fieldset>
${content}</div>`
}

/** Content that the reader can open, such as the table of a chart. */
export const details = (summary: string, content: HtmlValue, open = false): Html =>
  html`<details${open && html` open=""`}><summary>${summary}</summary>${content}</details>`

/** An unordered list, or nothing if there are no items. */
export const list = (items: readonly HtmlValue[], className = ''): Html | undefined =>
  items.length === 0
    ? undefined
    : html`<ul${classAttribute(className)}>${items.map((item) => html`<li class="wrap-anywhere">${item}</li>`)}</ul>`

/** The title of a metric: its name, and the direction that is better. */
export const metricHeading = (metric: string, better: string): Html =>
  html`<h4 class="wrap-anywhere">${metric}<span class="muted">, ${better}</span></h4>`

/** The CSS class of a verdict's color. */
export function verdictClass(
  verdict: { readonly outcome: FindingOutcome; readonly direction: 'worse' | 'better' | null } | undefined,
): string {
  if (!verdict || verdict.outcome === 'not-evaluated' || verdict.outcome === 'holds-in-part') return 'none'
  if (verdict.outcome === 'holds') return 'good'
  return verdict.outcome === 'contradicted' && verdict.direction === 'worse' ? 'bad' : 'doubt'
}
