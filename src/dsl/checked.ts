/** Checks of what bench files pass to the functions of isobench. Most mistakes are habits from test runners. */

import { closestMatch } from '../util/closest-match.ts'
import { hasHalfSurrogate } from '../util/names.ts'
import { callerLocation, DefinitionError, type Location } from './errors.ts'

/** What JavaScript itself, `await` and test runners ask of any object. */
const asked = new Set([
  'then',
  'toJSON',
  'asymmetricMatch',
  'nodeType',
  'tagName',
  'prototype',
  'displayName',
  'default',
])

/**
 * Returns `target`. Reading a member that it lacks throws a `DefinitionError` with the closest name, where JavaScript
 * would return `undefined`.
 * @param describe the message about a name that is missing
 * @param fixes how to fix names that other tools have
 */
export function withKnownMembers<T extends object>(
  target: T,
  describe: (name: string) => string,
  fixes: Readonly<Record<string, string>> = {},
): T {
  return new Proxy(target, {
    get: function get(object, name, receiver) {
      if (typeof name !== 'string' || name in object || asked.has(name) || !/^[a-z]\w*$/i.test(name))
        return Reflect.get(object, name, receiver)
      const fix = Object.hasOwn(fixes, name) ? fixes[name]! : suggestion(name, Object.keys(object))
      throw new DefinitionError(describe(name), fix, callerLocation(get))
    },
  })
}

/** `did you mean "latency"?`, or all names if none is close. */
export function suggestion(name: string, known: readonly string[]): string {
  const close = closestMatch(name, known)
  if (close !== undefined) return `did you mean "${close}"?`
  return known.length > 0 ? `use one of: ${known.join(', ')}` : 'remove it'
}

/** The parameters of a bench that could not be registered. Claims about it are not checked. */
export const unknownParams: Readonly<Record<string, never>> = {}

/** The unit of its metrics. No metric can have it. */
export const unknownUnit = ''

/** Whether `await` would wait for a value: a promise of any library. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  isObject(value) && typeof value.then === 'function'

/** Whether a value is what a function with an asterisk returns: its code has not begun to run. */
export const isGenerator = (value: unknown): boolean => /Generator\]$/.test(Object.prototype.toString.call(value))

function functionKind(value: unknown): string {
  if (/GeneratorFunction\]$/.test(Object.prototype.toString.call(value))) return 'a generator'
  return /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function'
}

/** Whether a call runs the code of a value. That of a generator runs none, and that of a class throws. */
export const isPlainFunction = (value: unknown): value is (...args: never[]) => unknown =>
  typeof value === 'function' && functionKind(value) === 'a function'

/** What a value is, in words: `undefined`, `a function`, `an array`, `5n`, `"5%"`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'function') return functionKind(value)
  if (Array.isArray(value)) return 'an array'
  if (isThenable(value)) return 'a promise'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

/** Whether a value is an object with fields. An array and a function are none. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The first value that a list has again. Undefined if there is none. */
export const repeatedValue = <T>(values: readonly T[]): T | undefined =>
  values.find((value, at) => values.indexOf(value) < at)

/** What is wrong with the values of a parameter, in words that follow its name. */
export function paramProblem(values: unknown): string | undefined {
  if (!Array.isArray(values)) return `is ${describeValue(values)}`
  if (values.length === 0) return 'has no values'
  // A record cannot have NaN and Infinity, because JSON has neither.
  const isValue = (value: unknown) => ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
  const at = values.findIndex((value) => !isValue(value))
  if (at >= 0) return `has a value that is ${describeValue(values[at])}, not a string, number or boolean`
  const half: unknown = values.find((value) => typeof value === 'string' && hasHalfSurrogate(value))
  if (half !== undefined) return `has the value ${describeValue(half)}, which has half of a surrogate pair`
  const repeated: unknown = repeatedValue(values)
  return repeated === undefined ? undefined : `has the value ${describeValue(repeated)} twice`
}

/**
 * Checks that `given` is an object with none but known fields.
 * @param what for messages, such as `bench "sort"`
 * @param renamed fields of other tools, and what they are called here
 * @throws {DefinitionError} without a location
 */
export function checkFields(
  what: string,
  given: unknown,
  known: readonly string[],
  renamed: Readonly<Record<string, string>> = {},
): void {
  if (!isObject(given))
    throw new DefinitionError(`${what}: the options are ${describeValue(given)}.`, `use { ${known.join(', ')} }`)
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const fix = Object.hasOwn(renamed, unknown) ? `use "${renamed[unknown]}"` : suggestion(unknown, known)
  throw new DefinitionError(`${what}: there is no option "${unknown}".`, fix)
}

/**
 * Checks the options of a call that a workload makes while it runs.
 * @param call for the message, such as `burst()`
 * @throws {TypeError} if it is no object, or has a field that the call does not have
 */
export function checkOptions(call: string, given: unknown, known: readonly string[]): void {
  if (!isObject(given))
    throw new TypeError(`${call}: the options are ${describeValue(given)}: use { ${known.join(', ')} }`)
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new TypeError(`${call}: there is no option "${unknown}": ${suggestion(unknown, known)}`)
}

