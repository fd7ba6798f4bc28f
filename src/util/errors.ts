/** Error classes that users see, and functions that make any text safe to print. */

import { inspect } from 'node:util'

/** An error that a user can fix: a message, a stable code, and a fix. Printed without a stack trace. */
export abstract class IsobenchError extends Error {
  abstract readonly code: string

  constructor(
    message: string,
    /** How to fix it, as a sentence or a command. */
    readonly fix?: string,
  ) {
    super(message)
    this.name = new.target.name
  }
}

/** The command line or the config asks for something that does not exist. */
export class UsageError extends IsobenchError {
  readonly code = 'ISOBENCH_USAGE'
}

/** The host lacks something that isobench needs for every platform. */
export class HostError extends IsobenchError {
  readonly code = 'ISOBENCH_MACHINE'
}

/** A workload needs something that the platform by its nature cannot do, such as running a second program. */
export class UnsupportedError extends IsobenchError {
  readonly code = 'ISOBENCH_UNSUPPORTED'
}

/** The user, or another sender of SIGINT or SIGTERM, ended the run. */
export class InterruptedError extends IsobenchError {
  readonly code = 'ISOBENCH_INTERRUPTED'
}

/**
 * Makes text safe to print on one line: shows control characters as escapes and shortens the text to `width`
 * characters. Cuts the middle, because the start names the source and the end names the cause.
 */
export function sanitizeLine(text: string, width = 600): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters must not reach a terminal
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' ? '⏎' : c === '\t' ? ' ' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  if (visible.length <= width) return visible
  const headLength = Math.floor(width / 4)
  return `${visible.slice(0, headLength)}…${visible.slice(headLength + 1 - width)}`
}

/** Returns the last `lines` non-blank lines, each made safe to print. */
export function lastLines(text: string, lines = 3): string[] {
  // Only the end, because a guest may have printed megabytes.
  return text
    .slice(-16_384)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => sanitizeLine(line))
}

/** Converts any value to text. `String` would throw for an object without a prototype. */
export const toText = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, customInspect: false })

/** The message of a thrown value, on one line. */
export function messageOf(thrown: unknown): string {
  return sanitizeLine(toText(thrown instanceof Error ? thrown.message || thrown.name : thrown))
}
