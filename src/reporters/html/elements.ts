import type { Outcome } from '../../core/model/verdict.ts'
import { plural } from '../../util/text.ts'
import { figure } from '../format.ts'

/** Pieces of a page. What is given to them is HTML already: escape before. */

/** As many samples as a text lists. */
const listed = 60

/** `5 samples in ms: 1 · 2 · …`; not HTML yet. */
export function samplesText(values: readonly number[], unit: string): string {
  const list = values.slice(0, listed).map(figure).join(' · ') + (values.length > listed ? ' …' : '')
  return `${plural(values.length, 'sample')} in ${unit}: ${list}`
}

export const cell = (content: string, look = ''): string => `<td${look && ` class="${look}"`}>${content}</td>`

/** A cell that names its row. */
export const headerCell = (content: string): string => `<th scope="row" class="break">${content}</th>`

export interface Row {
  readonly cells: readonly string[]
  /** What a filter finds the row by: words. */
  readonly kind?: string
}

export function tableHtml(caption: string, head: readonly string[], rows: readonly Row[]): string {
  // A title stands as its figures do.
  const look = (at: number) => (rows[0]?.cells[at]?.startsWith('<td class="number') ? ' class="number"' : '')
  const titles = head.map((one, at) => (one === '' ? '<td></td>' : `<th scope="col"${look(at)}>${one}</th>`)).join('')
  const lines = rows.map(({ cells, kind }) => `<tr${kind ? ` data-kind="${kind}"` : ''}>${cells.join('')}</tr>`)
  const table = `<table><caption>${caption}</caption><thead><tr>${titles}</tr></thead><tbody>\n${lines.join('\n')}\n</tbody></table>`
  return `<div class="scroll" tabindex="0" role="region" aria-label="${caption}">${table}</div>`
}

/** Radio buttons that hide rows by their kind, with nothing but CSS: keys, labels and screen readers work as for any form. */
export function filtered(
  name: string,
  legend: string,
  kinds: readonly string[],
  rows: readonly Row[],
  table: string,
): string {
  const has = (kind: string) => rows.filter((row) => row.kind?.split(' ').includes(kind)).length
  const radio = (kind: string, count: number, checked: boolean) => {
    const off = count === 0 ? ' disabled=""' : ''
    const input = `<input type="radio" name="${name}" value="${kind}"${checked ? ' checked=""' : ''}${off}/>`
    return `<label>${input} ${kind === 'fails' ? 'fails the run' : kind} <span class="soft">${count}</span></label>`
  }
  const radios = [radio('all', rows.length, true), ...kinds.map((kind) => radio(kind, has(kind), false))]
  return `<div class="filtered"><fieldset><legend>${legend}</legend>${radios.join('')}</fieldset>\n${table}</div>`
}

/** A table that is there to be opened: what a picture shows, as figures. */
export const details = (summary: string, content: string, open = false): string =>
  `<details${open ? ' open=""' : ''}><summary>${summary}</summary>${content}</details>`

/** The CSS class of a verdict's colour. */
export function verdictClass(
  of: { readonly outcome: Outcome; readonly direction: 'worse' | 'better' | null } | undefined,
): string {
  if (!of || of.outcome === 'not-evaluated') return 'none'
  if (of.outcome === 'holds') return 'good'
  return of.outcome === 'contradicted' && of.direction === 'worse' ? 'bad' : 'doubt'
}
