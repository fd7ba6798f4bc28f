import type { Report } from '../../core/model/report.ts'
import { plural } from '../../util/text.ts'
import { type Anchors, link } from './anchors.ts'
import { details } from './elements.ts'
import { type Html, html, lines } from './tag.ts'

/** The table of contents of a record. */

export interface ContentsEntry {
  readonly id: string
  readonly title: string
}

/** Up to so many benches are listed; more are folded. */
const fewBenches = 12

const links = (entries: readonly ContentsEntry[]): Html =>
  html`<ul>${entries.map(({ id, title }) => html`<li>${link(id, title)}</li>`)}</ul>`

/**
 * @param label its name, which differs between the records of a page
 * @param parts in the order of the page
 * @param benches of the page, in its order
 */
export const contentsHtml = (
  label: string,
  parts: readonly ContentsEntry[],
  benches: readonly ContentsEntry[],
): Html => html`<nav aria-label="${label}">
${lines(
  links(parts),
  benches.length > fewBenches ? details(plural(benches.length, 'bench', 'benches'), links(benches)) : links(benches),
)}
</nav>`

/** The parts of a record that are always there, or there if it has something for them. */
export const listParts = (report: Report, anchors: Anchors, has: { baseline: boolean; history: boolean }) => {
  const parts: readonly (readonly [name: string, title: string, isThere: boolean])[] = [
    ['summary', 'Summary', true],
    ['warnings', 'Warnings', true],
    ['findings', 'Findings', report.findings.length > 0],
    ['baseline', 'Against the baseline', has.baseline],
    ['benches', 'Benches', report.cases.length > 0],
    ['claims', 'Claims', report.claims.length > 0],
    ['history', 'History', has.history],
    ['environment', 'Environment', true],
    ['platforms', 'Platforms', true],
  ]
  return parts.flatMap(([name, title, isThere]) => (isThere ? [{ id: anchors.part(name), title }] : []))
}
