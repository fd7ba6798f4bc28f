import { fileURLToPath } from 'node:url'

/** A wrong definition in a bench file or the config: what is wrong, where, and how to fix it. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError'
  readonly code = 'ISOBENCH_DEFINITION'

  constructor(
    message: string,
    readonly fix: string,
    readonly location?: Location,
  ) {
    super(message)
  }
}

/** A position in an author's source file. Line and column count from 1. */
export interface Location {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** `at name (path:line:column)` or `at path:line:column`. A path may contain parentheses. */
const frame = /^at (?:async )?(?:.*? \((?=\/|file:))?((?:file:\/\/)?\/.*):(\d+):(\d+)\)?$/

/**
 * Parses the locations of a stack trace, innermost first. Needs `process.setSourceMapsEnabled(true)` for TypeScript.
 */
export function parseStackFrames(stack: string): Location[] {
  const locations: Location[] = []
  for (const text of stack.split('\n')) {
    const match = frame.exec(text.trim())
    if (!match) continue
    const path = match[1]!
    // Node shows a position of a source map as a path, and any other one of an ES module as a URL.
    const file = path.startsWith('file:') ? fileURLToPath(path) : path
    locations.push({ file, line: Number(match[2]), column: Number(match[3]) })
  }
  return locations
}

/** Returns the location of the caller of `callee`, or `undefined` if the engine provides no stack. */
export const callerLocation = (callee: (...args: never[]) => unknown): Location | undefined =>
  callerFrames(callee, Error.stackTraceLimit)[0]

/** The function of Node.js, which reads source maps. Undefined in versions that have an internal one. */
const defaultFormat = Error.prepareStackTrace

/** Deep enough for helper functions that register benches. */
const callerDepth = 100

/** Returns the locations of the callers of `callee`, innermost first. */
export function callerFrames(callee: (...args: never[]) => unknown, depth = callerDepth): Location[] {
  const holder: { stack?: string } = {}
  const limit = Error.stackTraceLimit
  // User code may have one that returns no text, or throws.
  const { prepareStackTrace } = Error
  // An assignment throws if all builtins are frozen (--frozen-intrinsics).
  Reflect.set(Error, 'stackTraceLimit', depth)
  Reflect.set(Error, 'prepareStackTrace', defaultFormat)
  try {
    Error.captureStackTrace(holder, callee)
    return parseStackFrames(holder.stack ?? '')
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace)
  }
}

/** Returns the location as a property, or no property if it is unknown. */
export const withLocation = (location: Location | undefined): { location?: Location } => (location ? { location } : {})
