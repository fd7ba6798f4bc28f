import { sanitize, truncate } from '../../util/text.ts'
import { formatTick, type Scale } from './scale.ts'
import { type Html, type HtmlValue, html } from './tag.ts'

/** The SVG elements that several charts draw. Coordinates are in units of the view box. */

/** The columns that a platform's name may take beside a chart. */
const nameColumns = 17

interface TextOptions {
  readonly x: number
  readonly y: number
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly className?: string
}

/** A line of text. */
export const svgText = ({ x, y, anchor = 'start', className }: TextOptions, content: string): Html => {
  const classAttribute = className !== undefined && html` class="${className}"`
  const anchorAttribute = anchor !== 'start' && html` text-anchor="${anchor}"`
  return html`<text${classAttribute} x="${x}" y="${y}"${anchorAttribute}>${content}</text>`
}

/** A platform's name, shortened to the room beside a chart. */
export const platformLabel = (options: TextOptions, platform: string): Html =>
  svgText(options, truncate(sanitize(platform), nameColumns))

/** A horizontal line. */
export const horizontal = (x1: number, x2: number, y: number, className: string): Html =>
  html`<line x1="${x1}" x2="${x2}" y1="${y}" y2="${y}" class="${className}"/>`

/** A vertical line. */
export const vertical = (x: number, y1: number, y2: number, className: string): Html =>
  html`<line x1="${x}" x2="${x}" y1="${y1}" y2="${y2}" class="${className}"/>`

/** Vertical grid lines, with a label below each. */
export const verticalGrid = (
  x: Scale,
  { top, bottom, labelY = bottom + 16 }: { readonly top: number; readonly bottom: number; readonly labelY?: number },
  format: (value: number) => string = formatTick,
  ticks: readonly number[] = x.ticks,
): Html[] =>
  ticks.map((value) => {
    const label = svgText({ x: x.at(value), y: labelY, anchor: 'middle', className: 'axis' }, format(value))
    return html`${vertical(x.at(value), top, bottom, 'grid')}${label}`
  })

/** A picture of several elements that can have the focus is a `group`, any other an `img`. */
export const svg = (
  { width, height, role, label }: { width: number; height: number; role: 'img' | 'group'; label: string },
  content: HtmlValue,
): Html => html`<svg viewBox="0 0 ${width} ${height}" role="${role}" aria-label="${label}">${content}</svg>`

/** A wide picture. It scrolls on a narrow screen, because its text would be too small to read if it shrank. */
export const scrolling = (label: string, content: HtmlValue): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${content}</div>`

/** Pictures with their caption. */
export const figureHtml = (content: HtmlValue, caption: string, className = ''): Html =>
  html`<figure${className !== '' && html` class="${className}"`}>${content}
<figcaption>${caption}</figcaption></figure>`
