import { isUtf8 } from 'node:buffer'
import cliTruncate from 'cli-truncate'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/**
 * Makes text safe to print on one line, whatever a guest printed or an author wrote.
 *
 * Replaces what a terminal, a browser or a CI log interprets: control and bidirectional characters, halves of surrogate
 * pairs, `::` before a word (a command of GitHub's runner, and wrapping may put it at the start of a line) and `##[`.
 * Shortens long text in the middle, because the start names the source and the end names the cause.
 * @param width the most UTF-16 code units of the result, before `::` and `##[` are replaced
 */
export function sanitize(text: string, width = 600): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not reach a terminal
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' ? '⏎' : c === '\t' ? ' ' : escapeOf(c.charCodeAt(0).toString(16)),
  )
  const head = Math.floor(width / 4)
  const short = visible.length <= width ? visible : `${visible.slice(0, head)}…${visible.slice(head + 1 - width)}`
  return short
    .replace(/[\u061c\u200e\u200f\ufeff\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/(?<![0-9a-z:])::(?=[a-z])/gi, ': :')
    .replaceAll('##[', '# #[')
}

/** The escape of a character in JavaScript. @param hex its UTF-16 code unit */
const escapeOf = (hex: string): string => (hex.length > 2 ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`)

/** The columns that `text` takes on a terminal. Ambiguous characters such as `±` take one. Colors take none. */
export const widthOf = (text: string): number => stringWidth(text)

/** `text` in at most `columns` columns, with `…` where it was cut. */
export function truncate(text: string, columns: number): string {
  // cli-truncate 5.2.0 may keep half of a wide character, which is one column too many.
  for (let room = columns; room > 0; room--) {
    const cut = cliTruncate(text, room)
    if (widthOf(cut) <= columns) return cut === text ? text : cut.replace(/ +…$/, '…')
  }
  return ''
}

/** `text` in at most `columns` columns, with `…` in its middle if it was cut. */
export function truncateMiddle(text: string, columns: number): string {
  const cut = columns > 0 ? cliTruncate(text, columns, { position: 'middle' }) : ''
  return widthOf(cut) <= columns ? cut : truncate(text, columns)
}

/** `text` with spaces up to `columns` columns. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, columns - widthOf(text)))
  return align === 'left' ? text + space : space + text
}

/** `text` broken between words into lines of at most `columns`. A word longer than a line is broken too. */
export const wrap = (text: string, columns: number): string[] =>
  text === '' ? [] : wrapAnsi(text, Math.max(1, columns), { hard: true }).split('\n')

/** Whether the calendar has a day such as `2026-01-31`: `Date` takes February 30 as March 2. */
export function isDay(day: string): boolean {
  const time = Date.parse(day)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** `1 round`, `2 rounds`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`

/** The most names that a list has before it is cut. */
const mostNames = 12

/** `a, b and c`, or the first names and how many more. */
export function listText(names: readonly string[], most = mostNames): string {
  if (names.length > most) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** Replaces the user and the password of addresses: `http://***@host/a`. The text need not be a valid address. */
export const maskCredentials = (text: string): string =>
  text.replace(/^([a-z][a-z\d+.-]*:\/\/)?[^/\s]*@/i, (_, scheme: string | undefined) => `${scheme ?? ''}***@`)

/** Whether a text that was read as UTF-8 is UTF-16, which PowerShell writes with `>`. */
export const isUtf16 = (text: string): boolean => /^\ufffd\ufffd|^.?\0/.test(text)

/** How to fix a file that is UTF-16. */
export const utf16Fix = 'save it as UTF-8: it is UTF-16, which PowerShell writes with >'

/** `text` without the byte order mark that editors, spreadsheets and PowerShell write. */
export const withoutBom = (text: string): string => text.replace(/^\uFEFF/, '')

/** Where the bytes of a file are not UTF-8, and how to fix it; undefined if they are. */
export function encodingProblem(
  file: string,
  bytes: Buffer,
): { readonly at: string; readonly fix: string } | undefined {
  if (isUtf16(bytes.toString('utf8', 0, 8))) return { at: file, fix: utf16Fix }
  if (isUtf8(bytes)) return undefined
  let line = 1
  for (let from = 0, end = 0; from < bytes.length; from = end + 1, line++) {
    end = bytes.indexOf(10, from)
    // No UTF-8 sequence of several bytes has a line feed.
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) break
  }
  return { at: `${file}:${line}`, fix: 'save it as UTF-8: editors on Windows may write Latin-1 or another code page' }
}
