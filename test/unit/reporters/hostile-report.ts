/** A report with hostile text in every field that takes any text. */

import * as fc from 'fast-check'
import { type Report, reportSchema } from '../../../src/core/model/report.ts'
import { makeReport } from './fixture.ts'

type Path = readonly (string | number)[]

/** Replaces the strings of plain data. Keys below `metrics` and `params` are names, so they count as strings too. */
function mapStrings(value: unknown, replace: (text: string, path: Path) => string, path: Path = []): unknown {
  if (typeof value === 'string') return replace(value, path)
  if (Array.isArray(value)) return value.map((item, index) => mapStrings(item, replace, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  const named = ['metrics', 'params', 'mitigations'].includes(String(path.at(-1)))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      named ? replace(key, [...path, '*']) : key,
      mapStrings(item, replace, [...path, key]),
    ]),
  )
}

/** A path without indices and names: the same for every item of a list. */
const kindOf = (path: Path): string => path.map((part) => (typeof part === 'number' ? '[]' : part)).join('.')

const base = makeReport(false)

/** The kinds of paths at which the schema allows any text. Enumerations and the like keep their values. */
export const free = new Set<string>()
{
  const kinds = new Map<string, string>()
  mapStrings(base, (text, path) => {
    kinds.set(kindOf(path), text)
    return text
  })
  for (const kind of kinds.keys()) {
    const changed = mapStrings(base, (text, path) => (kindOf(path) === kind ? `${text}!` : text))
    if (reportSchema.safeParse(changed).success) free.add(kind)
  }
}

/** The report with `addition` at the end of every text. Letters around it keep words such as `native` from matching. */
export const withAddition = (addition: string): Report =>
  mapStrings(base, (text, path) => (free.has(kindOf(path)) ? `${text}x${addition}x` : text)) as Report

const dangerous = fc.constantFrom(
  ...['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '</style>', '</title>'],
  ...[
    '" onload="x',
    '<!--',
    '-->',
    ']]>',
    '&lt;',
    '&#60;b&#62;',
    '\u0000<b>',
    '\u2028<b>',
    '`',
    '${',
    '<svg/onload=x>',
  ],
)
export const hostileText = fc
  .array(fc.oneof(dangerous, fc.string({ unit: 'binary', maxLength: 8 })), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join(''))