/** What is wrong with a call that has more arguments than it takes. @param call for the message, such as `clone()` */
export const tooManyArguments = (call: string, more: readonly unknown[]): string =>
  `${call} does not take ${more.map(describeValue).join(', ')} as its last argument`

/**
 * Checks that a call that a workload makes while it runs has no arguments after those that it takes.
 * @param call for the message, such as `clone()`
 * @throws {TypeError} if it has
 */
export function checkNoMoreArguments(call: string, more: readonly unknown[]): void {
  if (more.length > 0) throw new TypeError(`${tooManyArguments(call, more)}: remove it`)
}

/**
 * Checks a text that reports show.
 * @param what for the message, such as `the name of a bench`
 * @throws {DefinitionError} without a location, if it has half of a surrogate pair
 */
export function checkText(what: string, text: string): void {
  if (!hasHalfSurrogate(text)) return
  throw new DefinitionError(
    `${what} has half of a surrogate pair, which UTF-8 does not have: ${JSON.stringify(text)}.`,
    'write the whole character, or remove it',
  )
}

/**
 * Checks the tags of a bench, a group or a platform.
 * @param what for messages, such as `bench "sort"`
 * @throws {DefinitionError} without a location, if they are no list of words
 */
export function checkTags(what: string, tags: unknown): void {
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string'))
    throw new DefinitionError(`${what}: the tags are ${describeValue(tags)}.`, "use a list: tags: ['cpu']")
  for (const tag of tags as readonly string[]) checkTag(what, tag)
}

/** @throws {DefinitionError} without a location, if an option such as `--tag` would read the tag as other ones */
function checkTag(what: string, tag: string): void {
  checkText(`${what}: a tag`, tag)
  const words = tag.split(',').map((part) => part.trim())
  if (tag !== '' && words.length === 1 && words[0] === tag) return
  const written = words.filter(Boolean).map((word) => JSON.stringify(word))
  throw new DefinitionError(
    `${what}: ${JSON.stringify(tag)} is no tag, because options split at commas and remove outer spaces.`,
    written.length === 0 ? 'remove the tag' : `write ${written.join(' and ')}`,
  )
}

/** The most seconds that a time limit may have. A timer of Node that is longer than 24 days ends at once. */
export const longestTimeout = 86_400

/**
 * Checks options that benches and groups have in common.
 * @param what for messages, such as `bench "sort"`
 * @throws {DefinitionError} without a location
 */
export function checkTagsAndTimeout(
  what: string,
  { tags = [], timeout }: { readonly tags?: unknown; readonly timeout?: unknown },
): void {
  checkTags(what, tags)
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0 && timeout <= longestTimeout))
    throw new DefinitionError(
      `${what}: the timeout is ${describeValue(timeout)}.`,
      `use a number of seconds above 0 and at most ${longestTimeout}`,
    )
}

/** Returns what `check` returns, and adds a location to the `DefinitionError` that it throws. */
export function withErrorLocation<T>(locate: () => Location | undefined, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error
    throw new DefinitionError(error.message, error.fix, locate())
  }
}

/** Whether a value is what `workload` returns. Not `instanceof`: another copy of isobench may have made it. */
const isWorkload = (value: unknown): boolean => isObject(value) && isObject(value.work) && isObject(value.metrics)

const asCode = (name: string): string => `'${name.replaceAll("'", "\\'")}'`

const shape = (name: string): string =>
  `bench(${asCode(name)}, workload(${asCode(name)}, { metrics: { time: lower('ms') }, run: ... }))`

/**
 * @param call the function that takes the name
 * @throws {DefinitionError} without a location
 */
export function checkBenchName(call: 'bench' | 'bench.todo', name: unknown): asserts name is string {
  if (typeof name !== 'string')
    throw new DefinitionError(
      `${call}() takes a name first, and this is ${describeValue(name)}.`,
      `write ${call}('what it measures'${call === 'bench' ? ', workload' : ''})`,
    )
  if (name.trim() === '') throw new DefinitionError('a bench has no name.', 'describe in a few words what it measures')
  checkText('the name of a bench', name)
}

/**
 * Checks the name and the workload of a bench.
 * @param options the third argument, for `bench(name, options, workload)`
 * @throws {DefinitionError} without a location
 */
export function checkBenchArguments(name: unknown, workload: unknown, options: unknown): void {
  checkBenchName('bench', name)
  if (isWorkload(workload)) return
  if (isWorkload(options))
    throw new DefinitionError(
      `bench "${name}": the workload is the second argument, and the options are the third.`,
      `write bench(${asCode(name)}, workload, { tags: [...] })`,
    )
  if (typeof workload === 'function')
    throw new DefinitionError(
      `bench "${name}": bench() takes a workload, and this is a function.`,
      `to time the function in every guest: bench(${asCode(name)}, workload.inGuest(${asCode(name)}, () => ...)); ` +
        `to run commands: ${shape(name)}`,
    )
  throw new DefinitionError(
    `bench "${name}": bench() takes a workload, and this is ${describeValue(workload)}.`,
    workload === undefined
      ? `write ${shape(name)}; an import is undefined if two files import each other`
      : `write ${shape(name)}`,
  )
}
