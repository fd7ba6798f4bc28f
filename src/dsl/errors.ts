/** A mistake in a bench file or the config: says what is wrong, where it was written, and how to mend it. */
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

/** Where in the author's source something was written. Line and column count from 1. */
export interface Location {
  readonly file: string
  readonly line: number
  readonly column: number
}

const frame = /(?:\(|at )(?:async )?(?:file:\/\/)?(\/[^()]+?):(\d+):(\d+)\)?$/

/** The places that a stack trace names, innermost first. Needs `process.setSourceMapsEnabled(true)` to name TypeScript. */
export function parseStackFrames(stack: string): Location[] {
  const found: Location[] = []
  for (const text of stack.split('\n')) {
    const match = frame.exec(text.trim())
    if (match) found.push({ file: decodeURI(match[1]!), line: Number(match[2]), column: Number(match[3]) })
  }
  return found
}

/** Where the caller of `callee` stands, or undefined where the engine gives no stack. */
export function callerLocation(callee: (...args: never[]) => unknown): Location | undefined {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, callee)
  return parseStackFrames(holder.stack ?? '')[0]
}
