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

const frame = /(?:\(|at )(?:async )?(?:file:\/\/)?(\/[^()]+?):(\d+):(\d+)\)?$/

/**
 * Parses the locations of a stack trace, innermost first. Needs `process.setSourceMapsEnabled(true)` for TypeScript.
 */
export function parseStackFrames(stack: string): Location[] {
  const locations: Location[] = []
  for (const text of stack.split('\n')) {
    const match = frame.exec(text.trim())
    if (match) locations.push({ file: decodeURI(match[1]!), line: Number(match[2]), column: Number(match[3]) })
  }
  return locations
}

/** Returns the location of the caller of `callee`, or `undefined` if the engine provides no stack. */
export function callerLocation(callee: (...args: never[]) => unknown): Location | undefined {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, callee)
  return parseStackFrames(holder.stack ?? '')[0]
}

/** Returns the location as a property, or no property if it is unknown. */
export const withLocation = (location: Location | undefined): { location?: Location } => (location ? { location } : {})
