import { escapeHtml } from '../document.ts'

/** The template tag that makes all markup of the page. */

class Markup {
  // The private field makes the type nominal: tsc accepts neither a string nor an object of the same shape.
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** Markup that is safe to write into the page. Only `html`, `joinHtml` and `pathData` return it. */
export type Html = Markup

/** What `html` accepts. It escapes strings and writes nothing for `false`, `null` and `undefined`. */
export type HtmlValue = Html | string | number | false | null | undefined | readonly HtmlValue[]

function render(value: HtmlValue): string {
  if (value instanceof Markup) return value.toString()
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  return value ? value.map(render).join('') : ''
}

/**
 * Builds markup from a template. Escapes every value that is not markup itself and joins arrays.
 *
 * A value may stand in text or inside a quoted attribute, nowhere else.
 */
export const html = (strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html =>
  new Markup(strings.reduce((text, next, index) => text + render(values[index - 1]) + next))

/** Joins the parts with a separator. Leaves out empty parts. */
export const joinHtml = (parts: readonly HtmlValue[], separator: string): Html =>
  new Markup(
    parts
      .map(render)
      .filter((text) => text !== '')
      .join(escapeHtml(separator)),
  )

/** Joins the parts with line breaks. Leaves out empty parts. */
export const lines = (...parts: readonly HtmlValue[]): Html => new Markup(parts.map(render).filter(Boolean).join('\n'))

/**
 * Path data for the attribute `d`, of any length: `escapeHtml` would shorten it.
 * @throws if the text is not path data; that is a bug of isobench
 */
export function pathData(text: string): Html {
  if (!/^[MLHVZhv\d\s,.e-]*$/.test(text)) throw new Error(`not SVG path data: ${text}`)
  return new Markup(text)
}
