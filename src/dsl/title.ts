import { format, inspect } from 'node:util'

/** The value at a path such as `a.b`; undefined if there is none. */
function valueAt(row: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        value !== null && value !== undefined && Object.hasOwn(Object(value), key)
          ? (value as Readonly<Record<string, unknown>>)[key]
          : undefined,
      row,
    )
}

const asText = (value: unknown): string =>
  typeof value === 'string' ? value : inspect(value, { breakLength: Infinity })

/**
 * The title of a row of `each` and `for`, with the formats of Vitest: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O` take the
 * items of the row one after the other, `%#` is the index of the row, `%$` its number from 1 on, `%%` a percent sign.
 * `$name` and `$a.b` are fields of a row that is an object, `$0` and `$1` items of one that is an array.
 * @param index of the row
 */
export function formatTitle(title: string, row: unknown, index: number): string {
  const items: unknown[] = Array.isArray(row) ? [...row] : [row]
  return title.replace(/%([sdifjoO#$%])|\$(\w+(?:\.\w+)*)/g, (text, kind?: string, path?: string) => {
    if (path !== undefined) {
      const value = valueAt(row, path)
      return value === undefined ? text : asText(value)
    }
    if (kind === '%') return '%'
    if (kind === '#') return String(index)
    if (kind === '$') return String(index + 1)
    if (items.length === 0) return text
    const item = items.shift()
    return kind === 's' ? asText(item) : format(`%${kind}`, item)
  })
}
