import { keepStandardError, outputHeading } from '../../util/standard-output.ts'
import { plural, sanitize } from '../../util/text.ts'

/** Lines of one stream in one sample that are shown. A function that prints is called a million times. */
const shownLines = 10

/** UTF-16 code units of a line that are shown. */
const shownOfLine = 300

// Taken before the config is imported, which may replace its `write`.
const err = keepStandardError(process)

/**
 * Prints what user code printed inside a guest to standard error, as with what it prints in this process.
 * @param source the case and the platform
 * @param text of a guest, unchecked
 */
export function showGuestOutput(
  stream: 'stdout' | 'stderr',
  source: string,
  text: string,
  write: (text: string) => unknown = (shown) => err.write(shown),
): void {
  if (text.trim() === '') return
  const lines = text.replace(/\r?\n$/, '').split('\n')
  const shown = lines.slice(0, shownLines).map((line) => `${sanitize(line.replace(/\r$/, ''), shownOfLine)}\n`)
  const left = lines.length - shown.length
  const more = left > 0 ? `... and ${plural(left, 'more line')}\n` : ''
  write(`${outputHeading(stream, source)}${shown.join('')}${more}`)
}
