import type { Location } from '../../dsl/errors.ts'
import { linesOf } from '../../util/files.ts'
import type { Problem } from '../model/suite.ts'

/** Lines before and after the start of a claim in which a word of it may stand. */
const nearby = 12

/**
 * The place of a quoted word, or of a key, near a location: the registering call does not say where its words stand.
 * @param within lines to look at in each direction
 */
export function locateWord(
  location: Location | undefined,
  word: string,
  within = nearby,
): Pick<Problem, 'location' | 'word'> {
  if (!location) return {}
  const { file, line } = location
  const lines = linesOf(file)
  const quoted = new RegExp(`(?<=['"\`])${escaped(word)}(?=['"\`])|\\b${escaped(word)}(?=\\s*:)`)
  const found = lines
    .map((text, at) => ({ line: at + 1, column: text.search(quoted) + 1 }))
    .filter((place) => place.column > 0 && Math.abs(place.line - line) <= within)
    .sort((a, b) => Math.abs(a.line - line) - Math.abs(b.line - line))[0]
  return found ? { location: { file, ...found }, word } : { location }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
