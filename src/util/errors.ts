/** Error classes that users see, and the text of any thrown value. */

import { inspect, types } from 'node:util'
import { sanitize } from './text.ts'

/** An error that a user can fix: a message, a stable code, and a fix. Printed without a stack trace. */
export abstract class IsobenchError extends Error {
  abstract readonly code: string

  constructor(
    message: string,
    /** How to fix it, as a sentence or a command. */
    readonly fix?: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    // An assignment would fail after user code has frozen Error.prototype.
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true, writable: true })
  }
}

/** The command line or the config asks for something that does not exist. */
export class UsageError extends IsobenchError {
  readonly code = 'ISOBENCH_USAGE'
}

/** The host lacks something that isobench needs for every platform. */
export class HostError extends IsobenchError {
  readonly code = 'ISOBENCH_HOST'
}

/** A workload needs something that the platform by its nature cannot do, such as running a second program. */
export class UnsupportedError extends IsobenchError {
  readonly code = 'ISOBENCH_UNSUPPORTED'
}

/** What was measured does not decide what a command asks. */
export class UncertainError extends IsobenchError {
  readonly code = 'ISOBENCH_UNCERTAIN'
}

/** The user, or another sender of SIGINT or SIGTERM, ended the run. */
export class InterruptedError extends IsobenchError {
  readonly code = 'ISOBENCH_INTERRUPTED'
}

/** Longer output is read only at its beginning and at its end, in UTF-16 code units. */
const readAtEachEnd = 16_384

/** The columns of one of several lines, so that the other ones stay visible. */
const longestOfSeveral = 200

/**
 * Returns the first non-blank line and the last ones, each made safe to print, with `…` in the place of the others.
 * Some programs print the cause first and then their usage, other programs print it last.
 * @param lines the most lines, without the `…`
 */
export function keyLines(text: string, lines = 3): string[] {
  // A guest may have printed megabytes.
  const ends =
    text.length <= 2 * readAtEachEnd
      ? text
      : `${text.slice(0, readAtEachEnd)}\n${text.slice(text.length - readAtEachEnd)}`
  const all = ends.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (all.length <= 1) return all.map((line) => sanitize(line.trim()))
  const kept = all.length <= lines ? all : [all[0]!, '…', ...all.slice(1 - lines)]
  return kept.map((line) => sanitize(line.trim(), longestOfSeveral))
}

/** Converts any value to text. `String` would throw for an object without a prototype. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value
  // It would have what an AsyncLocalStorage of isobench keeps in a promise.
  if (types.isPromise(value)) return 'a promise'
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, customInspect: false })
}

/** Whether a value is an error, also one of another realm: code in `node:vm` has its own `Error`. */
export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value)

/**
 * The thrown value, or an error in its place if it cannot be read: a getter or a proxy of user code may throw again.
 */
export function readableError(thrown: unknown): unknown {
  try {
    if (isError(thrown))
      void [thrown.message, thrown.name, thrown.stack, thrown.cause, (thrown as AggregateError).errors]
    else toText(thrown)
    return thrown
  } catch {
    return new Error('it threw a value that throws an error when it is read')
  }
}

/**
 * The error of an `await using` block and then the error of its clean-up, if both failed. JavaScript throws them as one
 * `SuppressedError`, which Node.js 20 does not have: the bundle then throws an error of that name.
 */
export function suppressedErrors(error: unknown): readonly [first: unknown, later: unknown] | undefined {
  if (!isError(error) || error.name !== 'SuppressedError') return undefined
  const both = error as Error & { readonly error?: unknown; readonly suppressed?: unknown }
  return [both.suppressed, both.error]
}

/** Most errors of an AggregateError that its message names. */
const maxInner = 3

/** Most errors within errors. An error may be its own cause. */
const maxDepth = 3

/**
 * The message of an error, then those of the errors of an AggregateError, and of its cause: `fetch failed: connect
 * ECONNREFUSED 10.0.0.1:80`. An error of isobench says what matters of its cause. A SuppressedError has two errors.
 */
export const errorMessage = (error: Error): string => messageWithin(error, maxDepth)

/** Whether a message has another one as it is, or as `messageOf` returns it. */
const includesMessage = (message: string, other: string): boolean =>
  message.includes(other) || sanitize(message, Number.POSITIVE_INFINITY).includes(sanitize(other))

function messageWithin(thrown: unknown, depth: number): string {
  const error = readableError(thrown)
  if (!isError(error)) return toText(error)
  const own = toText(error.message || error.name)
  if (depth === 0 || error instanceof IsobenchError) return own
  const within = (one: unknown) => messageWithin(one, depth - 1)
  const both = suppressedErrors(error)
  if (both) return both.map(within).join('; then: ')
  const { errors } = error as { readonly errors?: unknown }
  const inner = error.name === 'AggregateError' && Array.isArray(errors) ? errors.slice(0, maxInner).map(within) : []
  const cause = error.cause === undefined || error.cause === null ? [] : [within(error.cause)]
  const more = [...(inner.length > 0 ? [inner.join('; ')] : []), ...cause].filter((text) => !includesMessage(own, text))
  return more.length > 0 ? [own.replace(/\.$/, ''), ...more].join(': ') : own
}

/** The message of a thrown value, on one line. */
export function messageOf(thrown: unknown): string {
  const error = readableError(thrown)
  return sanitize(isError(error) ? errorMessage(error) : toText(error))
}
