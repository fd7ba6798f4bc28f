import { sanitizeLine } from './errors.ts'

/** Text as a terminal shows it: what is safe to show, how wide it is, and how it is cut, padded and wrapped. */

/**
 * Text of a guest or an author, on one line, without anything that a terminal, a browser or a CI's log acts on: control
 * and bidirectional characters, halves of surrogate pairs, and what GitHub's runner takes for a command: `::` before a
 * word, since wrapping may start a line there, and `##[` anywhere.
 */
export function sanitize(text: string, width?: number): string {
  return sanitizeLine(text, width)
    .replace(/[\u061c\u200e\u200f\ufeff\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/(?<![0-9a-z:])::(?=[a-z])/gi, ': :')
    .replaceAll('##[', '# #[')
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60]/u
const invisible = /^[\p{M}\u200b-\u200d\u2060]+$/u

const widthOfGrapheme = (text: string): number => (invisible.test(text) ? 0 : wide.test(text) ? 2 : 1)

/** How many columns `text` takes. It must not hold escape codes: colours are put on after padding. */
export function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOfGrapheme(segment)
  return width
}

/** `text` in at most `columns` columns, with `…` where it was cut. */
export function truncate(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += widthOfGrapheme(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return columns > 0 ? `${kept.trimEnd()}…` : ''
}

export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, columns - widthOf(text)))
  return align === 'left' ? text + space : space + text
}

/** `text` broken between words into lines of at most `columns`; a word that is longer than a line is broken too. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (let word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) <= columns) {
      line += ` ${word}`
      continue
    }
    if (line !== '') lines.push(line)
    while (widthOf(word) > columns) {
      const head = truncate(word, columns + 1).slice(0, -1)
      if (head === '') break
      lines.push(head)
      word = word.slice(head.length)
    }
    line = word
  }
  return line === '' ? lines : [...lines, line]
}

/** `1 round`, `2 rounds`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
