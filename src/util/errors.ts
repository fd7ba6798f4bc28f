/** Error classes that users see, and the text of any thrown value. */

import { inspect } from 'node:util'
import { sanitize } from './text.ts'

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
  readonly code = 'ISOBENCH_HOST'
}

/** A workload needs something that the platform by its nature cannot do, such as running a second program. */
export class UnsupportedError extends IsobenchError {
  readonly code = 'ISOBENCH_UNSUPPORTED'
}

/** The user, or another sender of SIGINT or SIGTERM, ended the run. */
export class InterruptedError extends IsobenchError {
  readonly code = 'ISOBENCH_INTERRUPTED'
}

/** Returns the last `lines` non-blank lines, each made safe to print. */
export function lastLines(text: string, lines = 3): string[] {
  // Only the end, because a guest may have printed megabytes.
  return text
    .slice(-16_384)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => sanitize(line))
}

/** Converts any value to text. `String` would throw for an object without a prototype. */
export const toText = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, customInspect: false })

/** The message of a thrown value, on one line. */
export function messageOf(thrown: unknown): string {
  return sanitize(toText(thrown instanceof Error ? thrown.message || thrown.name : thrown))
}
