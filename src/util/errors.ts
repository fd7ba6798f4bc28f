import { inspect } from 'node:util'

/** A failure that a user can act on: what was wrong, a stable code, and how to mend it. Never shown as a bare stack. */
export abstract class IsobenchError extends Error {
  abstract readonly code: string

  constructor(
    message: string,
    /** How to mend it, as a sentence or a command line. */
    readonly fix?: string,
  ) {
    super(message)
    this.name = new.target.name
  }
}

/** The command line or the config asks for something that there is not. */
export class UsageError extends IsobenchError {
  readonly code = 'ISOBENCH_USAGE'
}

/** This machine lacks something that isobench needs, whatever the platform. */
export class HostError extends IsobenchError {
  readonly code = 'ISOBENCH_MACHINE'
}

/** A platform can by its nature not do what a workload asks of it, such as run a second program. */
export class UnsupportedError extends IsobenchError {
  readonly code = 'ISOBENCH_UNSUPPORTED'
}

/** The user, or whoever sent SIGINT or SIGTERM, ended the run. */
export class InterruptedError extends IsobenchError {
  readonly code = 'ISOBENCH_INTERRUPTED'
}

/**
 * Control characters made visible, on one line, cut to `width` characters: fit for a terminal, whatever a guest printed. What is
 * cut out is of the middle: the beginning tells whose text it is, and the end what the cause was.
 */
export function sanitizeLine(text: string, width = 600): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' ? '⏎' : c === '\t' ? ' ' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  if (visible.length <= width) return visible
  const begun = Math.floor(width / 4)
  return `${visible.slice(0, begun)}…${visible.slice(begun + 1 - width)}`
}

/** The last `lines` lines that say something, each printable. */
export function lastLines(text: string, lines = 3): string[] {
  // The end is enough: a guest may have printed megabytes.
  return text
    .slice(-16_384)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => sanitizeLine(line))
}

/** Anything as a text. Not every object can be made one of: `String` throws at one without a prototype. */
export const toText = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, customInspect: false })

/** Something thrown, as one line. */
export function messageOf(thrown: unknown): string {
  return sanitizeLine(toText(thrown instanceof Error ? thrown.message || thrown.name : thrown))
}
