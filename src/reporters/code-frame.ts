import type { Problem } from '../core/model/suite.ts'
import { type Excerpt, excerptAt } from '../util/files.ts'
import { sanitize, truncate } from '../util/text.ts'

/** The source lines of a problem, as `codeFrame` shows them. Empty if the file cannot be read. */
export function problemFrame({ location, word }: Pick<Problem, 'location' | 'word'>, width: number): string[] {
  const excerpt = location && excerptAt(location)
  return excerpt ? codeFrame(excerpt, width, word) : []
}

/**
 * The part of long lines that has the column, because a line of generated code may have megabytes. The first character
 * of such a part is `…`.
 */
function inView(excerpt: Excerpt, width: number): Excerpt {
  const from = excerpt.column > width ? excerpt.column - Math.floor(width / 2) : 0
  // A character takes up to two units. More than one line of them is cut later.
  const part = (text: string) => (from > 0 && text.length > from ? '…' : '') + text.slice(from, from + 2 * width)
  return { ...excerpt, lines: excerpt.lines.map(part), column: excerpt.column - from + (from > 0 ? 1 : 0) }
}

/**
 * Source lines, with the wrong word underlined.
 * @param width columns of the terminal
 */
export function codeFrame(excerpt: Excerpt, width: number, word?: string): string[] {
  const { lines, line, column } = inView(excerpt, width)
  const wrong = lines.at(-1)!
  const shown = lines.map((text, at) => ({ text, number: line - lines.length + at + 1 }))
  // Blank lines at the start of a frame say nothing.
  while (shown.length > 1 && shown[0]!.text.trim() === '') shown.shift()
  const digits = String(line).length
  const isWord = word !== undefined && wrong.startsWith(word, column - 1)
  const mark = isWord ? '~'.repeat(word.length) : '^'
  // Columns of the source count code units; a tab and a wide character are shown differently.
  const indent = ' '.repeat(sanitize(wrong.slice(0, column - 1), Infinity).length)
  const cut = (text: string) => truncate(text, width)
  return [
    ...shown.map(({ text, number }) =>
      cut(
        `  ${number === line ? '→' : ' '} ${String(number).padStart(digits)} │ ${sanitize(text, Infinity)}`.trimEnd(),
      ),
    ),
    cut(`    ${' '.repeat(digits)} │ ${indent}${mark}`),
  ]
}
