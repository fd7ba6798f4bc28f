import type { Problem } from '../core/model/suite.ts'
import { linesOf } from '../util/files.ts'
import { sanitize, truncate } from '../util/text.ts'

/** Lines before the wrong one. */
const before = 2

/**
 * The source lines of a problem, with the wrong word underlined. Empty if the file cannot be read.
 * @param width columns of the terminal
 */
export function codeFrame({ location, word }: Pick<Problem, 'location' | 'word'>, width: number): string[] {
  if (!location) return []
  const { line, column } = location
  const lines = linesOf(location.file)
  const wrong = lines[line - 1]
  if (wrong === undefined) return []
  const first = Math.max(0, line - 1 - before)
  const shown = lines.slice(first, line).map((text, at) => ({ text, number: first + at + 1 }))
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
