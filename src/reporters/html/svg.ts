import { sanitize, truncate } from '../../util/text.ts'
import { formatTick, type Scale } from './scale.ts'
import { type Html, type HtmlValue, html } from './tag.ts'

/** The SVG elements that several charts draw. Coordinates are in units of the view box. */

/** The width of a column of a platform's name, about. */
const columnWidth = 6.7

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

/** A platform's name, shortened to the room for it. */
export const platformLabel = (options: TextOptions, platform: string, room: number): Html =>
  svgText(options, truncate(sanitize(platform), Math.floor(room / columnWidth)))

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

/** The room that a picture is drawn for, in units of its view box, which are about pixels. */
export interface Layout {
  readonly width: number
  /** The room for the names of platforms at the left. */
  readonly left: number
  /** Whether its rows show their samples under a pointer or with the focus. */
  readonly isInteractive: boolean
}

/** A picture for wide screens and paper, and one for phones: the letters of the wide one would be too small there. */
export const responsive = (wide: HtmlValue, narrow: HtmlValue): Html =>
  html`<div class="on-wide">${wide}</div><div class="on-narrow">${narrow}</div>`

/** Pictures with their caption. */
export const figureHtml = (content: HtmlValue, caption: HtmlValue): Html => html`<figure>${content}
<figcaption>${caption}</figcaption></figure>`

/** The words of a caption that are only true for a screen with a pointer. */
export const onWide = (text: string): Html => html`<span class="on-wide">${text}</span>`
