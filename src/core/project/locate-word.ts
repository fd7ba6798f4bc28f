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

/** The place of an option in a config: each key of its path stands after the one before. Keys of lists are skipped. */
export function locatePath(file: string, path: readonly PropertyKey[]): Pick<Problem, 'location' | 'word'> {
  const text = linesOf(file).join('\n')
  const keys = path.filter((key) => typeof key === 'string')
  let at = 0
  for (const key of keys) {
    const found = new RegExp(`(?<![\\w$.])${escaped(key)}(?=['"]?\\s*[:,}(])`, 'g')
    found.lastIndex = at
    const match = found.exec(text)
    if (!match) return {}
    at = match.index
  }
  const before = text.slice(0, at).split('\n')
  const word = keys.at(-1)
  return word === undefined ? {} : { location: { file, line: before.length, column: before.at(-1)!.length + 1 }, word }
}

/** The first change of one of the names, such as `JSON.stringify`, in a file: an assignment, or a call of its owner. */
export function locateAssignment(file: string, names: readonly string[]): Location | undefined {
  const anyOf = (texts: readonly string[]): string => `(?:${texts.map(escaped).join('|')})`
  const any = anyOf(names)
  const owner = anyOf(['globalThis', ...names.map((name) => name.replace(/(\.[^.[]+|\[.*)$/, ''))])
  const ways = [
    `${any}[)\\s]*(as \\w+\\)\\s*)?=(?![=>])`,
    `delete\\s+${any}\\b`,
    `(?:Object|Reflect)\\.(?:define\\w+|deleteProperty|setPrototypeOf|assign|set)\\(\\s*${owner}\\b`,
  ]
  const pattern = new RegExp(`(?<![\\w$])(?:${ways.join('|')})`)
  for (const [at, text] of linesOf(file).entries()) {
    const column = text.search(pattern)
    if (column >= 0) return { file, line: at + 1, column: column + 1 }
  }
  return undefined
}

/** Where the default export of a module begins. */
export const locateExport = (file: string): Location | undefined =>
  startsOfLines(file, (text) => /^export default\b|^module\.exports\s*=/.test(text))[0]

/** The line of the `await` at the top level of a module, if only one line that is not indented has one. */
export function locateAwait(file: string): Location | undefined {
  const all = startsOfLines(file, (text) => {
    const before = /^(?![\s*]|\/[/*])(.*)\bawait\b/.exec(text)?.[1]
    return before !== undefined && !/=>|\b(?:async|function)\b/.test(before)
  })
  return all.length === 1 ? all[0] : undefined
}

const startsOfLines = (file: string, isWanted: (text: string) => boolean): Location[] =>
  linesOf(file).flatMap((text, at) => (isWanted(text) ? [{ file, line: at + 1, column: 1 }] : []))

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
