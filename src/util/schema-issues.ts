import type * as z from 'zod'
import { closestMatch } from './closest-match.ts'
import { toText } from './errors.ts'

/** What a schema says about a wrong value, in words that name the option, the value and what is expected. */

type Issue = z.core.$ZodIssue

/** One wrong option. */
export interface WrongOption {
  /** Where it is: `['guest', 'cpus']`. */
  readonly path: readonly PropertyKey[]
  /** `guest.cpus: "two" is not a whole number.` */
  readonly message: string
  readonly fix?: string
}

/** How messages of zod begin. All others are from the schemas of isobench. */
const isDefault = (message: string): boolean => /^(Invalid|Too (big|small)|Unrecognized|Expected) ?/.test(message)

const longestValue = 60

/** A value as JSON. One that refers to itself, or throws an error when it is read, has none. NaN would be null. */
function jsonText(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** A value as JSON, cut. */
function shown(value: unknown): string {
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return typeof value
  const text = jsonText(value) ?? toText(value)
  return text.length <= longestValue ? text : `${text.slice(0, longestValue)}...`
}

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input)

/** `samples[3].unit` */
const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
    '',
  )

const types: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
  tuple: 'a list',
}

/** What an issue expects: `a whole number`. Undefined if only its message says so. */
function expected(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? issue.expected
    case 'invalid_value':
      return issue.values.map((one) => JSON.stringify(one)).join(' or ')
    case 'too_small':
      return `${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}${counted(issue.origin)}`
    case 'too_big':
      return `${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}${counted(issue.origin)}`
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap(([first]) => (first ? (expected(first) ?? []) : [])))].join(' or ')
    default:
      return undefined
  }
}

const counted = (origin: string): string =>
  origin === 'array' ? ' entries long' : origin === 'string' ? ' characters long' : ''

/**
 * Describes what is wrong with a value.
 * @param input the whole value that was checked
 * @param schema suggests fields for one that it does not have
 */
export function wrongOptions(issues: readonly Issue[], input: unknown, schema?: unknown): WrongOption[] {
  return issues
    .flatMap(issuesInside)
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownField(issue.path, key, schema))
        : wrongValue(issue, input),
    )
}

/**
 * The issues of the form of a union that a value fits best: an element of a list is wrong, and not the whole list.
 * The issue itself if the value is of none of the forms, or of several.
 */
function issuesInside(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue]
  const forms = issue.errors
    .filter((form) => form.length > 0 && form.every(({ path }) => path.length > 0))
    .map((form) => ({ form, depth: form[0]!.path.length }))
    .sort((a, b) => a.form.length - b.form.length || b.depth - a.depth)
  const [best, next] = forms
  if (!best) return [issue]
  const isTie = next && next.form.length === best.form.length && next.depth === best.depth
  if (isTie && pathText(next.form[0]!.path) !== pathText(best.form[0]!.path)) return [issue]
  return best.form.flatMap((inner) => issuesInside({ ...inner, path: [...issue.path, ...inner.path] }))
}

function wrongValue(issue: Issue, input: unknown): WrongOption {
  const { path, message } = issue
  const value = valueAt(input, path)
  const option = pathText(path)
  const prefix = option ? `${option}: ` : ''
  const what = value === undefined && option ? `${option} is missing.` : undefined
  if (!isDefault(message)) {
    // A message that is an instruction is the fix.
    if (!/^(use|write) /.test(message)) return { path, message: `${prefix}${message}` }
    return { path, message: what ?? `${prefix}${shown(value)} is not accepted.`, fix: message }
  }
  const wanted = expected(issue)
  if (what) return { path, message: what, ...(wanted && { fix: `write ${wanted}` }) }
  return { path, message: `${prefix}${shown(value)} is not ${wanted || 'accepted'}.` }
}

function unknownField(at: readonly PropertyKey[], key: string, schema: unknown): WrongOption {
  const where = pathText(at)
  const names = fieldsAt(schema, at)
  const close = closestMatch(key, names)
  return {
    path: [...at, key],
    message: `there is no option "${key}"${where && ` in ${where}`}.`,
    ...(names.length > 0 && { fix: close ? `did you mean "${close}"?` : `use one of: ${names.join(', ')}` }),
  }
}

/** The parts of a schema that contain others. */
interface Container {
  readonly unwrap?: () => unknown
  readonly shape?: Readonly<Record<string, unknown>>
  readonly element?: unknown
  readonly valueType?: unknown
}

/** The names of the fields of an object in a schema. */
function fieldsAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  let inner = schema as Container | undefined
  while (inner && !inner.shape && !inner.element && typeof inner.unwrap === 'function')
    inner = inner.unwrap() as Container
  const [key, ...rest] = path
  if (key === undefined) return Object.keys(inner?.shape ?? {})
  return fieldsAt(inner?.shape?.[String(key)] ?? inner?.element ?? inner?.valueType, rest)
}
