/**
 * What the parsers share. The rule of all of them: a figure is taken from a whole line or a whole JSON text, or not at
 * all. A tool that was killed leaves `events per second:  60` where `6063.63` was meant, and 60 is a valid number.
 */

/** A tool said something else than its report: it failed, was cut off, or prints a format that we do not know. */
export class ToolOutputError extends Error {
  readonly code = 'ISOBENCH_TOOL_OUTPUT'
  override readonly name = 'ToolOutputError'
  /** The tool whose output it was. */
  readonly tool: string
  /** The last three lines of the output at most, tabs as two spaces and other control characters escaped. */
  readonly tail: string

  constructor(tool: string, problem: string, output: string) {
    const tail = lastLines(output)
    super(
      `${tool}: ${escapeControls(problem)}. ${tail === '' ? 'The output is empty.' : `Its output ends with:\n${tail}`}`,
    )
    this.tool = tool
    this.tail = tail
  }
}

/** Longest line that an error quotes, in characters. */
const QUOTED = 200

function lastLines(output: string): string {
  const lines = output.slice(-16_384).replaceAll('\t', '  ').trimEnd().split('\n').slice(-3)
  return lines.map((line) => escapeControls(line.length > QUOTED ? `${line.slice(0, QUOTED)}…` : line)).join('\n')
}

/** Terminal sequences in a tool's output must not reach the reader's terminal (C0, DEL, C1, bidi marks). */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    return `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`
  })
}

/** A label, unit or pattern as the source of a regular expression; a string stands for itself. */
function source(part: string | RegExp): string {
  return typeof part === 'string' ? part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/ +/g, ' +') : part.source
}

/**
 * The figure of the one line that reads `label number unit`, with an optional `:` or `=` after the label.
 *
 * The whole line must match. Its newline may be missing only where a unit shows that the line was not cut off.
 *
 * @param unit what follows the number up to the end of the line; a pattern must not match its own prefixes
 * @throws ToolOutputError if no line or more than one matches, or the figure is not finite and ≥ 0
 */
export function labelledNumber(
  tool: string,
  output: string,
  label: string | RegExp,
  unit: string | RegExp = '',
): number {
  const line = new RegExp(`^\\s*(?:${source(label)})\\s*[:=]?\\s*(\\S+?)\\s*(?:${source(unit)})\\s*$`)
  const lines = output.split('\n')
  // What follows the last newline may be the front of a line.
  if (source(unit) === '') lines.pop()
  const found = lines.map((text) => line.exec(text)?.[1]).filter((text) => text !== undefined)
  const what = typeof label === 'string' ? `"${label}"` : String(label)
  if (found.length === 0) throw new ToolOutputError(tool, `no complete line with ${what}`, output)
  if (found.length > 1) throw new ToolOutputError(tool, `${found.length} lines with ${what}, so two reports`, output)
  return toNumber(tool, output, what, found[0]!)
}

/** A decimal figure, finite and ≥ 0. @throws ToolOutputError for anything else, such as `nan`, `inf`, `-1` or `1,5` */
export function toNumber(tool: string, output: string, what: string, text: string): number {
  const value = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  if (Number.isFinite(value)) return value
  throw new ToolOutputError(tool, `${what} is ${JSON.stringify(text)}, not a figure of 0 or more`, output)
}

/**
 * The one JSON object in an output, which may have notes around it: fio and iperf3 print theirs to stdout too. The
 * object starts at a line that starts with `{`.
 *
 * @throws ToolOutputError if there is none, if it is cut off or malformed, or if there are two
 */
export function parseJson(tool: string, output: string): unknown {
  const start = /^\{/m.exec(output)?.index
  if (start === undefined) throw new ToolOutputError(tool, 'no JSON report', output)
  const end = endOfObject(output, start)
  if (end === undefined) throw new ToolOutputError(tool, 'the JSON report is cut off', output)
  if (/^\{/m.test(output.slice(end))) throw new ToolOutputError(tool, 'two JSON reports', output)
  try {
    return JSON.parse(output.slice(start, end))
  } catch (error) {
    throw new ToolOutputError(tool, `the JSON report is malformed (${(error as Error).message})`, output)
  }
}

function endOfObject(text: string, start: number): number | undefined {
  let depth = 0
  for (const token of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"?|[{}]/gs)) {
    if (token[0] === '{') depth++
    else if (token[0] === '}' && --depth === 0) return start + token.index + 1
  }
  return undefined
}

/** The value at a path of keys inside parsed JSON, or undefined. Own properties only, so `constructor` is not there. */
export function at(json: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => {
    return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string | number, unknown>)[key]
      : undefined
  }, json)
}

/** The figure at a path of keys. @throws ToolOutputError unless it is a finite JSON number and ≥ 0 */
export function jsonNumber(tool: string, output: string, json: unknown, ...path: (string | number)[]): number {
  const value = at(json, ...path)
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  const problem = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, not a figure of 0 or more`
  throw new ToolOutputError(tool, `${path.join('.')} ${problem}`, output)
}
